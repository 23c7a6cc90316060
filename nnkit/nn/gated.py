"""Recurrent layers with gates: LSTM and GRU."""

from __future__ import annotations

from typing import Any

from nnkit import ops
from nnkit.nn.lengths import Lengths
from nnkit.nn.recurrent import States, _Recurrent
from nnkit.tensor import Tensor
from nnkit.typing import DType


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    With z = x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh, four gates in the order i, f, g, o, for
    every step t: c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g), h_t = sigmoid(o) tanh(c_t).

    Called as `output, (h_n, c_n) = layer(x, (h_0, c_0), lengths=...)`. Shapes, with D = 2
    directions if bidirectional, else 1: x (T, N, input_size), or (N, T, input_size) with
    batch_first, or (T, input_size) for one example; the initial states h_0, c_0 and the last ones
    h_n, c_n (num_layers * D, N, hidden_size); output (T, N, D * hidden_size), all h_t of the last
    layer, laid out as x is. x has the dtype of the weights. The initial states are zeros where they
    are left out. `lengths` (N), a tensor or a list of integers, says how many steps of each example
    count: after them its outputs are 0, and h_n, c_n are the states at its own last step. It takes
    the place of PyTorch's packed sequences.

    Parameters: weight_ih_l0 (4 * hidden_size, input_size), weight_hh_l0 (4 * hidden_size,
    hidden_size), bias_ih_l0, bias_hh_l0 (4 * hidden_size), further layers l1, l2, …, the other
    direction _reverse; all start uniform within 1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the states.
        num_layers: layers on top of each other, each with the outputs of the one below as x.
        bias: False leaves both biases out.
        batch_first: whether x and output have the batch as first axis; the states never do.
        dropout: share of the outputs dropped between layers, in training.
        bidirectional: run a second layer from the last step to the first, beside the first.
        proj_size: must be 0; projected states (Sak et al. 2014) are not built in.
        dtype: of the parameters.

    Raises:
        ValueError: for a proj_size, and for shapes that do not fit.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.LSTM(3, 5, num_layers=2, batch_first=True, bidirectional=True)
    >>> x = nnkit.tensor([[[1.0, 2.0, 3.0]] * 4] * 2)  # 2 examples of 4 steps
    >>> output, (h_n, c_n) = layer(x, lengths=[4, 2])
    >>> output.shape, h_n.shape, c_n.shape
    ((2, 4, 10), (4, 2, 5), (4, 2, 5))
    >>> output[1, 2].sum().item()  # the second example has ended
    0.0
    >>> output, states = layer(x, (h_n, c_n))  # goes on from there
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: DType = "float32",
    ) -> None:
        if proj_size:
            raise ValueError(
                f"LSTM: proj_size must be 0, got {proj_size}: projected states are not built in. "
                f"Fix: nn.LSTM(...) followed by nn.Linear({hidden_size}, {proj_size})."
            )
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype=dtype,
        )  # fmt: skip

    def forward(
        self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None, lengths: Lengths = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The outputs of all steps, and the last states (h_n, c_n)."""
        output, (h_n, c_n) = self._all_layers(x, pair("LSTM", hx), lengths)
        return output, (h_n, c_n)

    def _layer(self, x: Tensor, states: States, weights: list[Tensor], **options: Any) -> Any:
        return ops.lstm(x, *states, *weights, **options)


def pair(layer: str, hx: tuple[Tensor, Tensor] | None) -> States:
    """The two states of an LSTM, or None for each."""
    if hx is None:
        return None, None
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        raise TypeError(f"{layer}: hx must be the pair (h_0, c_0), got {type(hx).__name__}")
    return tuple(hx)


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078).

    For every step t, with three gates in the order r, z, n in each weight:
    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z = sigmoid(W_iz x + b_iz + W_hz h + b_hz),
    n = tanh(W_in x + b_in + r (W_hn h + b_hn)) and h_t = (1 - z) n + z h, where h = h_{t-1}.

    Called as `output, h_n = layer(x, hx, lengths=...)`. Shapes, with D = 2 directions if
    bidirectional, else 1: x (T, N, input_size), or (N, T, input_size) with batch_first, or
    (T, input_size) for one example; `hx`, the initial state, and `h_n`, the last one,
    (num_layers * D, N, hidden_size); output (T, N, D * hidden_size), laid out as x is. x has the
    dtype of the weights. `hx` is zeros where it is left out. `lengths` (N), a tensor or a list of
    integers, says how many steps of each example count: after them its outputs are 0, and `h_n` is
    the state at its own last step. It takes the place of PyTorch's packed sequences.

    Parameters: weight_ih_l0 (3 * hidden_size, input_size), weight_hh_l0 (3 * hidden_size,
    hidden_size), bias_ih_l0, bias_hh_l0 (3 * hidden_size), further layers l1, l2, …, the other
    direction _reverse; all start uniform within 1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the state.
        num_layers: layers on top of each other, each with the outputs of the one below as x.
        bias: False leaves both biases out.
        batch_first: whether x and output have the batch as first axis; the states never do.
        dropout: share of the outputs dropped between layers, in training.
        bidirectional: run a second layer from the last step to the first, beside the first.
        dtype: of the parameters.

    Raises:
        ValueError: for shapes that do not fit.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.GRU(3, 5)
    >>> output, h_n = layer(nnkit.tensor([[[1.0, 2.0, 3.0]] * 2] * 4))  # 4 steps of 2 examples
    >>> output.shape, h_n.shape
    ((4, 2, 5), (1, 2, 5))
    """

    gates = 3

    def forward(
        self, x: Tensor, hx: Tensor | None = None, lengths: Lengths = None
    ) -> tuple[Tensor, Tensor]:
        """The outputs of all steps, and the last state."""
        output, (h_n,) = self._all_layers(x, (hx,), lengths)
        return output, h_n

    def _layer(self, x: Tensor, states: States, weights: list[Tensor], **options: Any) -> Any:
        return ops.gru(x, *states, *weights, **options)
