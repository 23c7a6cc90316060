"""The training steps by hand in NumPy, as tight as a person writes them for one network.

No layers, no graph: buffers made once, `out=` everywhere, weights stored (in, out), the loss
computed only when asked for, and for Adam all gradients in one flat buffer, gone through block by
block in the cache. What nnkit's replay on NumPy is measured against.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task

Array = np.ndarray[Any, Any]
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
BLOCK = 16384
"""Elements of Adam's five arrays that stay in the cache together: 320 KB in float32."""


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
    """The loop that fits."""
    if isinstance(task, Chain):
        raise Absent("loops by hand were written for the perceptrons")
    if task.is_xor:
        return xor(task, arrays)
    if len(task.widths) == 3 and task.optimizer == "sgd":
        return two_layers(task, arrays)
    if task.optimizer == "adam":
        return perceptron(task, arrays)
    raise Absent(f"no loop was written for {task}")


def xor(task: Task, arrays: Arrays) -> Runner:
    """3-4-1, sigmoids, no biases, half the summed squared error, plain descent."""
    x, y = arrays["x"], arrays["y"]
    w1, w2 = arrays["0.weight"].T.copy(), arrays["2.weight"].T.copy()
    h, dh = np.empty((2, len(x), w1.shape[1]), np.float32)
    p, dp, t = np.empty((3, len(x), 1), np.float32)
    g1, g2 = np.empty_like(w1), np.empty_like(w2)
    xt, ht, w2t, lr, one = x.T, h.T, w2.T, np.float32(task.lr), np.float32(1)

    def forward() -> None:
        np.dot(x, w1, out=h)
        np.negative(h, out=h)
        np.exp(h, out=h)
        np.add(h, one, out=h)
        np.reciprocal(h, out=h)
        np.dot(h, w2, out=p)
        np.negative(p, out=p)
        np.exp(p, out=p)
        np.add(p, one, out=p)
        np.reciprocal(p, out=p)

    def run(steps: int) -> None:
        dot, multiply, subtract = np.dot, np.multiply, np.subtract
        for _ in range(steps):
            forward()
            subtract(p, y, out=dp)
            multiply(dp, p, out=dp)
            subtract(one, p, out=t)
            multiply(dp, t, out=dp)
            dot(dp, w2t, out=dh)
            multiply(dh, h, out=dh)
            dot(ht, dp, out=g2)
            subtract(one, h, out=h)
            multiply(dh, h, out=dh)
            dot(xt, dh, out=g1)
            multiply(g1, lr, out=g1)
            subtract(w1, g1, out=w1)
            multiply(g2, lr, out=g2)
            subtract(w2, g2, out=w2)

    def loss() -> float:
        forward()
        return float(0.5 * ((p - y) ** 2).sum())

    return Runner(run, loss, version())


def two_layers(task: Task, arrays: Arrays) -> Runner:
    """Inputs-hidden-classes, ReLU, mean cross-entropy, plain descent."""
    x, y = arrays["x"], arrays["y"]
    size, hidden, classes = len(x), task.widths[1], task.widths[2]
    w1, b1 = arrays["0.weight"].T.copy(), arrays["0.bias"].copy()
    w2, b2 = arrays["2.weight"].T.copy(), arrays["2.bias"].copy()
    h, dh = np.empty((2, size, hidden), np.float32)
    off = np.empty((size, hidden), np.bool_)
    z, row = np.empty((size, classes), np.float32), np.empty((size, 1), np.float32)
    g1, g2 = np.empty_like(w1), np.empty_like(w2)
    gb1, gb2 = np.empty_like(b1), np.empty_like(b2)
    # The mean over the batch and the step size are one factor, put where the array is smallest.
    onehot, scale = np.eye(classes, dtype=np.float32)[y], np.float32(task.lr / size)
    ones, xt, ht, w2t, zero = np.ones(size, np.float32), x.T, h.T, w2.T, np.float32(0)

    def run(steps: int) -> None:
        dot, add, subtract, exp, maximum = np.dot, np.add, np.subtract, np.exp, np.maximum
        for _ in range(steps):
            dot(x, w1, out=h)
            add(h, b1, out=h)
            maximum(h, zero, out=h)
            dot(h, w2, out=z)
            add(z, b2, out=z)
            z.max(axis=1, keepdims=True, out=row)
            subtract(z, row, out=z)
            exp(z, out=z)
            z.sum(axis=1, keepdims=True, out=row)
            np.divide(z, row, out=z)
            subtract(z, onehot, out=z)
            np.multiply(z, scale, out=z)
            dot(z, w2t, out=dh)
            dot(ht, z, out=g2)
            dot(ones, z, out=gb2)
            np.less_equal(h, zero, out=off)
            np.copyto(dh, zero, where=off)
            dot(xt, dh, out=g1)
            dot(ones, dh, out=gb1)
            subtract(w1, g1, out=w1)
            subtract(b1, gb1, out=b1)
            subtract(w2, g2, out=w2)
            subtract(b2, gb2, out=b2)

    def loss() -> float:
        return cross_entropy(np.maximum(x @ w1 + b1, 0) @ w2 + b2, y)

    return Runner(run, loss, version())


