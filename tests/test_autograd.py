"""The graph and the loop that walks it back."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import nnkit
from nnkit import dispatch, ops
from nnkit.backend import Backend
from nnkit.dispatch import OPS
from nnkit.errors import BackendMismatch, GraphError
from tests.backends import strict
from tests.test_gradients import with_wrong_sign


def leaf(values: object, dtype: str = "float32") -> nnkit.Tensor:
    return nnkit.tensor(values, dtype=dtype, requires_grad=True)


def test_a_chain_of_ten_thousand_operations(backend: Backend) -> None:
    x = y = leaf([1.0, 2.0])
    for _ in range(10_000):
        y = y + 1.0
    y.sum().backward()
    assert y.tolist() == [10_001.0, 10_002.0]
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_chain_of_a_hundred_thousand_operations_is_also_freed_by_a_loop() -> None:
    with nnkit.use("numpy"):
        x = y = leaf(1.0)
        for _ in range(100_000):
            y = -y
        y.backward(retain_graph=True)
        assert x.grad.item() == 1.0
        del y  # a graph that nobody walked must not be freed by recursion either


def test_gradients_accumulate_until_they_are_cleared(backend: Backend) -> None:
    x = leaf([1.0, 2.0])
    (x * 3.0).sum().backward()
    first = x.grad
    (x * 4.0).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]
    assert first.tolist() == [3.0, 3.0], "a gradient that was handed out changed afterwards"
    x.zero_grad()
    assert x.grad is None


def test_an_op_of_several_results(backend: Backend) -> None:
    """Each result leads back to the op by itself; one that nothing is made of counts as zeros."""
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    first, unused, last = ops.split(x, sizes=(1, 1, 1), axis=1)
    ((first * 2.0).sum() + (first * last).sum()).backward()
    assert x.grad.tolist() == [[5.0, 0.0, 1.0], [8.0, 0.0, 4.0]]
    assert unused.requires_grad
    with nnkit.no_grad():
        assert not any(y.requires_grad for y in ops.split(x, sizes=(1, 2), axis=1))


def test_diamonds_and_repeated_inputs(backend: Backend) -> None:
    """d/dx of (x^2 + 3x) x with both branches from one x: 3x^2 + 6x; and x added to itself."""
    x = leaf([1.0, 2.0])
    branch = x * x
    ((branch + 3.0 * x) * x).sum().backward()
    assert x.grad.tolist() == [9.0, 24.0]
    y = leaf([1.0])
    (y + y + y).sum().backward()
    assert y.grad.tolist() == [3.0]


def test_each_operation_is_walked_once(backend: Backend) -> None:
    """Forty levels of doubling have 2^40 paths; only a walk by nodes comes back from there."""
    x = y = leaf(1.0)
    for _ in range(40):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**40


def test_weights_of_a_result_that_is_no_scalar(backend: Backend) -> None:
    x = leaf([[1.0, 2.0, 3.0]])
    (x * x).backward(nnkit.tensor([[1.0, 0.0, 10.0]]))
    assert x.grad.tolist() == [[2.0, 0.0, 60.0]]


def test_a_loss_must_have_one_element(backend: Backend) -> None:
    x = leaf([[1.0, 2.0, 3.0]])
    with pytest.raises(GraphError, match=r"one element, got shape \(1, 3\).*loss.mean\(\)"):
        (x * 2.0).backward()
    with pytest.raises(GraphError, match=r"gradient must have the shape \(1, 3\), got \(3,\)"):
        (x * 2.0).backward(nnkit.tensor([1.0, 2.0, 3.0]))


def test_backward_without_anything_to_do(backend: Backend) -> None:
    with pytest.raises(GraphError, match="depends on nothing that requires a gradient"):
        nnkit.tensor(1.0).backward()


def test_no_grad_is_a_context_and_a_decorator(backend: Backend) -> None:
    x = leaf([1.0])

    @nnkit.no_grad()
    def doubled() -> nnkit.Tensor:
        assert not nnkit.is_grad_enabled()
        return x * 2.0

    with nnkit.no_grad():
        with nnkit.no_grad():
            assert not (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad, "leaving the inner one must not switch recording on"
    assert not doubled().requires_grad
    assert (x * 2.0).requires_grad


def test_no_grad_ends_with_an_error() -> None:
    with pytest.raises(RuntimeError, match="on purpose"), nnkit.no_grad():
        raise RuntimeError("on purpose")
    assert nnkit.is_grad_enabled()


def test_no_grad_holds_for_its_own_thread() -> None:
    seen: list[bool] = []
    with nnkit.no_grad():
        thread = threading.Thread(target=lambda: seen.append(nnkit.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_leaves_the_graph(backend: Backend) -> None:
    x = leaf([2.0])
    y = (x * 3.0).detach()
    assert not y.requires_grad
    assert y.is_leaf
    (x * y).sum().backward()
    assert x.grad.tolist() == [6.0]


def test_a_graph_is_used_once_unless_it_is_kept(backend: Backend) -> None:
    x = leaf([2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8.0]
    with pytest.raises(GraphError, match=r"already used and released.*retain_graph=True"):
        y.backward()


def test_a_change_in_place_since_is_an_error(backend: Backend) -> None:
    x = leaf([2.0, 3.0])
    counter = nnkit.tensor(1.0)
    loss = (x * x).sum()
    dispatch.UPDATES["sgd"](
        x, x.detach(), None, counter, counter,
        momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False,
    )  # fmt: skip
    assert x.version == 1
    with pytest.raises(GraphError, match=r"shape \(2,\) that 'multiply' read was changed in place"):
        loss.backward()


def test_tensors_of_two_backends_do_not_mix() -> None:
    with nnkit.use("numpy"):
        here = nnkit.tensor([1.0])
    there = nnkit.tensor([1.0], backend=strict)
    with pytest.raises(BackendMismatch) as caught:
        here + there
    text = str(caught.value)
    assert "numpy (" in text
    assert "strict (array-api-strict, cpu)" in text
    assert "tensor.to('numpy')" in text
    assert (here + there.to("numpy")).tolist() == [2.0]
    with pytest.raises(BackendMismatch):
        ops.concat(there, here)


def test_memory_is_released_with_the_loss(backend: Backend) -> None:
    """By counting references alone: no cycle keeps a step's arrays until the collector comes."""
    x = leaf([1.0, 2.0])
    gc.collect()
    gc.disable()
    try:
        middle = x.exp()
        node = weakref.ref(middle.node)
        loss = (middle * middle).sum()
        tensor = weakref.ref(middle)
        del middle
        assert tensor() is None
        assert node() is not None
        loss.backward()
        del loss
        assert node() is None
    finally:
        gc.enable()


