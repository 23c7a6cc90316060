"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, overload

from nnkit.nn.module import Module
from nnkit.tensor import Tensor


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


class Residual(Module):
    """y = module(x) + projection(x), or + x where there is no projection (He et al. 2015).

    The sum needs both of one shape: a module that changes the shape takes a projection that does
    the same, such as a 1x1 convolution. Reference: arXiv:1512.03385.

    Args:
        module: f, what is learnt on top of x.
        projection: how x itself gets there.

    >>> import nnkit
    >>> from nnkit import nn
    >>> block = nn.Residual(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    >>> x = nnkit.tensor([[1.0, 2.0, 3.0, 4.0]])
    >>> bool((block(x) - x).min() >= 0)
    True
    """

    def __init__(self, module: Module, projection: Module | None = None) -> None:
        self.module: Module
        self.projection: Module | None = None
        self.add_module("module", module)
        if projection is not None:
            self.add_module("projection", projection)

    def forward(self, x: Tensor) -> Tensor:
        """module(x) + projection(x)."""
        y: Tensor = self.module(x)
        straight: Tensor = x if self.projection is None else self.projection(x)
        if y.shape != straight.shape:
            raise ValueError(
                f"Residual: the module gives the shape {y.shape}, but what is added to it has "
                f"{straight.shape}. Fix: Residual(module, projection), with a layer from the shape "
                "of x to that of the module's result."
            )
        return y + straight
