"""CSV files: a row for each example, by NumPy's reader."""

from __future__ import annotations

import csv
import os
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nnkit.errors import closest

Host = np.ndarray[Any, Any]
Path = str | os.PathLike[str]


class Table(NamedTuple):
    r"""What a CSV file holds.

    >>> import tempfile, pathlib
    >>> from nnkit import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "t.csv"
    ...     _ = file.write_text("size,kind\n1.5,a\n2.5,b\n")
    ...     table = data.read_csv(file, "kind")
    >>> table.x.tolist(), table.y.tolist(), table.names, table.classes
    ([[1.5], [2.5]], [0, 1], ['size'], ['a', 'b'])
    """

    x: Host
    """The values (N, columns), in float64."""
    y: Host | None
    """The target column (N,): int64 for whole numbers and classes, else float64."""
    names: list[str]
    """Of the columns of x."""
    classes: list[str]
    """What the numbers in y stand for, where the target column holds texts."""


def read_csv(path: Path, target: str | int | None = None, *, delimiter: str = ",") -> Table:
    r"""Numbers from a CSV file, and one column of targets.

    A first row without any number names the columns. A target column of texts becomes class
    numbers, in the order of the alphabet.

    Args:
        path: of the file.
        target: the name or the position of the column with the targets; negative from the end.
        delimiter: between values.

    Raises:
        ValueError: names the file, and the line and column where something is wrong.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.csv"
    >>> _ = path.write_text("width,height,kind\n1.5,2,setosa\n2.5,3,virginica\n")
    >>> table = read_csv(path, target="kind")
    >>> table.x.tolist(), table.y.tolist(), table.names, table.classes
    ([[1.5, 2.0], [2.5, 3.0]], [0, 1], ['width', 'height'], ['setosa', 'virginica'])
    """
    first = _first_row(path, delimiter)
    header = None if any(map(_is_number, first)) else first
    names = header or [f"column {i}" for i in range(len(first))]
    column = None if target is None else _position(path, target, names)
    texts: list[str] = []

    def keep(text: str) -> float:
        texts.append(text.strip())
        return 0.0

    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            values = np.loadtxt(
                file, delimiter=delimiter, comments=None, quotechar='"', ndmin=2,
                skiprows=int(header is not None), encoding=None,
                converters=None if column is None else {column: keep},
            )  # fmt: skip
        except ValueError as error:
            _explain(path, delimiter, names, column, header is not None, error)
    if column is None:
        return Table(values, None, names, [])
    y, classes = _targets(texts)
    kept = [i for i in range(len(names)) if i != column]
    return Table(values[:, kept], y, [names[i] for i in kept], classes)


def _first_row(path: Path, delimiter: str) -> list[str]:
    """The first row, where a second or a number says that there are examples."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = (row for row in csv.reader(file, delimiter=delimiter) if row)
        first, second = next(rows, None), next(rows, None)
    if first is None:
        raise ValueError(f"read_csv: '{path}' is empty")
    if second is None and not any(map(_is_number, first)):
        raise ValueError(f"read_csv: '{path}' holds a row of names and no example")
    return [name.strip() for name in first]


def _position(path: Path, target: str | int, names: list[str]) -> int:
    if isinstance(target, str):
        if target not in names:
            raise ValueError(
                f"read_csv: '{path}' has no column '{target}'. {closest(target, names)}"
            )
        return names.index(target)
    if not -len(names) <= target < len(names):
        raise ValueError(
            f"read_csv: target must be a column of the {len(names)} in '{path}', got {target}"
        )
    return target % len(names)


def _targets(texts: list[str]) -> tuple[Host, list[str]]:
    """Whole numbers as int64, other numbers as float64, texts as class numbers."""
    if all(map(_is_number, texts)):
        numbers = np.array(texts, dtype=np.float64)
        whole = all(text.lstrip("+-").isdigit() for text in texts)
        return (numbers.astype(np.int64) if whole else numbers), []
    classes, y = np.unique(texts, return_inverse=True)
    return y.astype(np.int64), [str(c) for c in classes]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _explain(
    path: Path, delimiter: str, names: list[str], column: int | None, header: bool, error: Exception
) -> NoReturn:
    """Say in which line and column the file is wrong."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, delimiter=delimiter)
        for number, row in enumerate(reader):
            if not row or (header and number == 0):
                continue
            where = f"read_csv: line {reader.line_num} of '{path}'"
            if len(row) != len(names):
                raise ValueError(
                    f"{where} must have {len(names)} values like the first, got {len(row)}"
                ) from None
            for i, text in enumerate(row):
                if i != column and not _is_number(text):
                    what = "nothing" if not text.strip() else repr(text)
                    raise ValueError(
                        f"{where} must hold a number in '{names[i]}', got {what}. Fix: fill in "
                        "gaps, turn texts into numbers, or name the target column."
                    ) from None
    raise ValueError(f"read_csv: '{path}': {error}") from None