def perceptron(task: Task, arrays: Arrays) -> Runner:
    """Any number of layers with ReLU between them, mean cross-entropy, Adam."""
    x, y = arrays["x"], arrays["y"]
    size, classes = len(x), task.widths[-1]
    flat = np.concatenate([a.ravel() for _, a in stored(task, arrays)])
    grads = np.empty_like(flat)
    w, b = views(task, flat)
    gw, gb = views(task, grads)
    h = [x, *(np.empty((size, n), np.float32) for n in task.widths[1:])]
    d = [np.empty_like(a) for a in h]
    off = [np.empty(a.shape, np.bool_) for a in h]
    row, ones, zero = np.empty((size, 1), np.float32), np.ones(size, np.float32), np.float32(0)
    onehot, share = np.eye(classes, dtype=np.float32)[y], np.float32(1 / size)
    last = len(w)
    update = adam(flat, grads, task.lr)

    def forward() -> None:
        for k in range(last):
            np.dot(h[k], w[k], out=h[k + 1])
            np.add(h[k + 1], b[k], out=h[k + 1])
            if k < last - 1:
                np.maximum(h[k + 1], zero, out=h[k + 1])

    def run(steps: int) -> None:
        dot, z = np.dot, d[last]
        for _ in range(steps):
            forward()
            h[last].max(axis=1, keepdims=True, out=row)
            np.subtract(h[last], row, out=z)
            np.exp(z, out=z)
            z.sum(axis=1, keepdims=True, out=row)
            np.divide(z, row, out=z)
            np.subtract(z, onehot, out=z)
            np.multiply(z, share, out=z)
            for k in range(last - 1, -1, -1):
                dot(h[k].T, d[k + 1], out=gw[k])
                dot(ones, d[k + 1], out=gb[k])
                if k:
                    dot(d[k + 1], w[k].T, out=d[k])
                    np.less_equal(h[k], zero, out=off[k])
                    np.copyto(d[k], zero, where=off[k])
            update()

    def loss() -> float:
        forward()
        return cross_entropy(h[last], y)

    return Runner(run, loss, version())


def adam(flat: Array, grads: Array, lr: float) -> Any:
    """Adam over flat arrays, a block at a time; the bias corrections go into the step size."""
    mean, square = np.zeros((2, len(flat)), np.float32)
    scratch, count = np.empty(min(BLOCK, len(flat)), np.float32), 0
    blocks = []
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        m = mean[part]
        blocks.append((flat[part], grads[part], m, square[part], scratch[: len(m)]))
    keep1, new1 = np.float32(BETA1), np.float32(1 - BETA1)
    keep2, new2 = np.float32(BETA2), np.float32(1 - BETA2)

    def update() -> None:
        nonlocal count
        count += 1
        root = np.sqrt(1 - BETA2**count)
        rate, eps = np.float32(lr * root / (1 - BETA1**count)), np.float32(EPS * root)
        multiply, add = np.multiply, np.add
        for p, g, m, s, t in blocks:
            multiply(m, keep1, out=m)
            multiply(g, new1, out=t)
            add(m, t, out=m)
            multiply(g, g, out=t)
            multiply(t, new2, out=t)
            multiply(s, keep2, out=s)
            add(s, t, out=s)
            np.sqrt(s, out=t)
            add(t, eps, out=t)
            np.divide(m, t, out=t)
            multiply(t, rate, out=t)
            np.subtract(p, t, out=p)

    return update


def stored(task: Task, arrays: Arrays) -> list[tuple[tuple[int, ...], Array]]:
    """Weights (in, out) and biases in order, with their shapes."""
    found = []
    for place, inputs, outputs in task.layers:
        found.append(((inputs, outputs), np.ascontiguousarray(arrays[f"{place}.weight"].T)))
        found.append(((outputs,), arrays[f"{place}.bias"]))
    return found


def views(task: Task, flat: Array) -> tuple[list[Array], list[Array]]:
    """The weights and the biases within a flat buffer."""
    found, start = [], 0
    for _, inputs, outputs in task.layers:
        for shape in ((inputs, outputs), (outputs,)):
            count = int(np.prod(shape))
            found.append(flat[start : start + count].reshape(shape))
            start += count
    return found[::2], found[1::2]


def cross_entropy(logits: Array, y: Array) -> float:
    """The mean over the batch."""
    z = logits.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean())


def version() -> str:
    """NumPy's."""
    return f"NumPy {np.__version__}"
