"""Layers that leave parts out at random in training, and nothing in use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nnkit import ops, random
from nnkit.nn.module import Module
from nnkit.ops.random import check_probability, mask_shape
from nnkit.tensor import Tensor
from nnkit.typing import Shape


class _Dropout(Module):
    """What the kinds of dropout share: the share to drop, and that it is for training alone."""

    def __init__(self, p: float = 0.5) -> None:
        check_probability(type(self).__name__, p)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """X with some elements left out, in training."""
        shared = self.shared(x.shape)
        return drop(x, self.p, shared) if self.training and self.p > 0 else x

    @abstractmethod
    def shared(self, shape: Shape) -> Sequence[int]:
        """The axes of x whose elements are kept or dropped together."""

    def extra_repr(self) -> str:
        """The share."""
        return f"p={self.p}"


class Dropout(_Dropout):
    """y = x / (1 - p) with probability 1 - p, else 0, in training; y = x in use.

    Each call draws anew, each element by itself, on the device; `nnkit.manual_seed` repeats the
    draws, which are the same on every backend (Srivastava et al. 2014, "Dropout: a simple way to
    prevent neural networks from overfitting"; here inverted, so that nothing is scaled in use).

    Args:
        p: the share to drop.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import nnkit
    >>> from nnkit import nn
    >>> _ = nnkit.manual_seed(2)
    >>> layer, x = nn.Dropout(0.5), nnkit.tensor([1.0, 2.0, 3.0, 4.0])
    >>> layer(x).tolist()
    [0.0, 4.0, 0.0, 8.0]
    >>> layer.eval()(x).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """

    def shared(self, shape: Shape) -> Sequence[int]:
        """None: each element is drawn by itself."""
        return ()


class Dropout1d(_Dropout):
    """Dropout of whole channels of signals (Tompson et al. 2015, arXiv:1411.4280).

    Shapes: x (N, C, L) or (C, L).

    >>> import nnkit
    >>> from nnkit import nn
    >>> y = nn.Dropout1d(0.5)(nnkit.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    >>> all(channel in ([0.0, 0.0], [2.0, 2.0]) for channel in y.tolist())
    True
    """

    def shared(self, shape: Shape) -> Sequence[int]:
        """The axis behind the channels."""
        return _behind_channels("Dropout1d", shape, 1)


class Dropout2d(_Dropout):
    """Dropout of whole channels of images (Tompson et al. 2015, arXiv:1411.4280).

    Shapes: x (N, C, H, W) or (C, H, W).

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.Dropout2d(1.0)(nnkit.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[0.0, 0.0], [0.0, 0.0]]]
    """

    def shared(self, shape: Shape) -> Sequence[int]:
        """The axes behind the channels."""
        return _behind_channels("Dropout2d", shape, 2)


def _behind_channels(layer: str, shape: Shape, axes: int) -> Sequence[int]:
    if len(shape) - axes not in (1, 2):
        raise ValueError(
            f"{layer}: x must have {axes + 1} or {axes + 2} axes, the last {axes} behind the "
            f"channels, got the shape {shape}"
        )
    return range(-axes, 0)


class DropConnect(Module):
    """A layer whose weights, not outputs, are dropped in training (Wan et al. 2013).

    w' = w / (1 - p) with probability 1 - p, else 0, drawn anew in each call and shared by the
    examples of a batch (the paper draws for each example, which takes a matrix an example); in use
    the weights are whole, the mean of what was trained. What is learnt is the layer's own weight.

    Args:
        module: the layer.
        p: the share of the weights to drop.
        names: the parameters of the layer to drop, such as ('weight_hh_l0',) of a recurrent one.

    Raises:
        ValueError: for p outside [0, 1], or a name that is no parameter of the layer.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.DropConnect(nn.Linear(4, 3), p=0.5)
    >>> [name for name, _ in layer.named_parameters()]
    ['module.weight', 'module.bias']
    >>> layer(nnkit.tensor([[1.0, 2.0, 3.0, 4.0]])).shape
    (1, 3)
    """

    def __init__(self, module: Module, p: float = 0.5, names: Sequence[str] = ("weight",)) -> None:
        check_probability("DropConnect", p)
        known = {n for n, _ in module.named_parameters() if "." not in n}
        if unknown := [n for n in names if n not in known]:
            raise ValueError(
                f"DropConnect: {type(module).__name__} has no parameter '{unknown[0]}'. "
                f"Its own are: {', '.join(sorted(known)) or 'none'}."
            )
        self.module = module
        self.p = p
        self.names = tuple(names)

    def forward(self, *inputs: Any) -> Any:
        """What the layer gives; in training, with some weights left out."""
        if not self.training or self.p == 0:
            return self.module(*inputs)
        with _in_place_of_parameters(self.module, self.names, self.p):
            return self.module(*inputs)

    def extra_repr(self) -> str:
        """The share, and the parameters where they are not the usual ones."""
        return f"p={self.p}" + ("" if self.names == ("weight",) else f", names={self.names}")


@contextmanager
def _in_place_of_parameters(module: Module, names: Sequence[str], p: float) -> Iterator[None]:
    """The module with dropped versions of these parameters, which stay its own."""
    held = vars(module)
    whole = {name: held[name] for name in names}
    held.update({name: drop(parameter, p) for name, parameter in whole.items()})
    try:
        yield
    finally:
        held.update(whole)


def drop(x: Tensor, p: float, shared: Sequence[int] = ()) -> Tensor:
    """Dropout of x with the next numbers of its device."""
    counter, key = random.draw(x.backend, mask_shape(x.shape, shared), bits=16)
    return ops.dropout(x, counter, p=p, key=key, shared=shared)
