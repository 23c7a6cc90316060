"""How tensors are copied by `copy.deepcopy` and pickled, and with them models and estimators."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnkit.tensor import Tensor


class Copying:
    """Mixed into `Tensor`; holds no state. A copy is a leaf, and shares nothing.

    >>> import copy, nnkit
    >>> x = nnkit.tensor([1.0, 2.0], requires_grad=True)
    >>> copy.deepcopy(x)
    tensor([1., 2.], dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    def _option(self) -> bool:
        """What its constructor takes beside the data."""
        wants: bool = self.requires_grad  # type: ignore[attr-defined]
        return wants

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Tensor:
        from nnkit.tensor import Tensor  # not above: tensors are made of this class

        array = self.backend.xp.asarray(self.data, copy=True)
        made: Tensor = _made(type(self), Tensor(array, self.backend), self._option())
        made.grad = copy.deepcopy(self.grad, memo)
        memo[id(self)] = made
        return made

    def __reduce__(self: Any) -> tuple[Any, ...]:
        return _unpickled, (type(self), self.numpy(), self._option())


def _made(kind: Any, source: Tensor, option: bool) -> Any:
    """A tensor, parameter or buffer that takes over the array of `source`."""
    return kind(source, option) if kind is not type(source) else source.requires_grad_(option)


def _unpickled(kind: Any, values: Any, option: bool) -> Any:
    """On the backend in use where it is unpickled, which may be another machine."""
    from nnkit.tensor import tensor

    return _made(kind, tensor(values), option)
