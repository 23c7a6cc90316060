"""How a random program is written: NumPy runs it line by line, and expressions are drawn to fit.

A program is text in the words of the array API standard, such as `a3 = xp.sum(a1[::2], axis=0)`.
NumPy runs it while it is written, so every statement is valid. All floats stay small multiples of
1/8: then every result is exact, and in whichever order a device adds, NumPy's number is the one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LENGTHS = (0, 1, 2, 3, 4, 5, 7, 17, 40)
LARGEST = 1 << 12
"""Floats beyond it could lose digits in a sum."""
MOST_ELEMENTS = 20_000
SIGNED = {"i": "-3", "u": "3", "f": "-1.5"}


class Rejected(Exception):
    """A statement that does not fit; another is drawn."""


class Writer:
    """A program under way: its lines, and the arrays that NumPy has after them."""

    def __init__(self, rng: np.random.Generator, dtypes: tuple[str, ...]) -> None:
        self.rng, self.dtypes = rng, dtypes
        self.lines: list[str] = []
        self.env: dict[str, Any] = {"xp": np, "np": np}
        self.exact: dict[str, Any] = {}
        """The arrays that later statements may use."""
        self.inexact = 0

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def choice(self, items: Any) -> Any:
        items = list(items)
        if not items:
            raise Rejected
        return items[self.integer(0, len(items))]

    def pick(self, kinds: str = "biuf", axes: int = 0, elements: int = 0) -> tuple[str, Any]:
        """An array alive of these kinds, with at least so many axes and elements."""
        fits = [
            (name, value)
            for name, value in self.exact.items()
            if value.dtype.kind in kinds and value.ndim >= axes and value.size >= elements
        ]
        found: tuple[str, Any] = self.choice(fits)
        return found

    def value(self, expression: str) -> Any:
        """What the expression gives, if it is exact and not too large."""
        value = np.asarray(eval(expression, dict(self.env)))
        if value.size > MOST_ELEMENTS or not is_tame(value):
            raise Rejected
        return value

    def new(self, expression: str, *, exact: bool = True) -> None:
        """Give a new name to what the expression makes."""
        if exact:
            self.value(expression)
        name = f"a{len(self.exact) + self.inexact}"
        self.inexact += not exact
        execute(f"{name} = {expression}", self.env)
        self.lines.append(f"{name} = {expression}")
        if exact:
            self.exact[name] = self.env[name]

    def change(self, statement: str) -> None:
        """Write into an array that is alive."""
        execute(statement, self.env)
        self.lines.append(statement)


def execute(line: str, env: dict[str, Any]) -> None:
    """Run a line; where NumPy gives a scalar, the standard has an array without axes.

    NumPy keeps a transposed operand's memory order in the result. The standard leaves the order
    open, ours is always row-major; which reshape is a view depends on it, so NumPy's follows.
    """
    exec(line, env)
    name = line.partition(" = ")[0]
    made = env.get(name)
    if isinstance(made, np.generic | int):
        env[name] = np.asarray(made)
    elif isinstance(made, np.ndarray) and made.base is None:
        env[name] = np.asarray(made, order="C")


def is_tame(value: Any) -> bool:
    """Whether sums of these values are exact in float32."""
    if value.dtype.kind != "f" or not value.size:
        return True
    size = np.abs(value.astype(np.float64))
    eighths = bool((size * 8 == np.round(size * 8)).all())
    return eighths and float(size.max()) <= LARGEST and float(size.sum()) <= 1 << 20


# -- parts of statements ---------------------------------------------------------------------------


def data(w: Writer) -> str:
    """Random numbers of a random shape: sometimes a long axis, which kernels fold in parts."""
    shape: tuple[int, ...] = tuple(w.choice(LENGTHS) for _ in range(w.integer(0, 5)))
    if w.integer(0, 40) == 0:
        shape = w.choice([(5000,), (300, 20), (20, 300), (3, 1200, 2)])
    if np.prod(shape) > MOST_ELEMENTS:
        shape = shape[:2]
    dtype = w.choice(w.dtypes)
    low, high = {"b": (0, 2), "u": (0, 9)}.get(np.dtype(dtype).kind, (-8, 9))
    text = f"np.random.default_rng({w.integer(0, 1000)}).integers({low}, {high}, {shape})"
    text += f'.astype("{dtype}")' + (" / 4" if dtype.startswith("float") else "")
    return f"xp.asarray({text}, dtype=xp.{dtype})"


def key(w: Writer, shape: tuple[int, ...]) -> str:
    """A basic index; `...` keeps a view where NumPy would give a scalar."""
    parts = []
    for n in shape:
        if n and w.integer(0, 4) == 0:
            parts.append(str(w.integer(-n, n)))
        else:
            parts.append(w.choice([part_of(w, n), ":", "::-1"]))
        if w.integer(0, 8) == 0:
            parts.append("None")
    parts.insert(w.integer(0, len(parts) + 1), "...")
    return ", ".join(parts)


def part_of(w: Writer, n: int) -> str:
    start, stop = (w.choice(["", w.integer(-n - 1, n + 2)]) for _ in range(2))
    return f"{start}:{stop}:{w.choice([1, 1, 2, 3, -1, -2])}"


def number(w: Writer, dtype: Any) -> str:
    """A Python number that fits the dtype."""
    if dtype.kind == "b":
        return str(w.choice([True, False]))
    if dtype.kind == "f":
        return str(w.choice([0.5, 2.0, -1.5, 3, 0.0]))
    return str(w.integer(1 if dtype.kind == "u" else -4, 5))


def partner(w: Writer, name: str, value: Any) -> str:
    """Something that meets the array in one operation: a number, a part of it, another array."""
    kind = w.integer(0, 4)
    if kind == 0:
        return number(w, value.dtype)
    if kind == 1 and value.ndim and value.shape[0]:
        return f"{name}[{w.choice(['-1:', ':1', '0'])}, ...]"
    if kind == 2:
        return f"{name}[{', '.join([*['::-1'] * value.ndim, '...'])}]"
    return str(w.choice(o for o, v in w.exact.items() if meets(v, value)))


def meets(a: Any, b: Any) -> bool:
    """Whether two arrays broadcast, and promote without a change of kind."""
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return False
    kinds = {"i": "i", "u": "i"}
    sorts = [kinds.get(d.kind, d.kind) for d in (a.dtype, b.dtype, np.result_type(a, b))]
    return len(set(sorts)) == 1


def places(w: Writer, n: int, count: int) -> str:
    return f"xp.asarray(np.array({[w.integer(-n, n) for _ in range(count)]}, dtype=np.int64))"


def mask(w: Writer, name: str, value: Any) -> str:
    """A truth for each element, or for each row."""
    of = (
        name
        if w.integer(0, 3) or value.ndim < 2
        else f"{name}[{':, ' + '0, ' * (value.ndim - 1)}...]"
    )
    if ", 0" in of and 0 in value.shape[1:]:
        raise Rejected
    return of if value.dtype.kind == "b" else f"{of} > {number(w, value.dtype)}"


def spreads(shape: tuple[int, ...], onto: tuple[int, ...]) -> bool:
    pairs = zip(reversed(shape), reversed(onto), strict=False)
    return len(shape) <= len(onto) and all(n in (1, m) for n, m in pairs)
