"""Recurrent layers over whole sequences, with lengths in the place of packed sequences."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nnkit import ops
from nnkit.errors import NnkitWarning, closest
from nnkit.nn import init
from nnkit.nn.dropout import drop
from nnkit.nn.lengths import Lengths, on_device
from nnkit.nn.module import Module
from nnkit.nn.parameter import Parameter
from nnkit.ops.random import check_probability
from nnkit.ops.recurrent import NONLINEARITIES
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType, Shape

States = tuple[Tensor | None, ...]


def uniform_within(bound: float, dtype: DType) -> Callable[[Shape], Parameter]:
    """Makes the parameters of one layer, uniform within [-bound, bound]."""
    return lambda shape: Parameter(tensor(init.uniform(shape, -bound, bound), dtype=dtype))


class _Recurrent(Module):
    """What RNN, LSTM and GRU share: layers, directions, states and lengths."""

    gates: ClassVar[int]
    """How many gates lie one after the other in a weight."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DType = "float32",
    ) -> None:
        name = type(self).__name__
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for argument, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name}: {argument} must be at least 1, got {value}")
        check_probability(name, dropout)
        if dropout and num_layers == 1:
            warnings.warn(
                f"{name}: dropout stands between layers, so it does nothing with num_layers=1",
                NnkitWarning,
                stacklevel=3,
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional = bidirectional
        make = uniform_within(1.0 / math.sqrt(hidden_size), dtype)
        rows, directions = self.gates * hidden_size, len(self._suffixes)
        for layer in range(num_layers):
            width = input_size if layer == 0 else directions * hidden_size
            shapes = [(rows, width), (rows, hidden_size), (rows,), (rows,)]
            for suffix in self._suffixes:
                for name, shape in zip(self._names(layer, suffix), shapes, strict=False):
                    setattr(self, name, make(shape))

    @property
    def _suffixes(self) -> Sequence[str]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _names(self, layer: int, suffix: str) -> list[str]:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return [f"{kind}_l{layer}{suffix}" for kind in kinds]

    @abstractmethod
    def _layer(self, x: Tensor, states: States, weights: list[Tensor], **options: Any) -> Any:
        """One layer in one direction: its outputs and last states."""

    def _all_layers(
        self, x: Tensor, states: States, lengths: Lengths
    ) -> tuple[Tensor, list[Tensor]]:
        """All layers: the outputs of the last one and the last states of all."""
        single = x.ndim == 2
        if single:
            x = x.reshape(x.shape[0], 1, x.shape[1])
            states = tuple(s if s is None else s.reshape(s.shape[0], 1, -1) for s in states)
        elif self.batch_first:
            x = x.permute(1, 0, 2)
        self._check(x, states)
        counts = on_device(type(self).__name__, lengths, x)
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = drop(x, self.dropout)
            outputs = []
            for suffix in self._suffixes:
                start = tuple(None if s is None else s[len(last)] for s in states)
                weights = [getattr(self, name) for name in self._names(layer, suffix)]
                y, *after = self._layer(
                    x, start, weights, lengths=counts, reverse=suffix == "_reverse"
                )
                outputs.append(y)
                last.append(tuple(after))
            x = ops.concat(*outputs, axis=-1) if self.bidirectional else outputs[0]
        ends = [ops.stack(*each) for each in zip(*last, strict=True)]
        if single:
            return x.reshape(x.shape[0], -1), [e.reshape(e.shape[0], -1) for e in ends]
        return x.permute(1, 0, 2) if self.batch_first else x, ends

    def _check(self, x: Tensor, states: States) -> None:
        name = type(self).__name__
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ValueError(
                f"{name}: x must be (T, N, in), (N, T, in) with batch_first, or (T, in), with "
                f"in = input_size = {self.input_size}, got a last axis of {x.shape[-1]} and "
                f"{x.ndim} axes"
            )
        shape = (self.num_layers * len(self._suffixes), x.shape[1], self.hidden_size)
        for state in states:
            if state is not None and state.shape != shape:
                raise ValueError(
                    f"{name}: an initial state must be (layers * directions, N, hidden_size) = "
                    f"{shape}, got {state.shape}"
                )

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        usual: dict[str, Any] = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
        }
        usual |= {"bidirectional": False, "nonlinearity": "tanh"}
        held = {name: getattr(self, name, value) for name, value in usual.items()}
        own = [f"{name}={held[name]!r}" for name, value in usual.items() if held[name] != value]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *own])


class RNN(_Recurrent):
    """h_t = f(x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh) for every step t (Elman 1990).

    Called as `output, h_n = layer(x, hx, lengths=...)`. Shapes, with D = 2 directions if
    bidirectional, else 1: x (T, N, input_size), or (N, T, input_size) with batch_first, or
    (T, input_size) for one example; `hx`, the initial state, and `h_n`, the last one,
    (num_layers * D, N, hidden_size); output (T, N, D * hidden_size), laid out as x is. x has the
    dtype of the weights. `hx` is zeros where it is left out. `lengths` (N), a tensor or a list of
    integers, says how many steps of each example count: after them its outputs are 0, and `h_n` is
    the state at its own last step. It takes the place of PyTorch's packed sequences.

    Parameters: weight_ih_l0 (hidden_size, input_size), weight_hh_l0 (hidden_size, hidden_size),
    bias_ih_l0, bias_hh_l0 (hidden_size), further layers l1, l2, …, the other direction _reverse;
    all start uniform within 1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the state.
        num_layers: layers on top of each other, each with the outputs of the one below as x.
        nonlinearity: f, 'tanh', 'relu' or 'sigmoid'.
        bias: False leaves both biases out.
        batch_first: whether x and output have the batch as first axis; the states never do.
        dropout: share of the outputs dropped between layers, in training.
        bidirectional: run a second layer from the last step to the first, beside the first.
        dtype: of the parameters.

    Raises:
        ValueError: for an unknown nonlinearity, and for shapes that do not fit.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.RNN(3, 5, batch_first=True)
    >>> output, h_n = layer(nnkit.tensor([[[1.0, 2.0, 3.0]] * 4] * 2), lengths=[4, 2])
    >>> output.shape, h_n.shape
    ((2, 4, 5), (1, 2, 5))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DType = "float32",
    ) -> None:
        check_nonlinearity("RNN", nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype=dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def forward(
        self, x: Tensor, hx: Tensor | None = None, lengths: Lengths = None
    ) -> tuple[Tensor, Tensor]:
        """The outputs of all steps, and the last state."""
        output, (h_n,) = self._all_layers(x, (hx,), lengths)
        return output, h_n

    def _layer(self, x: Tensor, states: States, weights: list[Tensor], **options: Any) -> Any:
        return ops.rnn(x, *states, *weights, nonlinearity=self.nonlinearity, **options)


def check_nonlinearity(layer: str, name: str) -> None:
    """Refuse a nonlinearity that is not known."""
    if name not in NONLINEARITIES:
        raise ValueError(f"{layer}: unknown nonlinearity {name!r}. {closest(name, NONLINEARITIES)}")
