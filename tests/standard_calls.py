"""What two implementations of the standard are called with: strategies of calls.

Arguments are neutral (`Data` for an array, `Kind` for a dtype), so that both implementations can
be handed the same; wrong calls are drawn too, and both must refuse them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

EXAMPLES = int(os.environ.get("NNKIT_EXAMPLES", "0"))
"""Examples of each function; 0: few and always the same, on few dtypes."""
INTEGERS = ("int32", "uint8", "int64", "int8", "uint32", "int16", "uint64", "uint16")
FLOATS = ("float32", "float64")
REAL = ("bool", *FLOATS, *INTEGERS)
NUMERIC = ("float32", "int32", "float64", *INTEGERS[1:])
SPECIAL = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 0.5]
LENGTHS = [0, 1, 2, 3]
LAYOUTS = ["plain", "plain", "transposed", "strided", "backwards", "shifted"]

Draw = Any
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Data:
    """An array to be: its values, and the view that it is read through."""

    values: Any
    layout: str = "plain"

    def build(self, xp: Any) -> Any:
        """The array in a namespace, as a view of a larger or otherwise ordered one."""
        v = self.values
        if v.ndim == 0 or self.layout == "plain":
            return xp.asarray(v)
        if self.layout == "transposed":
            axes = tuple(range(v.ndim))[::-1]
            return xp.permute_dims(xp.asarray(np.ascontiguousarray(v.transpose())), axes)
        if self.layout == "strided":
            return xp.asarray(np.repeat(v, 2, axis=-1))[..., ::2]
        if self.layout == "backwards":
            return xp.asarray(np.ascontiguousarray(v[..., ::-1]))[..., ::-1]
        first = np.concatenate([np.zeros((1, *v.shape[1:]), v.dtype), v])
        return xp.asarray(first)[1:, ...]


@dataclass(frozen=True)
class Kind:
    """A dtype, by name."""

    name: str


@dataclass(frozen=True)
class Call:
    """Positional arguments and options."""

    args: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """How a function is called, and how close the results must be."""

    calls: Callable[[str], st.SearchStrategy[Call]]
    """The strategy of calls, for a function's name: the name chooses the dtypes of a short run."""
    eps: float = 16.0
    """The tolerance in eps of the result's dtype, relative to each value."""
    zeros: bool = False
    """Whether the signs of zeros count."""
    default: bool = False
    """Whether numbers become the default float: ours is float32, the oracle's float64."""


# -- strategies of arguments -----------------------------------------------------------------------


def some(name: str, kinds: Sequence[str]) -> list[str]:
    """The dtypes for a function: in a short run the first and two more, not the same for all."""
    if EXAMPLES:
        return list(kinds)
    start = zlib.crc32(name.encode())
    return list(dict.fromkeys([kinds[0], *(kinds[(start + i) % len(kinds)] for i in (0, 1))]))


