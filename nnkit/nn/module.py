"""`Module`: what layers, networks and losses share. Its attributes are its state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nnkit import selection
from nnkit.backend import Backend
from nnkit.dtypes import dtype_name
from nnkit.nn.parameter import Buffer, Parameter, replace
from nnkit.tensor import Tensor
from nnkit.typing import DType

M = TypeVar("M", bound="Module")


class Keys(NamedTuple):
    """What `load_state_dict(strict=False)` left alone."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(ABC):
    """A part of a network; a class of your own sets its parts as attributes and writes `forward`.

    Attributes that are a `Parameter`, a `Buffer` or a `Module` are found by themselves, in the
    order in which they were set.

    >>> from nnkit import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         self.inner = nn.Linear(3, 3)
    ...     def forward(self, x):
    ...         return self.inner(self.inner(x))
    >>> [name for name, _ in Twice().named_parameters()]
    ['inner.weight', 'inner.bias']
    """

    training: bool = True
    """Whether the module learns now (`train()`) or is only used (`eval()`)."""

    @abstractmethod
    def forward(self, *inputs: Any) -> Any:
        """What the module computes; call the module itself, not this."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The same as `forward`."""
        return self.forward(*inputs, **options)

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, Parameter | Buffer) and isinstance(value, Tensor):
            kind = type(held)
            if not isinstance(value, kind):
                raise TypeError(
                    f"{type(self).__name__}.{name} is a {kind.__name__} and would be lost to the "
                    f"optimizer and to state_dict. Fix: nn.{kind.__name__}(value)."
                )
        object.__setattr__(self, name, value)

    # -- its parts -----------------------------------------------------------------------------

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """The same as setting the attribute."""
        setattr(self, name, parameter)

    def register_buffer(self, name: str, data: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that moves and is saved with the module, without being learnt."""
        setattr(self, name, None if data is None else Buffer(data, persistent))

    def add_module(self, name: str, module: Module) -> None:
        """Set a sub-module under a name that need not be a word, such as '0'."""
        if not isinstance(module, Module):
            raise TypeError(f"add_module: '{name}' must be a Module, got {type(module).__name__}")
        if not name or "." in name or (name not in vars(self) and hasattr(self, name)):
            raise ValueError(f"add_module: {name!r} cannot be the name of a sub-module of {self!r}")
        setattr(self, name, module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules set as attributes, with their names."""
        return ((n, m) for n, m in list(vars(self).items()) if isinstance(m, Module))

    def children(self) -> Iterator[Module]:
        """The modules set as attributes."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it; one used twice comes once, under its first name."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{n}" if name else n, m) for n, m in module.named_children()]
            stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with the name it has in `state_dict`."""
        return _once((n, t) for n, t in self._entries() if isinstance(t, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Every buffer once, with its name."""
        return _once((n, t) for n, t in self._entries() if isinstance(t, Buffer))

    def buffers(self) -> Iterator[Buffer]:
        """Every buffer once."""
        return (buffer for _, buffer in self.named_buffers())

    def _entries(self, prefix: str = "") -> Iterator[tuple[str, Parameter | Buffer]]:
        """Parameters, then buffers, then those of sub-modules; a shared one under each name."""
        own = list(vars(self).items())
        yield from ((prefix + n, t) for n, t in own if isinstance(t, Parameter))
        yield from ((prefix + n, t) for n, t in own if isinstance(t, Buffer))
        for name, module in self.named_children():
            yield from module._entries(f"{prefix}{name}.")

    # -- its mode ------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Say that the network learns now (or not)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Say that the network is only used: the same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or free every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget every gradient."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self: M, function: Callable[[Module], object]) -> M:
        """Call `function` on every module below this one, then on this one."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # -- its arrays ----------------------------------------------------------------------------

    def to(self: M, backend: str | Backend) -> M:
        """Move parameters, buffers and gradients to another backend, in place."""
        target = selection.open_backend(backend) if isinstance(backend, str) else backend
        for t in (*self.parameters(), *self.buffers()):
            if t.backend is not target:
                grad = None if t.grad is None else t.grad.to(target)
                replace(t, target.asarray(t.numpy()), target)
                t.grad = grad
        return self

    def astype(self: M, dtype: DType) -> M:
        """Change the dtype of every floating parameter and buffer, in place; gradients go."""
        for t in (*self.parameters(), *self.buffers()):
            xp = t.backend.xp
            if xp.isdtype(t.dtype, "real floating"):
                replace(t, xp.astype(t.data, getattr(xp, dtype_name(dtype))), t.backend)
        return self

    def double(self: M) -> M:
        """Compute in float64 from now on."""
        return self.astype("float64")

    def float(self: M) -> M:
        """Compute in float32 from now on."""
        return self.astype("float32")

    def state_dict(self) -> OrderedDict[str, np.ndarray[Any, Any]]:
        """A copy of every parameter and persistent buffer on the host, under PyTorch's names.

        The copies are plain NumPy arrays: `numpy.savez(file, **model.state_dict())` saves them, and
        they load on any backend.
        """
        return OrderedDict((name, t.numpy().copy()) for name, t in self._saved())

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Keys:
        """Write saved values into the parameters and buffers, in place.

        Args:
            state_dict: names to NumPy arrays, or tensors of any backend.
            strict: raise when names are missing or unexpected, rather than passing over them.

        Raises:
            ValueError: lists every missing or unexpected name and wrong shape; nothing is changed.
        """
        mine = OrderedDict(self._saved())
        missing = [name for name in mine if name not in state_dict]
        unexpected = [name for name in state_dict if name not in mine]
        values = {n: _host(state_dict[n]) for n in mine if n in state_dict}
        problems = [
            f"{name} must have the shape {mine[name].shape}, got {value.shape}"
            for name, value in values.items()
            if value.shape != mine[name].shape
        ]
        if strict and missing:
            problems.append(f"missing: {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected: {', '.join(unexpected)}")
        if problems:
            raise ValueError(f"load_state_dict of {type(self).__name__}: {'; '.join(problems)}")
        for name, value in values.items():
            target = mine[name]
            target.data[...] = target.backend.asarray(value.astype(dtype_name(target.dtype)))
            target.version += 1
        return Keys(missing, unexpected)

    def _saved(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        return (
            (n, t) for n, t in self._entries() if not (isinstance(t, Buffer) and not t.persistent)
        )

    # -- for people ----------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr; layers say their sizes and options."""
        return ""

    def __repr__(self) -> str:
        below = [
            f"  ({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self.named_children()
        ]
        if not below:
            return f"{type(self).__name__}({self.extra_repr()})"
        extra = [f"  {self.extra_repr()}"] if self.extra_repr() else []
        return "\n".join([f"{type(self).__name__}(", *extra, *below, ")"])


T = TypeVar("T", bound=Tensor)


def _once(entries: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    seen: set[int] = set()
    for name, entry in entries:
        if id(entry) not in seen:
            seen.add(id(entry))
            yield name, entry


def _host(value: Any) -> np.ndarray[Any, Any]:
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)
