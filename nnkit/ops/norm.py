"""Normalisations: z = (x - mean) / sqrt(var + eps) over some axes, then y = z weight + bias.

Weight and bias may be None. Variances are biased, sums of squares over the number of elements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnkit.dispatch import Result, op, op_of_several
from nnkit.typing import Array, Namespace, Needs, Shape

__all__ = ["batch_norm", "batch_norm_eval", "group_norm", "layer_norm", "rms_norm"]


@op_of_several
def batch_norm(
    xp: Namespace,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    eps: float = 1e-5,
) -> Result:
    """y, mean and var, with mean and var of each channel over the batch and all axes of space.

    Shapes: x (N, C, *space), weight and bias (C), y as x, mean and var (C); floats, all of one
    dtype. d/dx = weight (g - mean(g) - z mean(g z)) / sqrt(var + eps).

    Ioffe and Szegedy 2015, "Batch normalization", arXiv:1502.03167.

    >>> import nnkit
    >>> nnkit.ops.batch_norm(nnkit.tensor([[1.0], [3.0]]))[1].tolist()
    [2.0]
    """
    channel, n = check_batch_norm(x, weight, bias)
    axes = (0, *range(2, x.ndim))
    z, scale, mean, var = _standardise(xp, x, axes, eps)
    y = _affine(xp, z, weight, bias, channel)

    def vjp(gs: tuple[Array, Array, Array]) -> tuple[Array | None, ...]:
        g, to_mean, to_var = gs[0], xp.reshape(gs[1], channel), xp.reshape(gs[2], channel)
        total = xp.sum(g, axis=axes, keepdims=True)
        along = xp.sum(g * z, axis=axes, keepdims=True)
        to_x = None
        if needs[0]:
            factor = scale if weight is None else scale * xp.reshape(weight, channel)
            slope = (2.0 * to_var / scale - factor * along) * (1.0 / n)
            to_x = factor * g + z * slope + (to_mean - factor * total) * (1.0 / n)
        return (
            to_x,
            xp.reshape(along, weight.shape) if weight is not None and needs[1] else None,
            xp.reshape(total, bias.shape) if bias is not None and needs[2] else None,
        )

    flat = (x.shape[1],)
    return (y, xp.reshape(mean, flat), xp.reshape(var, flat)), vjp if any(needs) else None


@op
def batch_norm_eval(
    xp: Namespace,
    x: Array,
    mean: Array,
    var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    eps: float = 1e-5,
) -> Result:
    """y = (x - mean) / sqrt(var + eps) weight + bias, with a mean and var that are given.

    Shapes: x (N, C, *space), the others (C), y as x; floats, all of one dtype.

    >>> import nnkit
    >>> x, mean, var = nnkit.tensor([[1.0], [3.0]]), nnkit.tensor([1.0]), nnkit.tensor([4.0])
    >>> nnkit.ops.batch_norm_eval(x, mean, var, eps=0.0).tolist()
    [[0.0], [1.0]]
    """
    given = {"mean": mean, "var": var, "weight": weight, "bias": bias}
    channel = check_channels("batch_norm_eval", x, given)
    axes = (0, *range(2, x.ndim))
    scale = xp.reshape(1.0 / xp.sqrt(var + eps), channel)
    centred = x - xp.reshape(mean, channel)
    factor = scale if weight is None else scale * xp.reshape(weight, channel)
    y = centred * factor
    y = y if bias is None else y + xp.reshape(bias, channel)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        total = xp.sum(g, axis=axes, keepdims=True) if needs[1] or needs[4] else None
        along = xp.sum(g * centred, axis=axes, keepdims=True) if needs[2] or needs[3] else None
        return (
            g * factor if needs[0] else None,
            xp.reshape(-factor * total, mean.shape) if needs[1] else None,
            xp.reshape(-0.5 * scale * scale * factor * along, var.shape) if needs[2] else None,
            xp.reshape(along * scale, var.shape) if needs[3] else None,
            xp.reshape(total, mean.shape) if needs[4] else None,
        )

    return y, vjp if any(needs) else None


@op
def layer_norm(
    xp: Namespace,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    normalized_shape: Sequence[int] | None = None,
    eps: float = 1e-5,
) -> Result:
    """Each example by itself, over the last axes, of lengths `normalized_shape`; one if None.

    Shapes: x (..., *normalized_shape), weight and bias normalized_shape, y as x; floats, all of one
    dtype. With h = g weight, d/dx = (h - mean(h) - z mean(h z)) / sqrt(var + eps).

    Ba, Kiros and Hinton 2016, "Layer normalization", arXiv:1607.06450.

    >>> import nnkit
    >>> nnkit.ops.layer_norm(nnkit.tensor([[1.0, 3.0]]), eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    axes = _check_last("layer_norm", x, normalized_shape, {"weight": weight, "bias": bias})
    z, scale, _, _ = _standardise(xp, x, axes, eps)
    y = _affine(xp, z, weight, bias, x.shape[axes[0] :])
    rest = tuple(range(axes[0]))

    def vjp(g: Array) -> tuple[Array | None, ...]:
        h = g if weight is None else g * weight
        return (
            _standardise_vjp(xp, h, z, scale, axes) if needs[0] else None,
            xp.sum(g * z, axis=rest) if needs[1] else None,
            xp.sum(g, axis=rest) if needs[2] else None,
        )

    return y, vjp if any(needs) else None


@op
def group_norm(
    xp: Namespace,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    num_groups: int = 1,
    eps: float = 1e-5,
) -> Result:
    """Each example by itself, over each of `num_groups` groups of channels with all their space.

    Shapes: x (N, C, *space), weight and bias (C), y as x; floats, all of one dtype. One group
    normalises over the whole example, C groups each channel (instance norm).

    Wu and He 2018, "Group normalization", arXiv:1803.08494.

    >>> import nnkit
    >>> nnkit.ops.group_norm(nnkit.tensor([[1.0, 3.0, 2.0, 2.5]]), num_groups=2, eps=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    channel = check_channels("group_norm", x, {"weight": weight, "bias": bias})
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: num_groups must divide the number of channels {x.shape[1]}, got "
            f"{num_groups}"
        )
    grouped = (x.shape[0], num_groups, x.shape[1] // num_groups * math.prod(x.shape[2:]))
    z, scale, _, _ = _standardise(xp, xp.reshape(x, grouped), (2,), eps)
    wide = xp.reshape(z, x.shape)
    y = _affine(xp, wide, weight, bias, channel)
    rest = (0, *range(2, x.ndim))

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_x = None
        if needs[0]:
            h = g if weight is None else g * xp.reshape(weight, channel)
            to_x = _standardise_vjp(xp, xp.reshape(h, grouped), z, scale, (2,))
        return (
            None if to_x is None else xp.reshape(to_x, x.shape),
            xp.sum(g * wide, axis=rest) if needs[1] else None,
            xp.sum(g, axis=rest) if needs[2] else None,
        )

    return y, vjp if any(needs) else None


@op
def rms_norm(
    xp: Namespace,
    x: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    normalized_shape: Sequence[int] | None = None,
    eps: float | None = None,
) -> Result:
    """y = z weight with z = x / sqrt(mean(x^2) + eps), over the last axes.

    Shapes: x (..., *normalized_shape), weight normalized_shape, y as x; floats, both of one dtype.
    `normalized_shape` is the last axis where None, `eps` that of the dtype. With h = g weight,
    d/dx = (h - z mean(h z)) / sqrt(mean(x^2) + eps).

    Zhang and Sennrich 2019, "Root mean square layer normalization", arXiv:1910.07467.

    >>> import nnkit
    >>> nnkit.ops.rms_norm(nnkit.tensor([[7.0, 1.0]]), eps=0.0)[0, 0].item()
    1.399999976158142
    """
    axes = _check_last("rms_norm", x, normalized_shape, {"weight": weight})
    small = float(xp.finfo(x.dtype).eps) if eps is None else eps
    scale = 1.0 / xp.sqrt(_mean(xp, x * x, axes) + small)
    z = x * scale

    def vjp(g: Array) -> tuple[Array | None, ...]:
        h = g if weight is None else g * weight
        return (
            scale * (h - z * _mean(xp, h * z, axes)) if needs[0] else None,
            xp.sum(g * z, axis=tuple(range(axes[0]))) if needs[1] else None,
        )

    return z if weight is None else z * weight, vjp if any(needs) else None


def _standardise(
    xp: Namespace, x: Array, axes: Sequence[int], eps: float
) -> tuple[Array, Array, Array, Array]:
    """z, 1 / sqrt(var + eps), mean and var; all but z with axes of length 1."""
    mean = _mean(xp, x, axes)
    centred = x - mean
    var = _mean(xp, centred * centred, axes)
    scale = 1.0 / xp.sqrt(var + eps)
    return centred * scale, scale, mean, var


def _standardise_vjp(xp: Namespace, g: Array, z: Array, scale: Array, axes: Sequence[int]) -> Array:
    return scale * (g - _mean(xp, g, axes) - z * _mean(xp, g * z, axes))


def _mean(xp: Namespace, x: Array, axes: Sequence[int]) -> Array:
    """The mean over axes that stay with length 1; 0 over nothing."""
    count = math.prod(x.shape[a] for a in axes)
    return xp.sum(x, axis=tuple(axes), keepdims=True) * (1.0 / max(count, 1))


def _affine(
    xp: Namespace, z: Array, weight: Array | None, bias: Array | None, shape: Shape
) -> Array:
    """z weight + bias, both read in the given shape."""
    y = z if weight is None else z * xp.reshape(weight, shape)
    return y if bias is None else y + xp.reshape(bias, shape)


def check_channels(op: str, x: Array, given: dict[str, Array | None]) -> Shape:
    """The shape in which numbers of each channel meet x."""
    if x.ndim < 2:
        raise ValueError(f"{op}: x must have the axes (N, C, *space), got shape {tuple(x.shape)}")
    _check_given(op, x, (x.shape[1],), given)
    return (1, x.shape[1], *(1,) * (x.ndim - 2))


def check_batch_norm(x: Array, weight: Array | None, bias: Array | None) -> tuple[Shape, int]:
    """The shape in which numbers of each channel meet x, and how many values a channel has."""
    shape = check_channels("batch_norm", x, {"weight": weight, "bias": bias})
    n = x.shape[0] * math.prod(x.shape[2:])
    if n < 2:
        raise ValueError(
            f"batch_norm: in training each channel needs two values or more, got {n} in x of shape "
            f"{tuple(x.shape)}. Fix: a larger batch, or eval()."
        )
    return shape, n


def _check_last(
    op: str, x: Array, normalized_shape: Sequence[int] | None, given: dict[str, Array | None]
) -> tuple[int, ...]:
    """The axes that `normalized_shape` names."""
    shape = tuple(x.shape[-1:] if normalized_shape is None else normalized_shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"{op}: the last axes of x must be normalized_shape = {shape}, got x of shape "
            f"{tuple(x.shape)}"
        )
    _check_given(op, x, shape, given)
    return tuple(range(x.ndim - len(shape), x.ndim))


def _check_given(op: str, x: Array, shape: Shape, given: dict[str, Array | None]) -> None:
    for name, array in given.items():
        if array is None:
            continue
        if tuple(array.shape) != shape:
            raise ValueError(f"{op}: {name} must have the shape {shape}, got {tuple(array.shape)}")
        if array.dtype != x.dtype:
            raise TypeError(
                f"{op}: x must have the dtype of the {name}, {array.dtype}, got {x.dtype}. "
                "Fix: x.astype(...), or the layer's dtype argument."
            )
