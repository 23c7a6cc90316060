"""Attention beyond the table: rows that see nothing, causality, dropout, reads and mistakes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, ops
from nnkit.backend import Backend


def floats(rng: np.random.Generator, *shape: int) -> nnkit.Tensor:
    return nnkit.tensor(rng.normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_a_query_that_may_see_nothing_gives_zeros(kind: str, backend: Backend, rng: Any) -> None:
    """As PyTorch's scaled_dot_product_attention, with gradients 0 and not NaN."""
    q, k, v = floats(rng, 3, 4), floats(rng, 5, 4), floats(rng, 5, 2)
    seen = np.ones((3, 5), bool)
    seen[1] = False
    mask = seen if kind == "bool" else np.where(seen, 0, -np.inf).astype(np.float32)
    for x in (q, k, v):
        x.requires_grad = True
    y = ops.attention(q, k, v, nnkit.tensor(mask))
    y.sum().backward()
    assert y.tolist()[1] == [0.0, 0.0]
    assert q.grad is not None
    assert q.grad.tolist()[1] == [0.0] * 4
    for x in (q, k, v):
        assert x.grad is not None
        assert np.isfinite(x.grad.numpy()).all()
        assert np.abs(x.grad.numpy()).max() > 0


@pytest.mark.parametrize("need_weights", [False, True])
def test_later_steps_have_no_say_in_causal_attention(
    need_weights: bool, backend: Backend, rng: Any
) -> None:
    layer = nn.MultiheadAttention(4, 2)
    x = rng.normal(size=(5, 2, 4)).astype(np.float32)
    changed = x.copy()
    changed[3:] += 9
    ys = []
    for values in (x, changed):
        t = nnkit.tensor(values)
        ys.append(layer(t, t, t, is_causal=True, need_weights=need_weights)[0].numpy())
    np.testing.assert_array_equal(ys[0][:3], ys[1][:3])
    assert np.abs(ys[0][3:] - ys[1][3:]).min() > 0


def test_scores_of_thousands_do_not_overflow(backend: Backend) -> None:
    q = nnkit.tensor([[3e3, 0.0]])
    k = nnkit.tensor([[3e3, 0.0], [-3e3, 0.0]])
    assert ops.attention_weights(q, k, scale=1.0).tolist() == [[1.0, 0.0]]


def test_dropout_of_weights_is_for_training_alone(rng: Any) -> None:
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True), floats(rng, 2, 6, 4)
    _, weights = layer(x, x, x, average_attn_weights=False)
    share = np.mean(weights.numpy() == 0)
    assert 0.2 < share < 0.8
    _, weights = layer.eval()(x, x, x)
    np.testing.assert_allclose(weights.numpy().sum(axis=-1), 1, rtol=1e-6)
    fast, _ = layer(x, x, x, need_weights=False)
    np.testing.assert_allclose(fast.numpy(), layer(x, x, x)[0].numpy(), rtol=1e-5, atol=1e-6)


def test_a_step_of_training_reads_nothing(backend: Backend, rng: Any) -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu")
    encoder = nn.Sequential(nn.PositionalEncoding(4, batch_first=True), layer)
    x = floats(rng, 2, 3, 4)
    optimizer = nnkit.optim.Adam(encoder.parameters(), lr=1e-2)
    before = counters.to_host[backend.name].times
    for _ in range(2):
        optimizer.zero_grad()
        y = encoder(x)
        (y * y * y).mean().backward()
        optimizer.step()
    assert counters.to_host[backend.name].times == before


def test_the_layers_of_an_encoder_have_weights_of_their_own() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2)
    first, second = encoder.layers
    assert first.linear1.weight is not second.linear1.weight
    np.testing.assert_array_equal(first.linear1.weight.numpy(), second.linear1.weight.numpy())
    assert len(list(encoder.parameters())) == 24


def zeros(*shape: int, dtype: str = "float32") -> nnkit.Tensor:
    return nnkit.tensor(np.zeros(shape, dtype))


X = (3, 2, 4)
MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "heads": (
        lambda: nn.MultiheadAttention(5, 2),
        ValueError,
        "MultiheadAttention: embed_dim must be a multiple of num_heads, got 5 and 2",
    ),
    "added rows": (
        lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
        ValueError,
        "add_bias_kv and add_zero_attn must be False",
    ),
    "width": (
        lambda: nn.MultiheadAttention(6, 2)(zeros(*X), zeros(*X), zeros(*X)),
        ValueError,
        re.escape("query must be (length, N, 6), or all three without N, got (3, 2, 4)"),
    ),
    "attn_mask": (
        lambda: nn.MultiheadAttention(4, 2)(
            zeros(*X), zeros(*X), zeros(*X), attn_mask=zeros(2, 3, dtype="bool")
        ),
        ValueError,
        re.escape("attn_mask must be (L, S) = (3, 3) or"),
    ),
    "key_padding_mask": (
        lambda: nn.MultiheadAttention(4, 2)(
            zeros(*X), zeros(*X), zeros(*X), zeros(3, 2, dtype="bool")
        ),
        ValueError,
        re.escape("key_padding_mask must be (N, S) = (2, 3), got (3, 2)"),
    ),
    "integer mask": (
        lambda: ops.attention(zeros(3, 4), zeros(5, 4), zeros(5, 2), zeros(3, 5, dtype="int64")),
        TypeError,
        "attention: mask must be bool",
    ),
    "features": (
        lambda: ops.attention(zeros(3, 4), zeros(5, 3), zeros(5, 2)),
        ValueError,
        re.escape("attention: q must be (..., L, E) and k (..., S, E) with S >= 1, got (3, 4)"),
    ),
    "values": (
        lambda: ops.attention(zeros(3, 4), zeros(5, 4), zeros(4, 2)),
        ValueError,
        "attention: v must have .* for each of the 5 keys",
    ),
    "activation": (
        lambda: nn.TransformerEncoderLayer(4, 2, activation="rulu"),
        ValueError,
        "unknown activation 'rulu'. Did you mean 'relu'",
    ),
    "positions": (
        lambda: nn.PositionalEncoding(4, max_len=2)(zeros(*X)),
        ValueError,
        "at most max_len = 2 steps of d_model = 4 features, got 3 of 4",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_sentences(name: str) -> None:
    wrong, kind, text = MISTAKES[name]
    with nnkit.use("numpy"), pytest.raises(kind, match=text):
        wrong()
