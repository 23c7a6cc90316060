"""Convolution, pooling and normalisation layers: what they say, and what the table does not ask."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend
from tests.cases.layers import conv, norm, pool
from tests.cases.layers.table import LayerCase


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


PEERS = [case for family in (conv, pool, norm) for case in family.CASES if case.peer]


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_repr_is_pytorchs(case: LayerCase, torch: ModuleType) -> None:
    assert case.peer is not None
    assert repr(case.layer()) == repr(case.peer(torch))


def images(*shape: int) -> nnkit.Tensor:
    return nnkit.tensor(np.ones(shape, np.float32))


def of(layer: str, *sizes: Any, **options: Any) -> Any:
    return lambda: getattr(nn, layer)(*sizes, **options)


ERRORS = {
    "channels last": (
        lambda: nn.Conv2d(3, 8, 3)(images(2, 6, 5, 3)),
        r"Conv2d: x must have the shape \(N, 3, height, width\) .* got \(2, 6, 5, 3\)\. Fix: "
        r"channels come second: x\.permute\(0, 3, 1, 2\)",
    ),
    "channels": (lambda: nn.Conv2d(3, 8, 3)(images(2, 1, 6, 5)), "make the layer for 1 channels"),
    "no channels": (lambda: nn.Conv1d(3, 8, 3)(images(5)), r"Conv1d: .* \(N, 3, length\) or \(3,"),
    "too small": (
        lambda: nn.Conv2d(3, 8, 3, dilation=3)(images(2, 3, 8, 5)),
        r"conv: the kernel reaches over 7 elements, but axis 3 of x has 5",
    ),
    "groups": (of("Conv2d", 3, 8, 3, groups=2), "Conv2d: in_channels must be a multiple of groups"),
    "kernel_size": (of("Conv2d", 3, 8, (3, 3, 3)), "Conv2d: kernel_size must be .* or 2 of them"),
    "padding_mode": (of("Conv2d", 3, 8, 3, padding_mode="reflect"), "can only be 'zeros'"),
    "padding": (of("Conv1d", 3, 8, 3, padding="sane"), "Did you mean 'same'"),
    "same with stride": (of("Conv1d", 3, 8, 3, 2, "same"), r"needs stride 1, got \(2,\)"),
    "bias_init": (of("Conv1d", 3, 8, 3, bias=False, bias_init=0), "bias_init was given"),
    "output_padding": (
        lambda: nn.ConvTranspose1d(3, 2, 3, output_padding=1)(images(2, 3, 4)),
        "conv_transpose: output_padding must be smaller than stride",
    ),
    "output_size": (
        lambda: nn.ConvTranspose2d(3, 2, 3, stride=2)(images(2, 3, 4, 5), (12, 12)),
        r"output_size must be from \(9, 11\) to \(10, 12\) for x of shape \(2, 3, 4, 5\)",
    ),
    "nothing left": (
        lambda: nn.ConvTranspose1d(3, 2, 3, padding=3)(images(2, 3, 4)),
        r"conv_transpose: x of space \(4,\)",
    ),
    "pairs": (
        lambda: ops.conv(images(2, 3, 4), images(5, 3, 2), padding=((1, -1),)),
        "conv: padding must be a number of at least 0",
    ),
    "half a window": (
        lambda: nn.MaxPool2d(3, padding=2)(images(2, 3, 8, 5)),
        r"max_pool: padding must be at most half of kernel_size \(3, 3\), got 2",
    ),
    "window": (of("AvgPool2d", (2, 0)), r"AvgPool2d: kernel_size must be .*, got \(2, 0\)"),
    "indices": (of("MaxPool1d", 2, return_indices=True), "return_indices can only be False"),
    "output_size of a pool": (of("AdaptiveAvgPool2d", (2, 3, 4)), "AdaptiveAvgPool2d: output_size"),
    "axes": (lambda: nn.MaxPool2d(2)(images(4, 5)), r"MaxPool2d: x must have the shape \(N, C"),
    "one value": (
        lambda: nn.BatchNorm1d(3)(images(1, 3)),
        r"batch_norm: in training each channel needs two values .*, got 1 in x of shape \(1, 3\)",
    ),
    "features": (
        lambda: nn.BatchNorm1d(3)(images(4, 5)),
        r"BatchNorm1d: x must have the shape \(N, 3\) or \(N, 3, length\), got \(4, 5\)",
    ),
    "num_features": (of("BatchNorm2d", 0), "num_features must be at least 1"),
    "left out": (of("BatchNorm2d", 3, affine=False, weight_init=2.0), "weight_init was given"),
    "last axes": (
        lambda: nn.LayerNorm((3, 5))(images(4, 5)),
        r"layer_norm: the last axes of x must be normalized_shape = \(3, 5\), .* \(4, 5\)",
    ),
    "normalized_shape": (of("RMSNorm", ()), r"RMSNorm: normalized_shape must hold .*, got \(\)"),
    "num_groups": (of("GroupNorm", 3, 4), "num_channels must be a multiple of num_groups"),
    "group channels": (lambda: nn.GroupNorm(2, 4)(images(4, 6)), r"GroupNorm: .* \(N, 4, "),
    "weight": (
        lambda: ops.rms_norm(images(4, 5), images(4), normalized_shape=(5,)),
        r"rms_norm: weight must have the shape \(5,\), got \(4,\)",
    ),
    "bias": (
        lambda: ops.conv(images(2, 3, 4), images(5, 3, 2), images(4)),
        r"conv: bias must have the shape \(5,\), got \(4,\)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_layer_the_rule_the_value_and_the_fix(name: str) -> None:
    wrong, text = ERRORS[name]
    with nnkit.use("numpy"), pytest.raises(ValueError, match=text):
        wrong()


def test_another_dtype_is_refused(backend: Backend) -> None:
    x = nnkit.tensor(np.ones((2, 3, 6, 5), np.int32))
    with pytest.raises(TypeError, match=r"conv: x must have the dtype of the weight, .*float32"):
        nn.Conv2d(3, 8, 3)(x)


def test_output_size_chooses_among_lengths(backend: Backend) -> None:
    layer = nn.ConvTranspose2d(3, 2, 3, stride=2)
    assert layer(images(2, 3, 4, 5), output_size=(10, 11)).shape == (2, 2, 10, 11)
    assert layer(images(2, 3, 4, 5)).shape == (2, 2, 9, 11)


def test_weights_start_as_pytorchs(torch: ModuleType) -> None:
    """Uniform within 1 / sqrt(fan_in), where a transposed convolution counts its outputs."""
    for name, sizes in (("Conv2d", (6, 400, (3, 5))), ("ConvTranspose2d", (400, 6, (3, 5)))):
        ours, theirs = getattr(nn, name)(*sizes), getattr(torch.nn, name)(*sizes)
        for mine, other in ((ours.weight, theirs.weight), (ours.bias, theirs.bias)):
            largest, bound = float(np.abs(mine.numpy()).max()), 1 / np.sqrt(6 * 15)
            assert largest <= bound
            assert float(other.detach().abs().max()) <= bound
            assert largest > (0.99 if mine.numel() > 400 else 0.5) * bound
    assert np.all(nn.Conv1d(2, 3, 4, weight_init="ones").weight.numpy() == 1)
