"""What a module is made of: parameters, buffers and sub-modules, found by name."""

from __future__ import annotations

import warnings
from abc import ABC
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nnkit.errors import NnkitWarning, closest
from nnkit.nn.parameter import Buffer, Parameter
from nnkit.tensor import Tensor

if TYPE_CHECKING:
    from nnkit.nn.module import Module

T = TypeVar("T", bound=Tensor)


class Parts(ABC):  # noqa: B024 (what is left to write, `forward`, comes in Module)
    """Attributes that are a `Parameter`, a `Buffer` or a `Module` are parts, in the order set."""

    _searched = False
    """Whether plain lists were searched for modules, which is done once."""

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

    # -- setting -------------------------------------------------------------------------------

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """The same as setting the attribute."""
        setattr(self, name, parameter)

    def register_buffer(self, name: str, data: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that moves and is saved with the module, without being learnt."""
        setattr(self, name, None if data is None else Buffer(data, persistent))

    def add_module(self, name: str, module: Module) -> None:
        """Set a sub-module under a name that need not be a word, such as '0'.

        Raises:
            TypeError: for what is no module.
            ValueError: for a name that is empty, holds a dot, or is that of something else.
        """
        if not isinstance(module, Parts):
            raise TypeError(f"add_module: '{name}' must be a Module, got {_no_module(module)}")
        if not name or "." in name or (name not in vars(self) and hasattr(self, name)):
            raise ValueError(
                f"add_module: {name!r} cannot be the name of a part of {type(self).__name__}"
            )
        setattr(self, name, module)

    # -- listing -------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules set as attributes, with their names."""
        own = list(vars(self).items())
        return ((name, cast("Module", part)) for name, part in own if isinstance(part, Parts))

    def children(self) -> Iterator[Module]:
        """The modules set as attributes."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it; one used twice comes once, under its first name."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, cast("Module", self))]
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

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with the name it has in `state_dict`.

        Args:
            prefix: to put before the names.
            recurse: False leaves out those of sub-modules.
        """
        entries = self._entries(f"{prefix}." if prefix else "", recurse)
        return _once((n, t) for n, t in entries if isinstance(t, Parameter))

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter once: what an optimizer takes."""
        self._warn_of_hidden()
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def _warn_of_hidden(self) -> None:
        """Modules in a plain list are not found, which is the way to lose them without a sign."""
        if self._searched:
            return
        self._searched = True
        found = {id(module) for module in self.modules()}
        for module in self.modules():
            for name, value in vars(module).items():
                held = value.values() if isinstance(value, dict) else value
                if name.startswith("_") or not isinstance(value, list | tuple | dict):
                    continue
                if any(isinstance(x, Parts) and id(x) not in found for x in held):
                    kind = "ModuleDict" if isinstance(value, dict) else "ModuleList"
                    warnings.warn(
                        f"{type(module).__name__}.{name} is a plain {type(value).__name__} of "
                        "modules, whose parameters are neither learnt nor saved. Fix: "
                        f"nn.{kind}(...); or a name that begins with '_', if you mean it.",
                        NnkitWarning,
                        stacklevel=3,
                    )

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Buffer]]:
        """Every buffer once, with its name."""
        entries = self._entries(f"{prefix}." if prefix else "", recurse)
        return _once((n, t) for n, t in entries if isinstance(t, Buffer))

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """Every buffer once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _entries(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter | Buffer]]:
        """Parameters, then buffers, then those of sub-modules; a shared one under each name."""
        own = list(vars(self).items())
        yield from ((prefix + n, t) for n, t in own if isinstance(t, Parameter))
        yield from ((prefix + n, t) for n, t in own if isinstance(t, Buffer))
        if recurse:
            for name, module in self.named_children():
                yield from module._entries(f"{prefix}{name}.")

    # -- looking up ----------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name, as `named_modules` gives it; '' is this one.

        Raises:
            AttributeError: for an unknown name, with the closest match.

        >>> from nnkit import nn
        >>> nn.Sequential(body=nn.Sequential(nn.ReLU())).get_submodule("body.0")
        ReLU()
        """
        module = cast("Module", self)
        for name in target.split(".") if target else ():
            found = dict(module.named_children())
            if name not in found:
                raise _unknown(module, "sub-module", name, found)
            module = found[name]
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name, as in `state_dict`."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = dict(module.named_parameters(recurse=False))
        if name not in found:
            raise _unknown(module, "parameter", name, found)
        return found[name]

    def get_buffer(self, target: str) -> Buffer:
        """The buffer of a dotted name, as in `state_dict`."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = dict(module.named_buffers(recurse=False))
        if name not in found:
            raise _unknown(module, "buffer", name, found)
        return found[name]


def _unknown(module: Module, kind: str, name: str, known: Iterable[str]) -> AttributeError:
    hint = closest(name, known) if known else f"It has no {kind}."
    return AttributeError(f"{type(module).__name__} has no {kind} '{name}'. {hint}")


def _no_module(thing: Any) -> str:
    """What it is instead, and what was probably meant."""
    if isinstance(thing, type) and issubclass(thing, Parts):
        return f"the class {thing.__name__}. Fix: {thing.__name__}(...)"
    if isinstance(thing, list | tuple):
        return f"{type(thing).__name__}. Fix: nn.Sequential(*modules), or nn.ModuleList(modules)"
    if callable(thing):
        return (
            f"{type(thing).__name__}. Fix: a layer, such as nn.ReLU() for ops.relu, or a class of "
            "your own derived from nn.Module, whose forward calls it"
        )
    return type(thing).__name__


def _once(entries: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    seen: set[int] = set()
    for name, entry in entries:
        if id(entry) not in seen:
            seen.add(id(entry))
            yield name, entry
