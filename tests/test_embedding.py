"""Embedding beyond the table: numbers without a row, the padding row, given vectors."""

from __future__ import annotations

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend


def test_a_number_without_a_row_is_named_or_seen(backend: Backend) -> None:
    """A host says which; a device gives NaN, so that the loss shows it."""
    layer, x = nn.Embedding(5, 3), nnkit.tensor([1, 7, 4])
    if backend.name in ("numpy", "strict"):
        with pytest.raises(IndexError, match=r"Embedding: x must hold numbers in \[0, 5\).* 7 "):
            layer(x)
        return
    y = layer(x)
    assert np.isnan(y.numpy()).all(axis=1).tolist() == [False, True, False]
    y.sum().backward()
    assert layer.weight.grad is not None
    wanted = np.zeros((5, 3), np.float32)
    wanted[[1, 4]] = 1
    np.testing.assert_array_equal(layer.weight.grad.numpy(), wanted)


def test_the_padding_row_is_not_learnt(backend: Backend) -> None:
    layer = nn.Embedding(4, 2, padding_idx=1)
    np.testing.assert_array_equal(layer.weight.numpy()[1], 0)
    optimizer = nnkit.optim.SGD(layer.parameters(), lr=0.5)
    before = layer.weight.numpy().copy()
    layer(nnkit.tensor([1, 2, 1, -3, 2])).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(layer.weight.numpy() - before, [[0, 0], [0, 0], [-1, -1], [0, 0]])


def test_gradients_of_repeated_rows_have_the_same_bits_each_time(backend: Backend) -> None:
    rng = np.random.default_rng(3)
    index = nnkit.tensor(rng.integers(0, 5, 400))
    g = nnkit.tensor(rng.normal(size=(400, 3)).astype(np.float32))
    found = []
    for _ in range(3):
        x = nnkit.tensor(np.ones((5, 3), np.float32), requires_grad=True)
        (ops.take(x, index) * g).sum().backward()
        assert x.grad is not None
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_given_vectors_stay_unless_freed() -> None:
    vectors = np.arange(6.0).reshape(3, 2)
    frozen = nn.Embedding.from_pretrained(vectors, padding_idx=0)
    assert not frozen.weight.requires_grad
    np.testing.assert_array_equal(frozen.weight.numpy(), vectors)
    assert frozen.weight.numpy().dtype == np.float64
    free = nn.Embedding.from_pretrained(vectors, freeze=False)
    free(nnkit.tensor([2])).sum().backward()
    assert free.weight.grad is not None
    np.testing.assert_array_equal(free.weight.grad.numpy(), [[0, 0], [0, 0], [1, 1]])


def test_mistakes_get_sentences() -> None:
    with pytest.raises(TypeError, match=r"take: the index must hold integers, got float32\. Fix"):
        nn.Embedding(5, 3)(nnkit.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"Embedding: padding_idx must lie in \[-5, 5\), got 5"):
        nn.Embedding(5, 3, padding_idx=5)
    with pytest.raises(ValueError, match="Embedding: num_embeddings must be at least 1, got 0"):
        nn.Embedding(0, 3)
    with pytest.raises(ValueError, match=r"Embedding: embeddings must be .*, got \(3,\)"):
        nn.Embedding.from_pretrained(np.zeros(3))
