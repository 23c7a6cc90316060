"""Functions of the user's that see a tensor's gradient, and how any hook is taken away again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from nnkit.errors import GraphError

if TYPE_CHECKING:
    from nnkit.autograd import Node
    from nnkit.tensor import Tensor
    from nnkit.typing import Array

Hook = Callable[..., Any]

_numbers = count()


class Handle:
    """What registering a hook gives: `remove()` takes the hook away, as does leaving `with`."""

    def __init__(self, hooks: dict[int, Hook], hook: Hook) -> None:
        self._hooks, self._number = hooks, next(_numbers)
        hooks[self._number] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self._number, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Hookable:
    """Mixed into `Tensor`; holds no state."""

    __slots__ = ()
    _leaf: Callable[[], Node | None] | None

    def register_hook(self: Any, hook: Hook) -> Handle:
        """Run `hook(gradient)` when `backward` has found it; what it returns goes on in its place.

        On a leaf it sees what one call of `backward` adds to `.grad`. A parameter that moves to
        another backend or dtype loses its hooks.

        >>> import nnkit
        >>> x = nnkit.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 3
        >>> handle = y.register_hook(lambda gradient: gradient * 10)
        >>> y.sum().backward()
        >>> x.grad.tolist()
        [30.0, 30.0]
        """
        if not self.requires_grad:
            raise GraphError(
                "register_hook: no gradient flows to this tensor. Fix: requires_grad=True, or a "
                "hook on what is made of parameters outside no_grad()."
            )
        node = self.graph_node()
        if node.leaf is not None:
            self._leaf = lambda: node  # a strong link, so that the hook stays
        if node.hooks is None:
            node.hooks = {}
        return Handle(node.hooks, hook)

    def retain_grad(self: Any) -> None:
        """Let `backward` add the gradient of an op's result to its `.grad`, as it does for leaves.

        >>> import nnkit
        >>> x = nnkit.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 3
        >>> y.retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad.tolist()
        [6.0, 12.0]
        """
        kept = weakref.ref(self)  # its node holds the hook, and would hold it in a cycle

        def keep(gradient: Tensor) -> None:
            result = kept()
            if result is not None:
                result.grad = gradient if result.grad is None else result.grad + gradient

        if not self.is_leaf:
            self.register_hook(keep)


def hooked(node: Node, g: Array) -> Array:
    """The gradient after a node's hooks."""
    from nnkit.recording import spoil
    from nnkit.tensor import Tensor

    spoil("a tensor has a hook, which is Python's to run")
    for hook in tuple((node.hooks or {}).values()):
        changed = hook(Tensor(g, node.backend))
        g = g if changed is None else changed.data
    return g
