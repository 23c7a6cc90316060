"""Activations by name, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

import nnkit
from nnkit import nn
from nnkit.nn.activation import ACTIVATIONS


def test_every_activation_has_a_name() -> None:
    families = ("nnkit.nn.activation", "nnkit.nn.rectifier")
    layers = {vars(nn)[n] for n in nn.__all__ if isinstance(vars(nn)[n], type)}
    named = {type(nn.get_activation(name)) for name in ACTIVATIONS}
    assert named - {nn.Identity} == {layer for layer in layers if layer.__module__ in families}


def test_a_module_or_function_is_given_back() -> None:
    layer = nn.LeakyReLU(0.3)
    assert nn.get_activation(layer) is layer
    assert nn.get_activation(nnkit.ops.tanh) is nnkit.ops.tanh
    assert isinstance(nn.get_activation(None), nn.Identity)
    assert nn.get_activation("prelu") is not nn.get_activation("prelu"), "each has its own slope"


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: nn.get_activation("rellu"), ValueError, "'rellu'. Did you mean 'relu'"),
        (lambda: nn.get_activation(nn.ReLU), TypeError, r"Fix: 'relu', or nn.ReLU\(\)"),
        (lambda: nn.get_activation(3), TypeError, "got 3"),
        (
            lambda: nn.GELU("tan"),
            ValueError,
            "GELU: unknown approximate 'tan'. Did you mean 'tanh'",
        ),
        (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "min_val must be below max_val"),
        (lambda: nn.Softplus(beta=0), ValueError, "beta must be above 0, got 0"),
        (lambda: nn.PReLU(0), ValueError, "num_parameters must be at least 1"),
        (
            lambda: nn.PReLU(3)(nnkit.tensor([[1.0, 2.0]])),
            ValueError,
            r"prelu: weight must have the shape \(1,\), or \(2,\) for the channels of x \(1, 2\)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make()
