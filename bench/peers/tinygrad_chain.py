"""The larger models in tinygrad's own functions; weights are a dict under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.chains import Chain

Weights = dict[str, Any]


def loss(task: Chain, params: Weights, x: Any, y: Any) -> Any:
    """Mean cross-entropy of class numbers y; batch norm keeps no running averages."""
    for place, (kind, *sizes) in enumerate(task.parts):
        prefix = f"{place}."
        own = {n.removeprefix(prefix): p for n, p in params.items() if n.startswith(prefix)}
        x = PARTS[kind](own, x, *sizes)
    return x.sparse_categorical_crossentropy(y)


def conv(own: Weights, x: Any, inputs: int, outputs: int, side: int) -> Any:
    """Square convolution with the padding that keeps the size."""
    return x.conv2d(own["weight"], own.get("bias"), padding=side // 2)


def norm(own: Weights, x: Any, channels: int) -> Any:
    """Batch norm of planes."""
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    return x.batchnorm(own["weight"], own["bias"], mean, (var + 1e-5).rsqrt())


def linear(own: Weights, x: Any, *sizes: int, name: str = "") -> Any:
    """x W^T + b."""
    return x.linear(own[f"{name}weight"].T, own[f"{name}bias"])


def encoder(own: Weights, x: Any, width: int, heads: int, inner: int) -> Any:
    """The norm after each of the two additions."""
    x = layer_norm(own, x + attention(own, x, heads), "norm1.")
    hidden = linear(own, x, name="linear1.").relu()
    return layer_norm(own, x + linear(own, hidden, name="linear2."), "norm2.")


def attention(own: Weights, x: Any, heads: int) -> Any:
    """Its scaled dot product for each head."""
    batch, tokens, width = x.shape
    projected = linear(own, x, name="self_attn.in_proj_")
    parts = projected.reshape(batch, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    mixed = parts[0].scaled_dot_product_attention(parts[1], parts[2])
    mixed = mixed.transpose(1, 2).reshape(batch, tokens, width)
    return linear(own, mixed, name="self_attn.out_proj.")


def layer_norm(own: Weights, x: Any, name: str) -> Any:
    """Over the last axis."""
    return x.layernorm(eps=1e-5) * own[f"{name}weight"] + own[f"{name}bias"]


PARTS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_plain": conv,
    "norm": norm,
    "relu": lambda own, x: x.relu(),
    "pool": lambda own, x: x.max_pool2d(2),
    "flatten": lambda own, x: x.flatten(1),
    "linear": linear,
    "encoder": encoder,
    "mean": lambda own, x: x.mean(1),
}
