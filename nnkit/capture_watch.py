"""Whether anything that a record's key was made of has changed, seen at a glance.

To make a key takes tens of microseconds, to replay a small network ten. So a record also holds the
very objects that its key was made of: while each stands where it stood, the key would be the same.
Where one does not, the key is made anew and decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from operator import call, is_
from types import FunctionType
from typing import Any

from nnkit import random
from nnkit.autograd import is_grad_enabled
from nnkit.capture_key import PLAIN, Surroundings, key_of, plain_key, reads
from nnkit.nn.module import Module
from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor

Look = Callable[[], Iterable[Any]]


class Watch:
    """What one way of calling a step depends on, beside the values in its tensors.

    Args:
        surroundings: of the step.
        args: of the call; of tensors among them, shape and dtype count.
    """

    def __init__(self, surroundings: Surroundings, args: tuple[Any, ...]) -> None:
        self._looks: list[Look] = []
        """Where to look."""
        self._found: list[Any] = []
        """The objects that must stand there, in order."""
        self._tensors: list[tuple[Tensor, Any, bool]] = []
        self._nests: list[tuple[Callable[[Any], Any], Any, Any]] = []
        """Lists and dicts, which can change within: how a key is made of each, and the key."""
        self._seen: set[int] = set()
        self._mode = is_grad_enabled(), random.stream()
        self._args = [_form(x) for x in args]
        for look in surroundings.looks():
            self._remember(look)
        for value in (*surroundings.values(), *(root for x in args for root in _roots(x))):
            self._see(value)

    def fits(self, args: tuple[Any, ...]) -> bool:
        """Whether a call with these arguments finds everything as it was."""
        if len(args) != len(self._args) or self._mode != (is_grad_enabled(), random.stream()):
            return False
        return all(map(_has_form, args, self._args)) and self._is_unchanged()

    def _is_unchanged(self) -> bool:
        for tensor, data, learns in self._tensors:
            if tensor.data is not data or tensor._requires_grad is not learns:
                return False
        now = list(chain.from_iterable(map(call, self._looks)))
        if len(now) != len(self._found) or not all(map(is_, now, self._found)):
            return False
        return all(make(value) == key for make, value, key in self._nests)

    # -- gathering -----------------------------------------------------------------------------

    def _remember(self, look: Look) -> None:
        self._looks.append(look)
        self._found += look()

    def _see(self, value: Any) -> None:
        """Take note of what a value depends on."""
        if isinstance(value, PLAIN) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, Tensor):
            self._tensors.append((value, value.data, value.requires_grad))
        elif isinstance(value, Module):
            for part in value.modules():
                self._see_module(part)
        elif isinstance(value, Optimizer):
            for group in value.param_groups:
                self._remember(partial(map, group.get, [key for key in group if key != "lr"]))
                self._remember(group["params"].__iter__)
        elif isinstance(value, FunctionType):
            self._see_code(value)
        elif isinstance(value, tuple | list) or hasattr(type(value), "recording_key"):
            self._nests.append((key_of, value, key_of(value)))

    def _see_module(self, module: Module) -> None:
        held = vars(module)
        self._remember(held.values)
        for value in held.values():
            if isinstance(value, Tensor):
                self._see(value)
            elif isinstance(value, dict | list | tuple) and not _is_fixed(value):
                self._nests.append((plain_key, value, plain_key(value)))
        self._see_code(type(module).forward)

    def _see_code(self, function: Any) -> None:
        for look in reads(function):
            self._remember(look)
            for value in look():
                if isinstance(value, dict | list | tuple) and not _is_fixed(value):
                    self._nests.append((plain_key, value, plain_key(value)))


def _is_fixed(value: Any) -> bool:
    """Whether it is a tuple of numbers and words, in which nothing can change."""
    return isinstance(value, tuple) and all(isinstance(part, PLAIN) for part in value)


def _roots(x: Any) -> tuple[Any, ...]:
    """What a record depends on through an argument that is no tensor."""
    if isinstance(x, Tensor):
        return ()
    roots: Any = getattr(x, "recording_roots", None)
    return (x,) if roots is None else tuple(roots())


def _form(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x.data.shape, x.data.dtype, x.backend, x.requires_grad
    return type(x), _roots(x)


def _has_form(x: Any, form: Any) -> bool:
    if isinstance(x, Tensor):
        return bool((x.data.shape, x.data.dtype, x.backend, x.requires_grad) == form)
    if len(form) != 2 or type(x) is not form[0]:
        return False
    roots = _roots(x)
    return len(roots) == len(form[1]) and all(map(_is_alike, roots, form[1]))


def _is_alike(a: Any, b: Any) -> bool:
    return a is b or (isinstance(a, PLAIN) and type(a) is type(b) and a == b)
