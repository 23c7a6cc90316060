"""NPZ files: named NumPy arrays in one file."""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import Any

import numpy as np

from nnkit.errors import closest


def read_npz(path: str | os.PathLike[str], *names: str) -> Any:
    """Arrays from an NPZ file: those of these names as a tuple, or all of them by name.

    Objects that Python would have to unpickle are refused: they could run code.

    Raises:
        ValueError: when it is no NPZ file, is damaged, or lacks a name (with the closest match).

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "data.npz"
    >>> np.savez(path, x_train=[[1.0]], y_train=[0])
    >>> x, y = read_npz(path, "x_train", "y_train")
    >>> x.shape, sorted(read_npz(path))
    ((1, 1), ['x_train', 'y_train'])
    """
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(
                f"read_npz: '{path}' is no NPZ file, or is cut off. Fix: fetch or save it again."
            )
    with np.load(path, allow_pickle=False) as archive:
        for name in names:
            if name not in archive.files:
                raise ValueError(
                    f"read_npz: '{path}' holds no '{name}'. {closest(name, archive.files)}"
                )
        arrays = {name: _array(path, archive, name) for name in names or archive.files}
    return tuple(arrays.values()) if names else arrays


def _array(path: Any, archive: Any, name: str) -> Any:
    try:
        return archive[name]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"read_npz: '{name}' in '{path}' is damaged: {error}. Fix: fetch or save it again."
        ) from None
    except ValueError as error:  # pickled objects
        raise ValueError(
            f"read_npz: '{name}' in '{path}' cannot be read: {error} Fix: save arrays of numbers."
        ) from None
