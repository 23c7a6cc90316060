"""What holds for everything registered, checked without a test of its own for each op."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

import nnkit
from nnkit import ops
from nnkit.backend import Backend
from nnkit.dispatch import OPS, UPDATES, Function, Op, each
from tests.cases import CASES, OP_CASES, Case, cases_of
from tests.cases.table import Input
from tests.running import call, dtype_of, results

EVERYTHING = {**OPS, **UPDATES}
KEYWORD, VARIADIC = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_POSITIONAL
everything = pytest.mark.parametrize("function", EVERYTHING.values(), ids=EVERYTHING.keys())
every_op = pytest.mark.parametrize("name", OPS)


def signature(function: Function) -> list[inspect.Parameter]:
    return list(inspect.signature(function.composed).parameters.values())


@everything
def test_the_namespace_comes_first_and_options_by_name(function: Function) -> None:
    first, *rest = signature(function)
    assert first.name == "xp"
    arrays = [p for p in rest if p.kind is not KEYWORD]
    assert arrays, "it takes no array"
    assert all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in rest), "options have names"
    assert all(p.default in (inspect.Parameter.empty, None) for p in arrays)


@everything
def test_needs_belongs_to_ops_alone(function: Function) -> None:
    needs = [p for p in signature(function) if p.name == "needs"]
    if function.name in UPDATES:
        assert not needs
    else:
        assert [p.kind for p in needs] == [KEYWORD]
        assert needs[0].default is inspect.Parameter.empty


@everything
def test_everything_is_annotated_and_described(function: Function) -> None:
    hints = function.composed.__annotations__
    assert {p.name for p in signature(function)} <= set(hints)
    assert "return" in hints
    text = inspect.getdoc(function)
    assert text is not None
    assert text.partition("\n")[0].rstrip().endswith(".") or "=" in text.partition("\n")[0]


@every_op
def test_the_example_of_each_op_holds(name: str, backend: Backend) -> None:
    """doctest finds functions and classes by itself; an op is neither."""
    text = inspect.getdoc(OPS[name])
    assert text is not None
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, f"{name} has no example"
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert not report, "".join(report)


@everything
def test_repr_says_what_it_is(function: Function) -> None:
    kind = "update" if function.name in UPDATES else "op"
    assert repr(function) == f"<nnkit {kind} {function.name}>"


@everything
def test_name_module_and_signature_are_those_of_a_function(function: Function) -> None:
    assert function.__name__ == function.composed.__name__ == function.name
    assert function.__module__ == function.composed.__module__
    assert "needs" not in inspect.signature(function).parameters
    assert "xp" not in inspect.signature(function).parameters


def test_every_op_is_exported() -> None:
    exported = {name: value for name, value in vars(ops).items() if isinstance(value, Op)}
    assert exported == OPS


@every_op
def test_the_table_holds_the_awkward_inputs_of_each_op(name: str) -> None:
    """Axes of length 0 and 1 or none at all, and inputs that do not lie in row-major order."""
    inputs = [x for case in cases_of(name, OP_CASES) for x in case.inputs if isinstance(x, Input)]
    assert any(0 in x.shape for x in inputs), "no row with an empty axis"
    assert any(x.layout != "plain" for x in inputs), "no row with a view"
    assert any(1 in x.shape or x.shape == () for x in inputs), "no row of length 1, and none 0-d"


@pytest.mark.parametrize("name", UPDATES)
def test_the_table_holds_the_awkward_buffers_of_each_update(name: str) -> None:
    shapes = [x.shape for c in cases_of(name, CASES) for x in c.inputs if isinstance(x, Input)]
    assert () in shapes
    assert name == "advance" or any(0 in shape for shape in shapes)


def test_no_array_of_the_table_is_square() -> None:
    """A square array hides a transposition."""
    for case in CASES:
        inputs = [x for i, x in enumerate(case.inputs) if (case.name, i) != ("rnn", 3)]  # w_hh
        shapes = [x.shape for x in inputs if isinstance(x, Input) and not case.time]
        assert not any(len(s) == 2 and s[0] == s[1] > 1 for s in shapes), case


OPS_WITH = sorted({case.name for case in OP_CASES if case.differentiable})


def differentiable_rows() -> list[Case]:
    """For each op the first row with the most gradients."""
    rows = [case for case in OP_CASES if case.differentiable and case.result != "float64"]
    return [max(cases_of(name, rows), key=lambda case: sum(case.needs)) for name in OPS_WITH]


@pytest.mark.parametrize("case", differentiable_rows(), ids=str)
def test_only_what_is_needed_is_computed(case: Case, backend: Backend) -> None:
    """No `vjp` where nothing needs a gradient, and None for the inputs that need none."""
    op = case.function
    arrays = case.place(backend, "float32")
    nothing = (False,) * len(arrays)
    assert op.forward(backend, arrays, nothing, dict(case.options))[1] is None
    for wanted in (i for i, need in enumerate(case.needs) if need):
        needs = tuple(i == wanted for i in range(len(arrays)))
        y, vjp = op.forward(backend, arrays, needs, dict(case.options))
        g = each(backend.xp.ones_like, y)
        given = [d is not None for d in op.backward(backend, vjp, g)]
        assert given == list(needs), f"{case}: gradients given {given}, wanted {needs}"


@pytest.mark.parametrize("case", differentiable_rows(), ids=str)
def test_backward_leaves_the_gradient_alone_and_may_run_twice(case: Case, backend: Backend) -> None:
    y, vjp = call(case, backend, "float32", with_gradient=True)
    g = each(backend.xp.ones_like, y)
    first = [d if d is None else backend.to_numpy(d).copy() for d in vjp(g)]
    for after in results(g):
        np.testing.assert_array_equal(backend.to_numpy(after), np.ones(after.shape))
    for one, other in zip(first, vjp(g), strict=True):
        if one is not None:
            np.testing.assert_array_equal(one, backend.to_numpy(other))


BINARY = ["add", "subtract", "multiply", "divide", "pow", "maximum", "minimum"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_python_numbers_never_promote(name: str, dtype: str, backend: Backend) -> None:
    if not backend.supports(dtype):
        pytest.skip(f"{backend.device} has no {dtype}")
    x = nnkit.tensor([[1.0, 2.0, 3.0]], dtype=dtype)
    for number in (2, 2.5):
        assert dtype_of(OPS[name](x, number)) == dtype
        assert dtype_of(OPS[name](number, x)) == dtype


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "minimum"])
def test_python_integers_leave_integers_alone(name: str, backend: Backend) -> None:
    x = nnkit.tensor([1, 2, 3], dtype="int32")
    assert dtype_of(OPS[name](x, 2)) == "int32"


def test_optional_arrays_may_be_left_out_or_named(
    backend: Backend, rng: np.random.Generator
) -> None:
    x, w, b = (nnkit.tensor(rng.random(s, np.float32)) for s in ((4, 7), (5, 7), (5,)))
    w.requires_grad = True
    without = ops.linear(x, w)
    without.sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(without.numpy() + b.numpy(), ops.linear(x, w, bias=b).numpy(), 1e-6)
    with pytest.raises(TypeError, match=r"linear.*missing 'weight'"):
        ops.linear(x, bias=b)


def test_options_may_be_given_by_position_too(backend: Backend) -> None:
    x = nnkit.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert ops.sum(x, 1, True).tolist() == ops.sum(x, axis=1, keepdims=True).tolist()
    with pytest.raises(TypeError, match="sum"):
        ops.sum(x, 1, True, 3)


ERRORS = {
    "axis out of range": (lambda x: x.sum(axis=2), ValueError, r"sum: axis must be in \[-2, 2\)"),
    "sizes that do not fit": (lambda x: x.reshape(5, -1), ValueError, "reshape: 6 elements"),
    "two -1": (lambda x: x.reshape(-1, -1), ValueError, "reshape: shape may hold one -1"),
    "an axis twice": (lambda x: x.permute(0, 0), ValueError, "permute: axes must name each"),
    "product": (lambda x: x @ x, ValueError, "matmul: the last axis of a"),
    "0-d product": (lambda x: x @ x.sum(), ValueError, "matmul: both arrays need an axis"),
    "NumPy array": (lambda x: ops.add(x, np.ones(3)), TypeError, "add: argument 'b'.*nnkit.tensor"),
    "no tensor": (lambda x: ops.add(1, 2), TypeError, "add: at least one argument"),
    "index": (lambda x: x["a"], TypeError, "getitem: .*got str"),
    "features": (lambda x: ops.linear(x, x.T), ValueError, "linear: .*in_features = 2"),
    "dtype": (lambda x: ops.linear(x, x.astype("int32")), TypeError, "linear: x must have"),
    "reduction": (lambda x: ops.mse_loss(x, x, "men"), ValueError, "Did you mean 'mean'"),
    "shapes": (lambda x: ops.mse_loss(x, x[0]), ValueError, "mse_loss: prediction and target"),
    "targets": (lambda x: ops.cross_entropy(x, x[0]), ValueError, "cross_entropy: targets as"),
    "integer gradient": (lambda x: x.astype("int32").requires_grad_(), TypeError, "floating dtype"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_op_the_rule_and_the_value(name: str, backend: Backend) -> None:
    wrong, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        wrong(nnkit.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))


def test_repr_of_a_tensor(backend: Backend) -> None:
    x = nnkit.tensor([[1.0, 2.5], [3.0, -4.0]], requires_grad=True)
    assert repr(x) == (
        "tensor([[ 1. ,  2.5],\n        [ 3. , -4. ]], dtype=float32, requires_grad=True)"
    )
