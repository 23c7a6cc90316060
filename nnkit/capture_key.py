"""What a recorded step depends on beside its inputs' values; where that changes, another is made.

The arguments' shapes and dtypes, Python values among them, and the surroundings: names that the
step reads from outside. Of modules that is whether they train and what is frozen; of optimizers
their options but the learning rate, which is uploaded; of other objects their plain attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
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
    values = (value for look in reads(function) for value in look())
    return tuple(plain_key(v) for v in values if not isinstance(v, FunctionType))


def reads(function: Any) -> list[Callable[[], Iterable[Any]]]:
    """Where to look for what a function of the user's, and those that it calls, read outside."""
    looks: list[Callable[[], Iterable[Any]]] = []
    _gather(function, looks, set())
    return looks


def _gather(function: Any, looks: list[Callable[[], Iterable[Any]]], seen: set[int]) -> None:
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    if (function.__module__ or "").partition(".")[0] == "nnkit":
        return
    seen.add(id(function))
    fresh = looks_of(function)
    looks += fresh
    for look in fresh:
        for value in look():
            _gather(value, looks, seen)


def looks_of(function: FunctionType) -> list[Callable[[], Iterable[Any]]]:
    """Where to look for its defaults, what its closure holds, and globals of names in its code."""
    cells = function.__closure__ or ()
    names = function.__code__.co_names  # attributes too, which are no globals
    looks: list[Callable[[], Iterable[Any]]] = []
    if cells:
        looks.append(partial(map, _content, cells))
    if names:
        looks.append(partial(map, function.__globals__.get, names))
    if function.__defaults__ or function.__kwdefaults__:
        looks.append(partial(_defaults, function))
    return looks


def _defaults(function: FunctionType) -> Iterable[Any]:
    return (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return None


def plain_key(value: Any) -> Any:
    """A value that can be compared: nests of plain values as they are, others by identity."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict) and len(value) < 100:
        return tuple((name, plain_key(part)) for name, part in value.items())
    if isinstance(value, tuple | list) and len(value) < 100:
        return tuple(map(plain_key, value))
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
                yield name, plain_key(value)
        yield code_key(type(part).forward)


def _of_optimizer(optimizer: Optimizer) -> Iterator[Any]:
    for group in optimizer.param_groups:
        yield tuple(id(p) for p in group["params"])
        yield tuple((k, repr(v)) for k, v in group.items() if k not in ("params", "lr"))


class Surroundings:
    """The values that a function reads from outside, also one of an object or with arguments set.

    These are its closure, globals and defaults, attributes of the object whose method it is, and
    what a `functools.partial` holds.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        self._looks: list[Callable[[], Iterable[Any]]] = []
        self._held: Any = None
        while isinstance(step, partial):
            self._looks.append(partial(iter, (*step.args, *step.keywords.values())))
            step = step.func
        if isinstance(step, MethodType):
            self._held, step = step.__self__, step.__func__
        elif not isinstance(step, FunctionType) and hasattr(step, "__dict__"):
            self._held, step = step, type(step).__call__
        if isinstance(step, FunctionType):
            self._looks += looks_of(step)

    def looks(self) -> list[Callable[[], Iterable[Any]]]:
        """Where to look for them."""
        if self._held is None:
            return self._looks
        return [*self._looks, vars(self._held).values, partial(iter, (self._held,))]

    def values(self) -> list[Any]:
        """The values now."""
        return [value for look in self.looks() for value in look()]

    def key(self) -> Any:
        """Their keys now."""
        return tuple(_of_outside(value) for value in self.values())


def _of_outside(value: Any) -> Any:
    """Like `key_of`; tensors by their memory, which the record reads where it lies."""
    return (id(value.data), key_of(value)) if isinstance(value, Tensor) else key_of(value)
