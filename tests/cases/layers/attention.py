"""Rows for `nnkit/nn/attention.py` and `nnkit/nn/transformer.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import exact, real

layers = Layers()
row = layers.row
CASES = layers.cases

HIDDEN = exact([[0, 0, 1, 0, 1], [1, 0, 0, 0, 0]], "bool")
"""Keys that nobody may see, one row an example."""
LATER = exact(np.triu(np.ones((3, 3)), 1), "bool")


def own(layer: Any, x: Any, *masks: Any, **options: Any) -> Any:
    return layer(x, x, x, *masks, **options)


def with_padding(layer: Any, q: Any, k: Any, v: Any, padding: Any) -> Any:
    return layer(q, k, v, padding)


def with_both(layer: Any, q: Any, k: Any, v: Any, padding: Any, mask: Any) -> Any:
    return layer(q, k, v, padding, attn_mask=mask, average_attn_weights=False)


def with_floats(layer: Any, q: Any, k: Any, v: Any, padding: Any, mask: Any) -> Any:
    """PyTorch deprecates masks of two kinds."""
    added = q.new_zeros(padding.shape).masked_fill(padding, -math.inf)
    return with_both(layer, q, k, v, added, mask)


def without_weights(layer: Any, q: Any, k: Any, v: Any, mask: Any) -> Any:
    return layer(q, k, v, attn_mask=mask, need_weights=False)


def causal(layer: Any, x: Any) -> Any:
    return layer(x, x, x, is_causal=True, need_weights=False)


def causal_by_mask(layer: Any, x: Any) -> Any:
    import torch

    mask = torch.ones((len(x), len(x)), dtype=torch.bool).triu(1)
    return layer(x, x, x, attn_mask=mask, need_weights=False)


def multihead(*sizes: int, **options: Any) -> dict[str, Any]:
    """A layer of ours and PyTorch's."""
    return {
        "make": lambda: nn.MultiheadAttention(*sizes, **options),
        "peer": lambda torch: torch.nn.MultiheadAttention(*sizes, **options),
    }


def both_call(call: Any) -> dict[str, Any]:
    return {"call": call, "peer_call": call}


def add(both: dict[str, Any], *inputs: Any, **about: Any) -> None:
    row(both.pop("make"), *inputs, **both, **about)


add(multihead(4, 2), real(3, 2, 4), **both_call(own))
add(multihead(4, 2, bias=False), real(3, 2, 4), real(5, 2, 4), real(5, 2, 4), note="no bias")
add(multihead(4, 2, batch_first=True), real(2, 3, 4), real(2, 5, 4), real(2, 5, 4), HIDDEN,
    **both_call(with_padding))  # fmt: skip
add(multihead(6, 3), real(4, 2, 6).transposed, real(5, 2, 6), real(5, 2, 6), HIDDEN,
    exact(np.eye(4, 5), "bool"), **both_call(with_both))  # fmt: skip
add(multihead(4, 2), real(3, 2, 4), real(5, 2, 4), real(5, 2, 4), HIDDEN, real(4, 3, 5),
    call=with_both, peer_call=with_floats, note="mask of each head")  # fmt: skip
add(multihead(4, 2, kdim=3, vdim=5), real(3, 2, 4), real(6, 2, 3), real(6, 2, 5), real(3, 6),
    **both_call(without_weights))  # fmt: skip
add(multihead(4, 2), real(3, 4), real(5, 4), real(5, 4), note="one example")
add(multihead(4, 1), real(3, 2, 4), call=causal, peer_call=causal_by_mask, note="causal")


def encoder_layer(**options: Any) -> dict[str, Any]:
    return {
        "make": lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, **options),
        "peer": lambda torch: torch.nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, **options),
    }


def with_masks(layer: Any, x: Any, mask: Any, padding: Any) -> Any:
    return layer(x, mask, padding)


add(encoder_layer(), real(3, 2, 4))
add(encoder_layer(norm_first=True, activation="gelu", batch_first=True), real(2, 3, 4), LATER,
    exact([[0, 0, 1], [0, 0, 0]], "bool"), **both_call(with_masks))  # fmt: skip
add(encoder_layer(bias=False), real(3, 4), note="no bias, one example")


def peer_encoder(torch: Any) -> Any:
    layer = torch.nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0)
    return torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(4), enable_nested_tensor=False)


row(
    lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0), 2, nn.LayerNorm(4)
    ),
    real(3, 2, 4),
    peer=peer_encoder,
)


def positions(_: Any, x: np.ndarray, batch_first: bool) -> np.ndarray:
    steps, features = x.shape[-2] if batch_first else x.shape[0], x.shape[-1]
    p = np.zeros((steps, features))
    for t in range(steps):
        for f in range(features):
            angle = t / 10000 ** (f // 2 * 2 / features)
            p[t, f] = math.cos(angle) if f % 2 else math.sin(angle)
    return x + (p if batch_first else p[:, None])


row(lambda: nn.PositionalEncoding(5, max_len=7, dtype="float64"), real(4, 2, 5),
    oracle=lambda state, x: positions(state, x, False))  # fmt: skip
row(lambda: nn.PositionalEncoding(4, batch_first=True, dtype="float64"), real(2, 3, 4),
    oracle=lambda state, x: positions(state, x, True))  # fmt: skip
