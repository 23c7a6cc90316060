"""What a row of the table holds, and how its inputs are made on a backend.

Values are drawn once, in float32 precision, so that the float32 run, the float64 run and the
float64 oracle all see the same numbers and no input rounding is mistaken for an error of the op.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import nnkit.optim  # noqa: F401 (registers the updates)
from nnkit.backend import Backend
from nnkit.dispatch import OPS, UPDATES, Function, Op

FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Input:
    """One array argument: shape, how its values are drawn, its layout in memory."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str = "float"  # 'float' is the dtype of the run
    layout: str = "plain"
    values: tuple[Any, ...] = ()
    grad: bool = True

    @property
    def transposed(self) -> Input:
        """The same array as the transpose of one that lies in row-major order."""
        return replace(self, layout="transposed")

    @property
    def strided(self) -> Input:
        """The same array as every second column, from the second on, of a wider one."""
        return replace(self, layout="strided")

    @property
    def backwards(self) -> Input:
        """The same array as a view that walks its first axis backwards."""
        return replace(self, layout="backwards")

    @property
    def differentiable(self) -> bool:
        """Whether it is a float whose gradient is checked."""
        return self.dtype == "float" and self.grad

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Its values on the host: float64 with float32's digits, or the integer dtype."""
        if self.values:
            numbers = np.array(self.values, dtype=np.float64).reshape(self.shape)
        elif self.dtype == "float":
            numbers = generator.uniform(self.low, self.high, self.shape)
        else:
            numbers = generator.integers(int(self.low), int(self.high), self.shape)
        if self.dtype == "float":
            return np.asarray(numbers, dtype=np.float32).astype(np.float64)
        return np.asarray(numbers).astype(self.dtype)

    def place(self, backend: Backend, values: np.ndarray, dtype: str) -> Any:
        """The values as a raw array of the backend, in this input's layout."""
        xp, host = backend.xp, values.astype(dtype if self.dtype == "float" else self.dtype)
        if self.layout == "transposed":
            return xp.permute_dims(backend.asarray(host.T.copy()), tuple(range(host.ndim))[::-1])
        if self.layout == "strided":
            wide = np.repeat(host, 2, axis=-1)
            wide[..., ::2] = 77  # a reader that ignores the stride shows itself
            return backend.asarray(wide)[..., 1::2]
        if self.layout == "backwards":
            return backend.asarray(host[::-1].copy())[::-1, ...]
        return backend.asarray(host.copy())


@dataclass(frozen=True)
class Case:
    """One row. `inputs` holds an `Input`, a Python number or None for each array argument."""

    name: str
    oracle: Callable[..., Any]
    inputs: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = True
    result: str = ""
    """The result's dtype where it is not that of the run (for floats) or of the oracle."""
    forward: float = 1.0
    gradient: float = 1.0
    """How many times the policy's tolerance this case may take; `reason` says why."""
    reason: str = ""
    time: bool = False

    def __post_init__(self) -> None:
        widened = self.forward != 1.0 or self.gradient != 1.0
        assert widened == bool(self.reason), f"{self}: a tolerance and its reason go together"

    def __str__(self) -> str:
        described = ", ".join(_describe(x) for x in self.inputs)
        options = ", ".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.name}({described}{'; ' if options else ''}{options})"

    @property
    def is_update(self) -> bool:
        return self.name in UPDATES and self.name not in OPS

    @property
    def function(self) -> Function:
        return UPDATES[self.name] if self.is_update else OPS[self.name]

    @property
    def needs(self) -> tuple[bool, ...]:
        """Which inputs have a gradient in this case."""
        return tuple(isinstance(x, Input) and x.differentiable for x in self.inputs)

    def draw(self) -> list[Any]:
        """The inputs' values on the host, always the same for one row."""
        generator = np.random.default_rng(zlib.crc32(str(self).encode()))
        return [x.draw(generator) if isinstance(x, Input) else x for x in self.inputs]

    def place(self, backend: Backend, dtype: str) -> list[Any]:
        """The inputs as raw arrays of the backend."""
        return [
            x.place(backend, values, dtype) if isinstance(x, Input) else x
            for x, values in zip(self.inputs, self.draw(), strict=True)
        ]

    def reference(self) -> Any:
        """What the oracle says, in float64: a tuple for several results, or an update's buffers."""
        return self.oracle(*self.draw(), **self.options)

    def result_dtype(self, dtype: str, reference: Any) -> str:
        """The dtype that a result must have in a run in `dtype`, by what the oracle gave."""
        kind = np.asarray(reference).dtype
        return self.result or (dtype if kind.kind == "f" else str(kind))

    def runs_on(self, backend: Backend, dtype: str) -> bool:
        """Whether the device has every dtype that this case takes part in."""
        own = {x.dtype for x in self.inputs if isinstance(x, Input) and x.dtype != "float"}
        return all(backend.supports(d) for d in {dtype, *own, self.result or dtype})


def _describe(x: Any) -> str:
    if not isinstance(x, Input):
        return str(x)
    kind = ("" if x.grad else "constant ") if x.dtype == "float" else f"{x.dtype} "
    values = f"#{zlib.crc32(repr(x.values).encode()) % 1000}" if x.values else ""
    drawn = "" if values or (x.low, x.high) == (-2.0, 2.0) else f"[{x.low:g}..{x.high:g}]"
    tail = "" if x.layout == "plain" else f".{x.layout}"
    return f"{kind}{'x'.join(map(str, x.shape)) or '0-d'}{values}{drawn}{tail}"


def real(*shape: int, low: float = -2.0, high: float = 2.0, grad: bool = True) -> Input:
    """Floats, uniform between `low` and `high`."""
    return Input(shape, low, high, grad=grad)


def positive(*shape: int) -> Input:
    """Floats between 0.25 and 3."""
    return Input(shape, 0.25, 3.0)


def whole(*shape: int, low: int = -5, high: int = 6, dtype: str = "int64") -> Input:
    """Integers from `low` up to but not including `high`."""
    return Input(shape, low, high, dtype=dtype)


def exact(values: Any, dtype: str = "float") -> Input:
    """These very values; for the places where a formula bends, breaks or overflows."""
    array = np.asarray(values, dtype=np.float64)
    return Input(array.shape, dtype=dtype, values=tuple(array.ravel().tolist()))


def truth(*shape: int) -> Input:
    """True and False."""
    return Input(shape, 0, 2, dtype="bool")


class Family:
    """Collects the rows of one family: `row(name, oracle, *inputs, **options)`."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def row(self, name: str, oracle: Callable[..., Any], *inputs: Any, **options: Any) -> None:
        """Add a row. Words ending in `_` are the row's own: grad_, result_, forward_, gradient_,
        reason_, time_; all others are options of the op. Optional arrays left out are None."""
        function = OPS.get(name)
        if isinstance(function, Op) and not function.variadic:
            inputs += (None,) * (len(function.array_names) - len(inputs))
        own = {word[:-1]: options.pop(word) for word in list(options) if word.endswith("_")}
        own["differentiable"] = own.pop("grad", True) and any(
            isinstance(x, Input) and x.differentiable for x in inputs
        )
        self.cases.append(Case(name, oracle, inputs, options, **own))


def cases_of(name: str, cases: Iterable[Case]) -> list[Case]:
    """The rows of one op or update."""
    return [case for case in cases if case.name == name]


def elements(case: Case) -> int:
    """How many numbers a case works on; benchmarks report it."""
    return sum(math.prod(x.shape) for x in case.inputs if isinstance(x, Input))
