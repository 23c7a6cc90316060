"""Recurrent layers over whole sequences: each op is one layer in one direction.

The products of the inputs are one product for all steps; only what needs the state goes step by
step. Backward walks the steps the other way round and takes the gradient of each weight as one
product over all steps.

Shapes and options that all of them share: x (T, N, in) with T >= 1, each initial state (N, H) or
None for zeros, w_ih (G H, in), w_hh (G H, H) and biases (G H) or None, where G gates lie one after
the other; floats of one dtype. `lengths` (N) are integers or None: from the step lengths[n] on,
example n keeps its state and its outputs are 0. `reverse` runs from the last step to the first; the
outputs stand at the steps that they belong to. Results: the outputs (T, N, H) and the last states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from nnkit.dispatch import Result, op_of_several
from nnkit.errors import closest
from nnkit.ops.steps import Steps, check_recurrent, multiply_adds, summed, weight_gradients
from nnkit.typing import Array, Namespace, Needs

__all__ = ["gru", "lstm", "rnn"]


def _sigmoid(xp: Namespace, z: Array) -> Array:
    return 0.5 * xp.tanh(0.5 * z) + 0.5  # equal to 1 / (1 + exp(-z)), and never overflows


NONLINEARITIES: Final[dict[str, Callable[[Any, Array], Array]]] = {
    "tanh": lambda xp, z: xp.tanh(z),
    "relu": lambda xp, z: xp.maximum(z, 0),
    "sigmoid": _sigmoid,
}


def check_nonlinearity(name: str) -> None:
    """Refuse a name that `rnn` does not know."""
    if name not in NONLINEARITIES:
        raise ValueError(f"rnn: unknown nonlinearity {name!r}. {closest(name, NONLINEARITIES)}")


def _slope(xp: Namespace, name: str, h: Array) -> Array:
    """The derivative of a nonlinearity, in terms of its value h."""
    if name == "relu":
        return xp.astype(h > 0, h.dtype)
    return 1 - h * h if name == "tanh" else h * (1 - h)


@op_of_several
def rnn(
    xp: Namespace,
    x: Array,
    h_0: Array | None,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    lengths: Array | None = None,
    *,
    needs: Needs,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> Result:
    """h_t = f(x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh) (Elman 1990); gives all h_t, and the last.

    f is 'tanh', 'relu' or 'sigmoid'; one gate. Shapes and options: see `nnkit.ops.recurrent`.

    >>> import nnkit
    >>> x, w = nnkit.tensor([[[1.0]], [[2.0]]]), nnkit.tensor([[1.0]])
    >>> [y.shape for y in nnkit.ops.rnn(x, None, w, w)]
    [(2, 1, 1), (1, 1)]
    """
    check_nonlinearity(nonlinearity)
    f = NONLINEARITIES[nonlinearity]
    check_recurrent("rnn", 1, x, (h_0,), w_ih, w_hh, (b_ih, b_hh), lengths)
    steps = Steps(xp, x, lengths, reverse)
    z, w = steps.input_products(w_ih, summed(b_ih, b_hh)), xp.matrix_transpose(w_hh)
    h = [steps.start(h_0, w_hh)]
    for t in steps.order:
        h.append(steps.hold(t, f(xp, z[t, ...] + xp.matmul(h[-1], w)), h[-1]))
    outputs = steps.stack(h[1:])

    def vjp(g: Any) -> tuple[Array | None, ...]:
        to_outputs, dh = steps.only(g[0]), g[1]
        slopes, found = steps.only(_slope(xp, nonlinearity, outputs)), []
        for t in steps.order[::-1]:
            dh = dh + to_outputs[t, ...]
            dz = dh * slopes[t, ...]
            dh = steps.passed_on(t, xp.matmul(dz, w_hh), dh)
            found.append(dz)
        dz = steps.stack(found[::-1])
        dx, *weights = weight_gradients(
            xp, (needs[0], *needs[2:6]), x, w_ih, steps.stack(h[:-1]), dz
        )
        return dx, dh if needs[1] else None, *weights, None

    return (steps.only(outputs), h[-1]), vjp if any(needs) else None


@op_of_several
def lstm(
    xp: Namespace,
    x: Array,
    h_0: Array | None,
    c_0: Array | None,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    lengths: Array | None = None,
    *,
    needs: Needs,
    reverse: bool = False,
) -> Result:
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t); gives all h_t, the last h and the last c.

    z = x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh holds four gates, in the order i, f, g, o; g is
    its tanh and the others its sigmoid (Hochreiter and Schmidhuber 1997; Gers et al. 2000). Shapes
    and options: see `nnkit.ops.recurrent`.

    >>> import nnkit
    >>> x, w = nnkit.tensor([[[1.0]], [[2.0]]]), nnkit.tensor([[1.0]] * 4)
    >>> [y.shape for y in nnkit.ops.lstm(x, None, None, w, w)]
    [(2, 1, 1), (1, 1), (1, 1)]
    """
    check_recurrent("lstm", 4, x, (h_0, c_0), w_ih, w_hh, (b_ih, b_hh), lengths)
    steps, size = Steps(xp, x, lengths, reverse), w_hh.shape[1]
    # With k = 1/2, k tanh(k z) + 1 - k is the sigmoid, with k = 1 the tanh: one call for all gates.
    column = xp.arange(4 * size, device=x.device)
    k = 0.5 + 0.5 * xp.astype((column >= 2 * size) & (column < 3 * size), x.dtype)
    z = steps.input_products(w_ih, summed(b_ih, b_hh)) * k
    w = xp.matrix_transpose(w_hh) * k
    h, c, gates = [steps.start(h_0, w_hh)], [steps.start(c_0, w_hh)], []
    for t in steps.order:
        a = k * xp.tanh(z[t, ...] + xp.matmul(h[-1], w)) + (1 - k)
        i, f, g, o = _parts(a, 4)
        inside = f * c[-1] + i * g
        h.append(steps.hold(t, o * xp.tanh(inside), h[-1]))
        c.append(steps.hold(t, inside, c[-1]))
        gates.append(a)

    def vjp(g: Any) -> tuple[Array | None, ...]:
        to_outputs, dh, dc = steps.only(g[0]), g[1], g[2]
        to_gates, h_to_c, forget = _lstm_slopes(steps, gates, c, k)
        found = []
        for t in steps.order[::-1]:
            dh = dh + to_outputs[t, ...]
            dc = dc + dh * h_to_c[t, ...]
            dz = xp.concat([dc, dc, dc, dh], axis=-1) * to_gates[t, ...]
            dc = dc * forget[t, ...]
            dh = steps.passed_on(t, xp.matmul(dz, w_hh), dh)
            found.append(dz)
        dz = steps.stack(found[::-1])
        dx, *weights = weight_gradients(
            xp, (needs[0], *needs[3:7]), x, w_ih, steps.stack(h[:-1]), dz
        )
        return dx, dh if needs[1] else None, dc if needs[2] else None, *weights, None

    return (steps.only(steps.stack(h[1:])), h[-1], c[-1]), vjp if any(needs) else None


