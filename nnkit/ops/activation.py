"""The functions that networks put between layers, safe at both ends: no overflow, NaN kept."""

from __future__ import annotations

import math

from nnkit.dispatch import Result, op
from nnkit.errors import closest
from nnkit.ops.common import log_softmax_of, normalize_axes, sigmoid_of, softplus_of
from nnkit.typing import Array, Namespace, Needs

__all__ = [
    "elu",
    "gelu",
    "hardsigmoid",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "step",
    "tanh",
]

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934
"""The fixed point of mean 0 and variance 1 (Klambauer et al. 2017)."""
GELU_FORMS = ("none", "tanh")
FAR = 1000.0
"""Where exp(-x) is 0 in float64 too: x times it then is 0, while infinity times 0 would be NaN."""


@op(elementwise=True)
def step(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """1 where x > 0, else 0 (Heaviside). d/dx = 0 everywhere: nothing is learnt through it.

    >>> import nnkit
    >>> nnkit.ops.step(nnkit.tensor([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    y = xp.where(x == x, xp.astype(x > 0, x.dtype), x)
    return y, (lambda g: (xp.zeros_like(g),)) if needs[0] else None


@op(elementwise=True)
def sigmoid(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """1 / (1 + exp(-x)), without overflow. d/dx = y (1 - y).

    >>> import nnkit
    >>> nnkit.ops.sigmoid(nnkit.tensor([0.0])).tolist()
    [0.5]
    """
    y = sigmoid_of(xp, x)
    return y, (lambda g: (g * y * (1 - y),)) if needs[0] else None


@op(elementwise=True)
def tanh(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """The hyperbolic tangent. d/dx = 1 - y^2.

    >>> import nnkit
    >>> nnkit.ops.tanh(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    y = xp.tanh(x)
    return y, (lambda g: (g * (1 - y * y),)) if needs[0] else None


@op(elementwise=True)
def softsign(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """y = x / (1 + |x|) (Turian et al. 2009). d/dx = 1 / (1 + |x|)^2.

    >>> import nnkit
    >>> nnkit.ops.softsign(nnkit.tensor([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    near = xp.clip(x, -1e30, 1e30)  # infinity by infinity would be NaN
    r = 1 / (1 + xp.abs(near))
    return near * r, (lambda g: (g * r * r,)) if needs[0] else None


@op(elementwise=True)
def hardtanh(
    xp: Namespace, x: Array, *, needs: Needs, min_val: float = -1.0, max_val: float = 1.0
) -> Result:
    """X held within [min_val, max_val]. d/dx = 1 between them, 0 at them and outside.

    >>> import nnkit
    >>> nnkit.ops.hardtanh(nnkit.tensor([-2.0, 0.5, 2.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    if not min_val < max_val:
        raise ValueError(f"hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
    inside = (x > min_val) & (x < max_val)
    y = xp.clip(x, min_val, max_val)
    return y, (lambda g: (xp.where(inside, g, 0.0),)) if needs[0] else None


@op(elementwise=True)
def hardsigmoid(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """y = x / 6 + 1/2 held within [0, 1] (Howard et al. 2019, arXiv:1905.02244).

    d/dx = 1/6 for -3 < x < 3, else 0.

    >>> import nnkit
    >>> nnkit.ops.hardsigmoid(nnkit.tensor([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    y = xp.clip(x * (1 / 6) + 0.5, 0.0, 1.0)
    inside = (x > -3) & (x < 3)
    return y, (lambda g: (xp.where(inside, g * (1 / 6), 0.0),)) if needs[0] else None


@op(elementwise=True)
def relu(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """max(x, 0), NaN kept. d/dx = 1 where x > 0, else 0 (Nair and Hinton 2010).

    >>> import nnkit
    >>> nnkit.ops.relu(nnkit.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    y = xp.maximum(x, 0)
    return y, (lambda g: (xp.where(y > 0, g, 0.0),)) if needs[0] else None


relu.is_idempotent = True


@op(elementwise=True)
def leaky_relu(xp: Namespace, x: Array, *, needs: Needs, negative_slope: float = 0.01) -> Result:
    """X where x > 0, else negative_slope x (Maas et al. 2013). d/dx = 1 or negative_slope.

    >>> import nnkit
    >>> nnkit.ops.leaky_relu(nnkit.tensor([-2.0, 2.0]), negative_slope=0.5).tolist()
    [-1.0, 2.0]
    """
    positive = x > 0
    y = xp.where(positive, x, x * negative_slope)
    return y, (lambda g: (xp.where(positive, g, g * negative_slope),)) if needs[0] else None


@op
def prelu(xp: Namespace, x: Array, weight: Array, *, needs: Needs) -> Result:
    """X where x > 0, else weight x, which is learnt too (He et al. 2015, arXiv:1502.01852).

    Shapes: x (N, C, ...), weight (C,) for one slope a channel, or (1,); one dtype.

    >>> import nnkit
    >>> nnkit.ops.prelu(nnkit.tensor([-2.0, 2.0]), nnkit.tensor([0.25])).tolist()
    [-0.5, 2.0]
    """
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim != 1 or weight.shape[0] not in (1, channels):
        raise ValueError(
            f"prelu: weight must have the shape (1,), or ({channels},) for the channels of x "
            f"{tuple(x.shape)}, got {tuple(weight.shape)}"
        )
    slope = xp.reshape(weight, (-1,) + (1,) * (x.ndim - 2)) if x.ndim else weight[0]
    positive = x > 0
    axes = tuple(i for i in range(x.ndim) if i != 1 or weight.shape[0] == 1)

    def vjp(g: Array) -> tuple[Array | None, Array | None]:
        to_x = xp.where(positive, g, g * slope) if needs[0] else None
        lost = xp.sum(xp.where(positive, 0.0, g * x), axis=axes) if needs[1] else None
        return to_x, None if lost is None else xp.reshape(lost, weight.shape)

    return xp.where(positive, x, x * slope), vjp if any(needs) else None


@op(elementwise=True)
def elu(xp: Namespace, x: Array, *, needs: Needs, alpha: float = 1.0) -> Result:
    """X where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016, arXiv:1511.07289).

    d/dx = 1 or alpha exp(x).

    >>> import nnkit
    >>> nnkit.ops.elu(nnkit.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    positive = x > 0
    y = xp.where(positive, x, alpha * xp.expm1(xp.minimum(x, 0.0)))
    return y, (lambda g: (xp.where(positive, g, g * (y + alpha)),)) if needs[0] else None


@op(elementwise=True)
def selu(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """y = scale elu(x, alpha), which keeps mean 0 and variance 1 (Klambauer et al. 2017).

    scale = 1.0507…, alpha = 1.6733… (arXiv:1706.02515). d/dx = scale or scale alpha exp(x).

    >>> import nnkit
    >>> nnkit.ops.selu(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    positive, low = x > 0, SELU_SCALE * SELU_ALPHA
    y = xp.where(positive, SELU_SCALE * x, low * xp.expm1(xp.minimum(x, 0.0)))
    return y, (lambda g: (g * xp.where(positive, SELU_SCALE, y + low),)) if needs[0] else None


@op(elementwise=True)
def gelu(xp: Namespace, x: Array, *, needs: Needs, approximate: str = "none") -> Result:
    """y = x P(x), P the normal distribution function (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    P(x) = (1 + erf(x / sqrt 2)) / 2, or with approximate='tanh' the sigmoid-like
    (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. d/dx = P + x dP/dx.

    >>> import nnkit
    >>> nnkit.ops.gelu(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    check_gelu("gelu", approximate)
    near = xp.clip(x, -FAR, FAR)
    square = near * near
    if approximate == "none":
        share = 0.5 + 0.5 * xp.ext.erf(near * math.sqrt(0.5))
    else:
        t = xp.tanh(near * (math.sqrt(2 / math.pi) * (1 + 0.044715 * square)))
        share = 0.5 + 0.5 * t

    def vjp(g: Array) -> tuple[Array]:
        if approximate == "none":
            slope = xp.exp(-0.5 * square) * (1 / math.sqrt(2 * math.pi))
        else:
            slope = (1 - t * t) * (math.sqrt(0.5 / math.pi) * (1 + 3 * 0.044715 * square))
        return (g * (share + near * slope),)

    return xp.maximum(x, -FAR) * share, vjp if needs[0] else None


def check_gelu(name: str, approximate: str) -> None:
    """Refuse a form of GELU that is not known."""
    if approximate not in GELU_FORMS:
        hint = closest(str(approximate), GELU_FORMS)
        raise ValueError(f"{name}: unknown approximate {approximate!r}. {hint}")


@op(elementwise=True)
def silu(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """y = x sigmoid(x), also called swish (Elfwing et al. 2017, arXiv:1702.03118).

    d/dx = s (1 + x (1 - s)) with s = sigmoid(x).

    >>> import nnkit
    >>> nnkit.ops.silu(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    near = xp.clip(x, -FAR, FAR)
    s = sigmoid_of(xp, near)
    y = xp.maximum(x, -FAR) * s
    return y, (lambda g: (g * s * (1 + near * (1 - s)),)) if needs[0] else None


@op(elementwise=True)
def softplus(
    xp: Namespace, x: Array, *, needs: Needs, beta: float = 1.0, threshold: float = 20.0
) -> Result:
    """y = log(1 + exp(beta x)) / beta, but x where beta x > threshold (Dugas et al. 2001).

    d/dx = sigmoid(beta x), or 1 beyond the threshold.

    >>> import nnkit
    >>> round(nnkit.ops.softplus(nnkit.tensor([0.0])).item(), 4)
    0.6931
    """
    t = beta * x
    beyond = t > threshold
    soft = softplus_of(xp, t)
    y = xp.where(beyond, x, soft * (1 / beta))
    return y, (lambda g: (xp.where(beyond, g, g * sigmoid_of(xp, t)),)) if needs[0] else None


@op(elementwise=True)
def mish(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """y = x tanh(log(1 + exp(x))) (Misra 2019, arXiv:1908.08681).

    d/dx = t + x (1 - t^2) sigmoid(x), with t the tanh.

    >>> import nnkit
    >>> nnkit.ops.mish(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    near = xp.clip(x, -FAR, FAR)
    t = xp.tanh(softplus_of(xp, near))
    y = xp.maximum(x, -FAR) * t

    def vjp(g: Array) -> tuple[Array]:
        return (g * (t + near * (1 - t * t) * sigmoid_of(xp, near)),)

    return y, vjp if needs[0] else None


@op
def softmax(xp: Namespace, x: Array, *, needs: Needs, axis: int = -1) -> Result:
    """y = exp(x) / sum(exp(x)) over `axis`, without overflow. d/dx = y (g - sum(g y)).

    >>> import nnkit
    >>> nnkit.ops.softmax(nnkit.tensor([1.0, 1.0])).tolist()
    [0.5, 0.5]
    """
    (axis,) = normalize_axes("softmax", axis, x.ndim)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    y = e / xp.sum(e, axis=axis, keepdims=True)
    return y, (lambda g: (y * (g - xp.sum(g * y, axis=axis, keepdims=True)),)) if needs[0] else None


@op
def log_softmax(xp: Namespace, x: Array, *, needs: Needs, axis: int = -1) -> Result:
    """y = x - log(sum(exp(x))) over `axis`, without overflow. d/dx = g - exp(y) sum(g).

    >>> import nnkit
    >>> round(nnkit.ops.log_softmax(nnkit.tensor([1.0, 1.0]))[0].item(), 4)
    -0.6931
    """
    (axis,) = normalize_axes("log_softmax", axis, x.ndim)
    y = log_softmax_of(xp, x, axis)

    def vjp(g: Array) -> tuple[Array]:
        return (g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True),)

    return y, vjp if needs[0] else None