def test_a_graph_walked_or_not_leaves_nothing_behind(backend: Backend) -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0])
        seen = weakref.ref(x)
        (x * 2.0 + x).sum().backward()
        y = x * 2.0
        del x, y
        assert seen() is None
    finally:
        gc.enable()


def test_gradients_have_the_dtype_of_their_leaf(backend: Backend) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    x = leaf([1.0, 2.0])
    (x.double() * 2.0).sum().backward()
    assert "float32" in str(x.grad.dtype)


def test_gradcheck_takes_a_right_gradient(backend: Backend, rng: np.random.Generator) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    x, w = (leaf(rng.normal(size=s), "float64") for s in ((3, 4), (2, 4)))
    assert nnkit.gradcheck(lambda x, w: ops.linear(x, w).tanh().softmax(), [x, w]) is True


@pytest.mark.parametrize("position", [0, 1])
def test_gradcheck_finds_a_wrong_one(position: int, monkeypatch: pytest.MonkeyPatch) -> None:
    multiply = OPS["multiply"]
    monkeypatch.setattr(multiply, "composed", with_wrong_sign(multiply, position))
    with nnkit.use("numpy"):
        inputs = [leaf([0.5, -2.0], "float64"), leaf([3.0, 4.0], "float64")]
        with pytest.raises(GraphError, match=f"gradcheck: input {position}, element"):
            nnkit.gradcheck(lambda a, b: a * b, inputs)


def test_gradcheck_wants_float64() -> None:
    with nnkit.use("numpy"), pytest.raises(TypeError, match="input 0 must be float64"):
        nnkit.gradcheck(lambda x: x * 2.0, [leaf([1.0])])


def test_numeric_gradient_gives_the_published_figures() -> None:
    """0.01 x^2 + 0.1 x at 5 and 10, and x0^2 + x1^2 at (3, 4)."""
    line = nnkit.numeric_gradient(
        lambda x: float((0.01 * x**2 + 0.1 * x).sum()), np.array([5, 10.0])
    )
    np.testing.assert_allclose(line, [0.2, 0.3], atol=1e-11)
    bowl = nnkit.numeric_gradient(lambda x: float((x**2).sum()), np.array([3.0, 4.0]))
    np.testing.assert_allclose(bowl, [6.0, 8.0], atol=1e-9)