def elements(dtype: str, *, small: bool) -> st.SearchStrategy[Any]:
    """Values of a dtype; `small` ones, whose sums and products lose no digits."""
    if dtype == "bool":
        return st.booleans()
    if dtype in FLOATS and small:
        return st.sampled_from([-2.0, -1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    if dtype in FLOATS:
        any_float = st.floats(width=32 if dtype == "float32" else 64, allow_subnormal=False)
        return st.sampled_from(SPECIAL) | any_float
    info = np.iinfo(dtype)
    if small:
        return st.integers(max(info.min, -3), 4)
    edges = [info.min, info.max, 0, 1, info.max // 2]
    return st.sampled_from(edges) | st.integers(info.min, info.max)


@st.composite
def shapes(draw: Draw, low: int = 0, high: int = 3) -> Shape:
    return tuple(draw(st.lists(st.sampled_from(LENGTHS), min_size=low, max_size=high)))


@st.composite
def array(draw: Draw, dtypes: Sequence[str], shape: Any = None, *, small: bool = False) -> Data:
    dtype = draw(st.sampled_from(list(dtypes)))
    found = draw(shapes()) if shape is None else shape
    values = draw(hnp.arrays(dtype, found, elements=elements(dtype, small=small)))
    return Data(values, draw(st.sampled_from(LAYOUTS)))


@st.composite
def partner(draw: Draw, shape: Shape) -> Shape:
    """A shape that broadcasts with another, or, rarely, any."""
    if draw(st.integers(0, 9)) == 0:
        return draw(shapes())  # type: ignore[no-any-return]
    ones = tuple(draw(st.sampled_from([n, n, 1])) for n in shape)
    return ones[draw(st.integers(0, len(ones))) :]


@st.composite
def axes_of(draw: Draw, ndim: int, *, several: bool = True) -> Any:
    """None, an axis (one in a while out of range), or a tuple of axes."""
    if not ndim:  # NumPy takes 0 for no axes too, the standard does not
        return draw(st.sampled_from([None, None, 1, -2]))
    one = st.integers(-ndim - 1, ndim) if draw(st.integers(0, 7)) == 0 else inside(ndim)
    many = st.lists(inside(ndim), max_size=ndim, unique_by=lambda a: a % ndim).map(tuple)
    return draw(st.none() | one | many if several else st.none() | one)


def inside(ndim: int) -> st.SearchStrategy[int]:
    return st.integers(-ndim, ndim - 1) if ndim else st.just(0)


def scalar(dtype: str) -> st.SearchStrategy[Any]:
    """A Python number that fits the dtype, or, beside bools and integers, one that does not."""
    wrong = st.sampled_from([True, 0.5])
    if dtype == "bool":
        return st.booleans() | st.just(2)
    return st.sampled_from([2.0, 0.5, -1.0, 3]) if dtype in FLOATS else st.integers(0, 3) | wrong


# -- strategies of calls ---------------------------------------------------------------------------

Calls = Callable[[str], st.SearchStrategy[Call]]


def composed(draw_call: Callable[[Draw, str], Call]) -> Calls:
    """A strategy from a function that draws a call."""

    def calls(name: str) -> st.SearchStrategy[Call]:
        @st.composite
        def one(draw: Draw) -> Call:
            return draw_call(draw, name)

        return one()

    return calls


def unary(kinds: Sequence[str], wrong: str) -> Calls:
    """One array, of a wrong dtype once in a while."""

    def call(draw: Draw, name: str) -> Call:
        chosen = [wrong] if wrong and draw(st.integers(0, 9)) == 0 else some(name, kinds)
        return Call((draw(array(chosen)),))

    return composed(call)


def binary(kinds: Sequence[str], wrong: str, *, small: bool = False) -> Calls:
    """Two arrays that broadcast, or an array and a number on either side."""

    def call(draw: Draw, name: str) -> Call:
        allowed = some(name, kinds)
        a = draw(array(allowed, small=small))
        form = draw(st.integers(0, 5))
        if form == 0:
            pair = [a, draw(scalar(str(a.values.dtype)))]
            return Call(tuple(pair[:: draw(st.sampled_from([1, -1]))]))
        same = [wrong] if wrong and form == 1 else allowed if form == 2 else [str(a.values.dtype)]
        return Call((a, draw(array(same, draw(partner(a.values.shape)), small=small))))

    return composed(call)


def reduction(
    kinds: Sequence[str], *, several: bool = True, keep: bool = True, **options: Any
) -> Calls:
    """An array, its axes, keepdims and further options by name and strategy."""

    def call(draw: Draw, name: str) -> Call:
        x = draw(array(some(name, kinds), small=True))
        chosen: dict[str, Any] = {"axis": draw(axes_of(x.values.ndim, several=several))}
        if keep:
            chosen["keepdims"] = draw(st.booleans())
        chosen |= {key: draw(strategy) for key, strategy in options.items()}
        return Call((x,), {k: v for k, v in chosen.items() if v is not None})

    return composed(call)


def with_axis(kinds: Sequence[str], axis: str = "axis", **options: Any) -> Calls:
    """An array of one axis at least and a single axis."""

    def call(draw: Draw, name: str) -> Call:
        x = draw(array(some(name, kinds), draw(shapes(1)), small=True))
        chosen: dict[str, Any] = {axis: draw(axes_of(x.values.ndim, several=False))}
        chosen |= {key: draw(strategy) for key, strategy in options.items()}
        return Call((x,), {k: v for k, v in chosen.items() if v is not None})

    return composed(call)


def creation(*args: Any, kinds: Sequence[str] = REAL, **options: Any) -> Calls:
    """Arguments by strategy and a dtype, or none."""

    def call(draw: Draw, name: str) -> Call:
        chosen = {key: draw(strategy) for key, strategy in options.items()}
        dtype = draw(st.none() | st.sampled_from(some(name, kinds)))
        if dtype is not None:
            chosen["dtype"] = Kind(dtype)
        return Call(tuple(draw(a) for a in args), chosen)

    return composed(call)
