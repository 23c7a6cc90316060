"""Rows for `nnkit/nn/recurrent.py`, `nnkit/nn/gated.py` and `nnkit/nn/cells.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit import nn
from tests.cases import recurrent as ops
from tests.cases.layers.table import Layers
from tests.cases.table import exact, real

layers = Layers()
row = layers.row
CASES = layers.cases


def with_lengths(layer: Any, x: Any, lengths: Any) -> Any:
    return layer(x, lengths=lengths)


def packed(layer: Any, x: Any, lengths: Any) -> Any:
    """What PyTorch gives for sequences of several lengths, back in one array."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    options = {"batch_first": layer.batch_first}
    steps = x.shape[1 if layer.batch_first else 0]
    together = pack_padded_sequence(x, lengths, enforce_sorted=False, **options)
    output, last = layer(together)
    return pad_packed_sequence(output, total_length=steps, **options)[0], last


def with_pair(layer: Any, x: Any, h: Any, c: Any) -> Any:
    return layer(x, (h, c))


DEEP = {"num_layers": 2, "bidirectional": True, "batch_first": True}
LAYERS = ((nn.RNN, "RNN"), (nn.LSTM, "LSTM"), (nn.GRU, "GRU"))

for make, name in LAYERS:
    row(
        lambda make=make: make(3, 5),
        real(4, 2, 3),
        peer=lambda torch, name=name: getattr(torch.nn, name)(3, 5),
    )
    row(
        lambda make=make: make(3, 2, **DEEP),
        real(2, 4, 3),
        exact([2, 4], "int64"),
        call=with_lengths,
        peer_call=packed,
        peer=lambda torch, name=name: getattr(torch.nn, name)(3, 2, **DEEP),
    )
    pairs = {"call": with_pair, "peer_call": with_pair} if name == "LSTM" else {}
    row(
        lambda make=make: make(3, 2, 2, bias=False),
        real(4, 3, 3).transposed,
        *(real(2, 3, 2),) * (2 if pairs else 1),
        **pairs,
        peer=lambda torch, name=name: getattr(torch.nn, name)(3, 2, 2, bias=False),
        note="from given states",
    )
    row(
        lambda make=make: make(3, 5),
        real(4, 3),
        peer=lambda torch, name=name: getattr(torch.nn, name)(3, 5),
        note="one example",
    )
    row(
        lambda make=make: getattr(nn, f"{make.__name__}Cell")(3, 5),
        real(2, 3),
        *(real(2, 5),) * (2 if pairs else 1),
        **pairs,
        peer=lambda torch, name=name: getattr(torch.nn, f"{name}Cell")(3, 5),
    )
    row(
        lambda make=make: getattr(nn, f"{make.__name__}Cell")(3, 5, bias=False),
        real(3),
        peer=lambda torch, name=name: getattr(torch.nn, f"{name}Cell")(3, 5, bias=False),
    )

row(
    lambda: nn.RNN(3, 5, nonlinearity="relu"),
    real(4, 2, 3),
    peer=lambda torch: torch.nn.RNN(3, 5, nonlinearity="relu"),
)
row(
    lambda: nn.RNNCell(3, 5, nonlinearity="relu"),
    real(2, 3),
    peer=lambda torch: torch.nn.RNNCell(3, 5, nonlinearity="relu"),
)


def sigmoid_rnn(state: dict[str, np.ndarray], x: np.ndarray) -> Any:
    output, last = ops.rnn(x, None, *state.values(), nonlinearity="sigmoid")
    return output, last[None]


row(lambda: nn.RNN(3, 5, nonlinearity="sigmoid"), real(4, 2, 3), oracle=sigmoid_rnn)
