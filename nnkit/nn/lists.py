"""Modules held in a list or a dictionary, for a `forward` that calls them itself."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, overload

from nnkit.errors import closest
from nnkit.nn.module import Module


class ModuleList(Module):
    """A list of modules, whose parameters are found under '0', '1', …; a plain list hides them.

    Args:
        modules: what it holds at first.

    >>> from nnkit import nn
    >>> layers = nn.ModuleList([nn.Linear(4, 3), nn.ReLU()])
    >>> layers.insert(0, nn.Flatten())
    >>> [name for name, _ in layers.named_parameters()]
    ['1.weight', '1.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def forward(self, *inputs: Any) -> Any:
        """None: it says no order of calls."""
        raise TypeError(
            "ModuleList: a list has no forward. Fix: call its modules in a forward of your own, or "
            "nn.Sequential(*modules) for one after the other."
        )

    def append(self, module: Module) -> ModuleList:
        """Put one more module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Put more modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`; those behind get other numbers."""
        modules = list(self)
        modules.insert(index, module)
        self._hold(modules)

    def _hold(self, modules: list[Module]) -> None:
        for name, _ in list(self.named_children()):
            delattr(self, name)
        self.extend(modules)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module | ModuleList:
        modules = list(self)
        if isinstance(index, slice):
            return ModuleList(modules[index])
        return modules[self._place(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(str(self._place(index)), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index if isinstance(index, slice) else self._place(index)]
        self._hold(modules)

    def _place(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ModuleList: index {index} is out of range for {len(self)} modules")
        return index % len(self)


class ModuleDict(Module):
    """Modules by name; the names are those of `state_dict` too.

    Args:
        modules: what it holds at first.

    >>> from nnkit import nn
    >>> heads = nn.ModuleDict({"kind": nn.Linear(4, 3), "size": nn.Linear(4, 1)})
    >>> list(heads), "size" in heads, heads["size"].out_features
    (['kind', 'size'], True, 1)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.update(modules)

    def forward(self, *inputs: Any) -> Any:
        """None: it says no order of calls."""
        raise TypeError(
            "ModuleDict: a dictionary has no forward. Fix: call its modules in a forward of your "
            "own."
        )

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Set modules, in the order in which they come."""
        for name, module in dict(modules).items():
            self[name] = module

    def keys(self) -> KeysView[str]:
        """The names."""
        return dict(self.named_children()).keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return dict(self.named_children()).values()

    def items(self) -> ItemsView[str, Module]:
        """Names and modules."""
        return dict(self.named_children()).items()

    def pop(self, name: str) -> Module:
        """Take a module out and return it."""
        module = self[name]
        del self[name]
        return module

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> Module:
        module: Module = vars(self)[self._known(name)]
        return module

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del vars(self)[self._known(name)]

    def _known(self, name: str) -> str:
        if name not in self:
            hint = closest(name, self) if len(self) else "It is empty."
            raise KeyError(f"ModuleDict: no module '{name}'. {hint}")
        return name
