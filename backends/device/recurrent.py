"""Recurrent layers: after the product of the state one launch a step, forward and backward.

The kernels stand in kernels/recurrent.cl. All states of a sequence lie in one array (T + 1, N, H),
and so do the gates and their gradients, so that nothing is put together afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.launcher import Launcher
from nnkit.backends.device.recurrent_steps import Sequence
from nnkit.ops.recurrent import check_nonlinearity
from nnkit.ops.steps import check_recurrent, summed, weight_gradients

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

ACTIVATIONS = {"tanh": 0, "relu": 1, "sigmoid": 2}
"""ACT of the kernel."""


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The recurrent layers, by the name of their op."""
    return {
        "lstm": partial(_lstm, launcher),
        "gru": partial(_gru, launcher),
        "rnn": partial(_rnn, launcher),
    }


def _is_served(x: Array, w_hh: Array) -> bool:
    return real_of(x) is not None and size(w_hh) > 0 and x.shape[1] > 0


def _transposed(xp: Namespace, w_hh: Array) -> Array:
    """w_hh^T in row-major memory: a product of few rows would else spend its time on reading it."""
    return xp.ext.contiguous(xp.matrix_transpose(w_hh))


def _lstm(
    launcher: Launcher,
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
    reverse: bool,
) -> Any:
    check_recurrent("lstm", 4, x, (h_0, c_0), w_ih, w_hh, (b_ih, b_hh), lengths)
    if not _is_served(x, w_hh):
        return NotImplemented
    run = Sequence(launcher, xp, x, w_hh.shape[1], lengths, reverse)
    z, w = run.steps.input_products(w_ih, summed(b_ih, b_hh)), _transposed(xp, w_hh)
    h, c = run.states(h_0), run.states(c_0)
    outputs, saved = run.outputs(h), run.empty(*z.shape)
    for t in run.steps.order:
        h_before, c_before = h[run.before(t), ...], c[run.before(t), ...]
        run.launch(
            "lstm_forward", z[t, ...], xp.matmul(h_before, w), h_before, c_before, saved[t, ...],
            h[run.after(t), ...], c[run.after(t), ...], outputs[t, ...], run.ends, t,
        )  # fmt: skip

    def vjp(g: Any) -> tuple[Array | None, ...]:
        dz, dc = run.empty(*z.shape), run.empty(run.rows, run.size)

        def args(t: int) -> tuple[Any, ...]:
            cells = c[run.before(t), ...], c[run.after(t), ...]
            is_first = run.after(t) == run.after(run.steps.order[-1])
            return saved[t, ...], *cells, g[2] if is_first else dc, dz[t, ...], dc

        dh = run.walk_back("lstm_backward", g[0], g[1], dz, w_hh, args, to_start=needs[1])
        dx, *weights = weight_gradients(xp, (needs[0], *needs[3:7]), x, w_ih, run.all_before(h), dz)
        return dx, dh, dc if needs[2] else None, *weights, None

    return (outputs, run.last(h), run.last(c)), vjp if any(needs) else None


def _gru(
    launcher: Launcher,
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
    reverse: bool,
) -> Any:
    check_recurrent("gru", 3, x, (h_0,), w_ih, w_hh, (b_ih, b_hh), lengths)
    if not _is_served(x, w_hh):
        return NotImplemented
    run = Sequence(launcher, xp, x, w_hh.shape[1], lengths, reverse)
    v, w = run.steps.input_products(w_ih, b_ih), _transposed(xp, w_hh)
    h = run.states(h_0)
    outputs, saved = run.outputs(h), run.empty(run.count, run.rows, 4 * run.size)
    for t in run.steps.order:
        before = h[run.before(t), ...]
        run.launch(
            "gru_forward", v[t, ...], xp.ext.matmul_add(before, w, b_hh), before, saved[t, ...],
            h[run.after(t), ...], outputs[t, ...], run.ends, t,
        )  # fmt: skip

    def vjp(g: Any) -> tuple[Array | None, ...]:
        dv, du = run.empty(*v.shape), run.empty(*v.shape)

        def args(t: int) -> tuple[Any, ...]:
            return saved[t, ...], h[run.before(t), ...], dv[t, ...], du[t, ...]

        dh = run.walk_back(
            "gru_backward", g[0], g[1], du, w_hh, args, to_start=needs[1], keeps_on=True
        )
        dx, *weights = weight_gradients(
            xp, (needs[0], *needs[2:6]), x, w_ih, run.all_before(h), dv, du
        )
        return dx, dh, *weights, None

    return (outputs, run.last(h)), vjp if any(needs) else None


def _rnn(
    launcher: Launcher,
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
    nonlinearity: str,
    reverse: bool,
) -> Any:
    check_nonlinearity(nonlinearity)
    check_recurrent("rnn", 1, x, (h_0,), w_ih, w_hh, (b_ih, b_hh), lengths)
    if not _is_served(x, w_hh):
        return NotImplemented
    act = ACTIVATIONS[nonlinearity]
    run = Sequence(launcher, xp, x, w_hh.shape[1], lengths, reverse, act)
    z, w = run.steps.input_products(w_ih, summed(b_ih, b_hh)), _transposed(xp, w_hh)
    h = run.states(h_0)
    outputs = run.outputs(h)
    for t in run.steps.order:
        before = h[run.before(t), ...]
        run.launch(
            "rnn_forward", z[t, ...], xp.matmul(before, w), before, h[run.after(t), ...],
            outputs[t, ...], run.ends, t,
        )  # fmt: skip

    def vjp(g: Any) -> tuple[Array | None, ...]:
        dz = run.empty(*z.shape)

        def args(t: int) -> tuple[Any, ...]:
            return h[run.after(t), ...], dz[t, ...]

        dh = run.walk_back("rnn_backward", g[0], g[1], dz, w_hh, args, to_start=needs[1])
        dx, *weights = weight_gradients(xp, (needs[0], *needs[2:6]), x, w_ih, run.all_before(h), dz)
        return dx, dh, *weights, None

    return (outputs, run.last(h)), vjp if any(needs) else None
