"""JAX: one jitted function a step, the old weights' memory given to the new ones."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
    """The step as plain functions of lists of arrays."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        raise Absent("JAX is not installed") from None
    x, y = jnp.asarray(arrays["x"]), jnp.asarray(arrays["y"])
    params, criterion = start(task, arrays)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.zeros(()))
    advance = adam if task.optimizer == "adam" else descend

    def loss_of(params: Any) -> Any:
        return criterion(params, x, y)

    def step(state: Any) -> Any:
        return advance(task.lr, jax.grad(loss_of)(state[0]), state)

    jitted = jax.jit(step, donate_argnums=0)

    def run(steps: int) -> None:
        nonlocal state
        for _ in range(steps):
            state = jitted(state)
        jax.block_until_ready(state)

    return Runner(run, lambda: float(loss_of(state[0])), f"JAX {jax.__version__}")


def start(task: Task | Chain, arrays: Arrays) -> tuple[Any, Any]:
    """First weights, and the loss of (weights, x, y)."""
    import jax.numpy as jnp

    if isinstance(task, Chain):
        from bench.peers.jax_chain import loss

        weights = {n: jnp.asarray(array) for n, array in arrays.items() if n not in ("x", "y")}
        return weights, partial(loss, task)
    names = ("weight", "bias")[: 2 - task.is_xor]
    params = [[jnp.asarray(arrays[f"{p}.{name}"]) for name in names] for p, *_ in task.layers]
    return params, half_squares if task.is_xor else cross_entropy


def half_squares(params: Any, x: Any, y: Any) -> Any:
    """XOR: sigmoids and 0.5 sum((output - y)^2)."""
    import jax

    for (weight,) in params:
        x = jax.nn.sigmoid(x @ weight.T)
    return 0.5 * ((x - y) ** 2).sum()


def cross_entropy(params: Any, x: Any, y: Any) -> Any:
    """ReLU between the layers, mean cross-entropy."""
    import jax
    import jax.numpy as jnp

    for k, (weight, bias) in enumerate(params):
        x = x @ weight.T + bias
        x = jax.nn.relu(x) if k < len(params) - 1 else x
    return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1).mean()


def descend(lr: float, grads: Any, state: Any) -> Any:
    """Plain descent."""
    import jax

    return (jax.tree.map(lambda p, g: p - lr * g, state[0], grads), *state[1:])


def adam(lr: float, grads: Any, state: Any) -> Any:
    """Adam."""
    import jax
    import jax.numpy as jnp

    params, means, squares, count = state
    count = count + 1
    means = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, means, grads)
    squares = jax.tree.map(lambda s, g: BETA2 * s + (1 - BETA2) * g * g, squares, grads)
    c1, c2 = 1 - BETA1**count, 1 - BETA2**count

    def change(p: Any, m: Any, s: Any) -> Any:
        return p - lr * (m / c1) / (jnp.sqrt(s / c2) + EPS)

    return jax.tree.map(change, params, means, squares), means, squares, count
