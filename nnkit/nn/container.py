"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, overload

from nnkit.nn.module import Module


class Sequential(Module):
    """Modules one after the other: y = m_n(... m_2(m_1(x))).

    Args:
        modules: the modules, named '0', '1', … as in PyTorch; or one mapping of names to modules.
        named: more modules, by name.

    >>> from nnkit import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> len(model), model[0]
    (3, Linear(in_features=4, out_features=3, bias=True))
    """

    def __init__(self, *modules: Module | Mapping[str, Module], **named: Module) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named, modules = {**modules[0], **named}, ()
        for position, module in enumerate(modules):
            self.add_module(str(position), module)  # type: ignore[arg-type]
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, *inputs: Any) -> Any:
        """The last module's result."""
        for module in self.children():
            inputs = (module(*inputs),)
        return inputs[0]

    def append(self, module: Module) -> Sequential:
        """Put one more module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module | Sequential:
        entries = list(self.named_children())
        if isinstance(index, slice):
            return Sequential(dict(entries[index]))
        if not -len(entries) <= index < len(entries):
            raise IndexError(
                f"Sequential: index {index} is out of range for {len(entries)} modules"
            )
        return entries[index][1]

    def __setitem__(self, index: int, module: Module) -> None:
        name, _ = list(self.named_children())[index]
        self.add_module(name, module)
