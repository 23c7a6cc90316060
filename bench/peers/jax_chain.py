"""The larger models in JAX alone: jax.numpy, `lax.conv_general_dilated`, `lax.scan`.

`logits` walks the chain; weights are a dict under PyTorch's names. Batch norm keeps no running
averages here, since they take no part in training: a little less work than the others do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bench.chains import Chain

Weights = dict[str, Any]


def loss(task: Chain, params: Weights, x: Any, y: Any) -> Any:
    """Mean cross-entropy of class numbers y."""
    found = jax.nn.log_softmax(logits(task, params, x))
    return -jnp.take_along_axis(found, y[:, None], axis=1).mean()


def logits(task: Chain, params: Weights, x: Any) -> Any:
    """The parts one after the other, each with its own weights."""
    for place, (kind, *sizes) in enumerate(task.parts):
        prefix = f"{place}."
        own = {n.removeprefix(prefix): p for n, p in params.items() if n.startswith(prefix)}
        x = PARTS[kind](own, x, *sizes)
    return x


def conv(own: Weights, x: Any, inputs: int, outputs: int, side: int) -> Any:
    """Square convolution with the padding that keeps the size."""
    pad = [(side // 2, side // 2)] * 2
    y = lax.conv_general_dilated(
        x, own["weight"], (1, 1), pad, dimension_numbers=("NCHW", "OIHW", "NCHW")
    )
    return y + own["bias"][:, None, None] if "bias" in own else y


def norm(own: Weights, x: Any, channels: int) -> Any:
    """Batch norm of planes."""
    mean, var = (f(x, axis=(0, 2, 3), keepdims=True) for f in (jnp.mean, jnp.var))
    scale, shift = (own[n][:, None, None] for n in ("weight", "bias"))
    return (x - mean) * lax.rsqrt(var + 1e-5) * scale + shift


def pool(own: Weights, x: Any) -> Any:
    """The largest of 2x2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def linear(own: Weights, x: Any, *sizes: int, name: str = "") -> Any:
    """x W^T + b."""
    return x @ own[f"{name}weight"].T + own[f"{name}bias"]


def lstm(own: Weights, x: Any, inputs: int, hidden: int) -> Any:
    """The products with all inputs at once, then the steps."""
    gates = x @ own["weight_ih_l0"].T + (own["bias_ih_l0"] + own["bias_hh_l0"])
    recurrent = own["weight_hh_l0"].T

    def step(state: Any, row: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(row + h @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[1], hidden), x.dtype)
    return lax.scan(step, (zero, zero), gates)[1]


def encoder(own: Weights, x: Any, width: int, heads: int, inner: int) -> Any:
    """The norm after each of the two additions."""
    x = layer_norm(own, x + attention(own, x, heads), "norm1.")
    hidden = jax.nn.relu(linear(own, x, name="linear1."))
    return layer_norm(own, x + linear(own, hidden, name="linear2."), "norm2.")


def attention(own: Weights, x: Any, heads: int) -> Any:
    """softmax(q k^T / sqrt(d)) v of each head."""
    batch, tokens, width = x.shape
    projected = linear(own, x, name="self_attn.in_proj_")
    q, k, v = projected.reshape(batch, tokens, 3, heads, -1).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) * (width // heads) ** -0.5
    mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, width)
    return linear(own, mixed, name="self_attn.out_proj.")


def layer_norm(own: Weights, x: Any, name: str) -> Any:
    """Over the last axis."""
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * own[f"{name}weight"] + own[f"{name}bias"]


PARTS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_plain": conv,
    "norm": norm,
    "relu": lambda own, x: jax.nn.relu(x),
    "pool": pool,
    "flatten": lambda own, x: x.reshape(len(x), -1),
    "linear": linear,
    "lstm": lstm,
    "last": lambda own, x: x[-1],
    "encoder": encoder,
    "mean": lambda own, x: x.mean(1),
}
