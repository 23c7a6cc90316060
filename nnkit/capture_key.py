"""What a recorded step depends on beside its inputs' values; where that changes, another is made.

The arguments' shapes and dtypes, Python values among them, and the surroundings: names that the
step reads from outside. Of modules that is whether they train and what is frozen; of optimizers
their options but the learning rate, which is uploaded; of other objects their plain attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

from nnkit.nn.hooks import Hooks
from nnkit.nn.module import Module
from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor

PLAIN = (bool, int, float, str, bytes, type(None))


def key_of(value: Any) -> Any:
    """What must be equal for two values to mean the same record."""
    if isinstance(value, Tensor):
        data = value.data
        return tuple(data.shape), data.dtype, id(value.backend), value.requires_grad
    if isinstance(value, tuple | list):
        return type(value), tuple(map(key_of, value))
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, Module):
        return id(value), tuple(_of_module(value))
    if isinstance(value, Optimizer):
        return id(value), tuple(_of_optimizer(value))
    if hasattr(type(value), "recording_key"):
        return value.recording_key()
    if isinstance(value, FunctionType):
        return id(value), code_key(value)
    return id(value)


def code_key(function: Any) -> Any:
    """The plain values, and lists and dicts of them, that a function of the user's reads outside.

    Functions that it calls by a global name are looked into too.
    """
    return tuple(_of_code(function, set()))


def _of_code(function: Any, seen: set[int]) -> Iterator[Any]:
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    if (function.__module__ or "").partition(".")[0] == "nnkit":
        return
    seen.add(id(function))
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_set(cell)]
    known = function.__globals__
    for value in (*cells, *(known[n] for n in function.__code__.co_names if n in known)):
        if isinstance(value, FunctionType):
            yield from _of_code(value, seen)
        else:
            yield _plain(value)


def _plain(value: Any) -> Any:
    """A value that can be compared: nests of plain values as they are, others by identity."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict) and len(value) < 100:
        return tuple((name, _plain(part)) for name, part in value.items())
    if isinstance(value, tuple | list) and len(value) < 100:
        return tuple(map(_plain, value))
    return id(value)


def _of_module(module: Module) -> Iterator[Any]:
    for part in module.modules():
        for name, value in vars(part).items():
            if isinstance(value, Tensor):
                yield id(value), id(value.data), value.requires_grad
            elif isinstance(value, PLAIN):
                yield name, value
            elif isinstance(value, Hooks):
                yield len(value)
            elif isinstance(value, dict | list | tuple) and not name.startswith("_"):
                yield name, _plain(value)
        yield code_key(type(part).forward)


def _of_optimizer(optimizer: Optimizer) -> Iterator[Any]:
    for group in optimizer.param_groups:
        yield tuple(id(p) for p in group["params"])
        yield tuple((k, repr(v)) for k, v in group.items() if k not in ("params", "lr"))


class Surroundings:
    """The values that a function reads from outside: closures, globals, the object of a method."""

    def __init__(self, step: Callable[..., Any]) -> None:
        function = step.__func__ if isinstance(step, MethodType) else step
        self._self = getattr(step, "__self__", None)
        self._cells: tuple[Any, ...] = ()
        self._globals: dict[str, Any] = {}
        self._names: tuple[str, ...] = ()
        if isinstance(function, FunctionType):
            self._cells = function.__closure__ or ()
            self._globals = function.__globals__
            self._names = function.__code__.co_names  # attributes too, which are no globals

    def key(self) -> Any:
        """Their keys now."""
        found = [key_of(cell.cell_contents) for cell in self._cells if _is_set(cell)]
        found += [key_of(self._globals.get(name)) for name in self._names]
        if self._self is not None:
            found += [(name, key_of(value)) for name, value in vars(self._self).items()]
        return tuple(found)


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
