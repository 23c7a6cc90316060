"""One step of a recurrent layer, for networks that decide what follows from what came out."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from nnkit import ops
from nnkit.nn.gated import pair
from nnkit.nn.module import Module
from nnkit.nn.recurrent import check_nonlinearity, uniform_within
from nnkit.tensor import Tensor
from nnkit.typing import DType


class _Cell(Module):
    """What the cells share: weights under PyTorch's names, and the op with one step."""

    gates: ClassVar[int]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: DType = "float32"
    ) -> None:
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 1, got {value}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        make, rows = uniform_within(1.0 / math.sqrt(hidden_size), dtype), self.gates * hidden_size
        self.weight_ih, self.weight_hh = make((rows, input_size)), make((rows, hidden_size))
        self.bias_ih = make((rows,)) if bias else None
        self.bias_hh = make((rows,)) if bias else None

    def _step(self, op: Any, x: Tensor, states: tuple[Tensor | None, ...], **options: Any) -> Any:
        """The states after one step of (N, in) or (in)."""
        single = x.ndim == 1
        if x.shape[-1:] != (self.input_size,) or x.ndim > 2:
            raise ValueError(
                f"{type(self).__name__}: x must be (N, {self.input_size}) or ({self.input_size},), "
                f"got {x.shape}"
            )
        if single:
            states = tuple(s if s is None else s.reshape(1, -1) for s in states)
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        _, *after = op(x.reshape(1, -1, self.input_size), *states, *weights, **options)
        return [s.reshape(-1) if single else s for s in after]

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """h' = f(x W_ih^T + b_ih + h W_hh^T + b_hh): one step of `RNN`.

    Called as `h = cell(x, h)`. Shapes: x (N, input_size), h and h' (N, hidden_size), or each
    without N; h is zeros where it is left out. Parameters: weight_ih (hidden_size, input_size),
    weight_hh (hidden_size, hidden_size), bias_ih, bias_hh (hidden_size), uniform within
    1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the state.
        bias: False leaves both biases out.
        nonlinearity: f, 'tanh', 'relu' or 'sigmoid'.
        dtype: of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> cell, x = nn.RNNCell(3, 5), nnkit.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> h = cell(x)
    >>> cell(x, h).shape
    (2, 5)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: DType = "float32",
    ) -> None:
        check_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after this step."""
        (h,) = self._step(ops.rnn, x, (hx,), nonlinearity=self.nonlinearity)
        return h  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """The sizes, and the nonlinearity."""
        usual = self.nonlinearity == "tanh"
        return super().extra_repr() + ("" if usual else f", nonlinearity={self.nonlinearity!r}")


class LSTMCell(_Cell):
    """One step of `LSTM`, whose formulas and order of gates it has.

    Called as `h, c = cell(x, (h, c))`. Shapes: x (N, input_size), states (N, hidden_size), or each
    without N; the states are zeros where they are left out. Parameters: weight_ih
    (4 * hidden_size, input_size), weight_hh (4 * hidden_size, hidden_size), bias_ih, bias_hh
    (4 * hidden_size), uniform within 1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the states.
        bias: False leaves both biases out.
        dtype: of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> cell, x = nn.LSTMCell(3, 5), nnkit.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> h, c = cell(x)
    >>> h, c = cell(x, (h, c))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    gates = 4

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The states (h, c) after this step."""
        h, c = self._step(ops.lstm, x, pair("LSTMCell", hx))
        return h, c


class GRUCell(_Cell):
    """One step of `GRU`, whose formulas and order of gates it has.

    Called as `h = cell(x, h)`. Shapes: x (N, input_size), h and h' (N, hidden_size), or each
    without N; h is zeros where it is left out. Parameters: weight_ih (3 * hidden_size, input_size),
    weight_hh (3 * hidden_size, hidden_size), bias_ih, bias_hh (3 * hidden_size), uniform within
    1 / sqrt(hidden_size).

    Args:
        input_size: features of x.
        hidden_size: features of the state.
        bias: False leaves both biases out.
        dtype: of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> cell, x = nn.GRUCell(3, 5), nnkit.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> cell(x, cell(x)).shape
    (2, 5)
    """

    gates = 3

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after this step."""
        (h,) = self._step(ops.gru, x, (hx,))
        return h  # type: ignore[no-any-return]