def _lstm_slopes(
    steps: Steps, gates: Sequence[Array], c: Sequence[Array], k: Array
) -> tuple[Array, Array, Array]:
    """For all steps: dz by (dc, dc, dc, dh), dc by dh, and dc of the step before by dc."""
    xp, a = steps.xp, steps.stack(gates)
    i, f, g, o = _parts(a, 4)
    bounded = xp.tanh(steps.stack(c[1:]))
    slope = (1 - a) * (a + (2 * k - 1))  # a (1 - a) of a sigmoid, 1 - a^2 of a tanh
    to_gates = xp.concat([g, steps.stack(c[:-1]), i, bounded], axis=-1) * slope
    return (
        steps.only(to_gates),
        steps.only(o * (1 - bounded * bounded)),
        steps.only(f, otherwise=1.0),
    )


@op_of_several
def gru(
    xp: Namespace,
    x: Array,
    h_0: Array | None,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    lengths: Array | None = None,
    *,
    needs: Needs,
    reverse: bool = False,
) -> Result:
    """h_t = (1 - z) n + z h_{t-1} (Cho et al. 2014, arXiv:1406.1078); gives all h_t, and the last.

    v = x_t w_ih^T + b_ih and u = h_{t-1} w_hh^T + b_hh hold three gates, in the order r, z, n:
    r = sigmoid(v_r + u_r), z = sigmoid(v_z + u_z), n = tanh(v_n + r u_n). Shapes and options: see
    `nnkit.ops.recurrent`.

    >>> import nnkit
    >>> x, w = nnkit.tensor([[[1.0]], [[2.0]]]), nnkit.tensor([[1.0]] * 3)
    >>> [y.shape for y in nnkit.ops.gru(x, None, w, w)]
    [(2, 1, 1), (1, 1)]
    """
    check_recurrent("gru", 3, x, (h_0,), w_ih, w_hh, (b_ih, b_hh), lengths)
    steps, size = Steps(xp, x, lengths, reverse), w_hh.shape[1]
    v, w = steps.input_products(w_ih, b_ih), xp.matrix_transpose(w_hh)
    h, saved = [steps.start(h_0, w_hh)], []
    for t in steps.order:
        u = xp.ext.matmul_add(h[-1], w, b_hh)
        rz = _sigmoid(xp, v[t, :, : 2 * size] + u[:, : 2 * size])
        r, z, u_n = rz[:, :size], rz[:, size:], u[:, 2 * size :]
        n = xp.tanh(v[t, :, 2 * size :] + r * u_n)
        h.append(steps.hold(t, n + z * (h[-1] - n), h[-1]))
        saved.append((r, z, n, u_n))

    def vjp(g: Any) -> tuple[Array | None, ...]:
        to_outputs, dh = steps.only(g[0]), g[1]
        before = steps.stack(h[:-1])
        to_v, to_u, kept = _gru_slopes(steps, saved, before)
        dhs, dus = [], []
        for t in steps.order[::-1]:
            dh = dh + to_outputs[t, ...]
            du = xp.concat([dh, dh, dh], axis=-1) * to_u[t, ...]
            dhs.append(dh)
            dus.append(du)
            dh = xp.matmul(du, w_hh) + dh * kept[t, ...]
        dv = xp.concat([steps.stack(dhs[::-1])] * 3, axis=-1) * to_v
        du = steps.stack(dus[::-1])
        dx, *weights = weight_gradients(xp, (needs[0], *needs[2:6]), x, w_ih, before, dv, du)
        return dx, dh if needs[1] else None, *weights, None

    return (steps.only(steps.stack(h[1:])), h[-1]), vjp if any(needs) else None


for _layer in (rnn, lstm, gru):
    _layer.multiply_adds = multiply_adds


def _gru_slopes(
    steps: Steps, saved: Sequence[tuple[Array, ...]], before: Array
) -> tuple[Array, Array, Array]:
    """For all steps: dv by (dh, dh, dh), du by the same, and dh of the step before by dh."""
    xp = steps.xp
    r, z, n, u_n = (steps.stack(part) for part in zip(*saved, strict=True))
    to_n = (1 - z) * (1 - n * n)
    to_r, to_z = to_n * u_n * r * (1 - r), (before - n) * z * (1 - z)
    return (
        steps.only(xp.concat([to_r, to_z, to_n], axis=-1)),
        steps.only(xp.concat([to_r, to_z, to_n * r], axis=-1)),
        steps.only(z, otherwise=1.0),
    )


def _parts(a: Array, count: int) -> tuple[Array, ...]:
    """`count` equal parts of the last axis."""
    size = a.shape[-1] // count
    return tuple(a[..., i * size : (i + 1) * size] for i in range(count))
