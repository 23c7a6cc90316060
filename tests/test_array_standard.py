"""Our OpenCL arrays and array-api-strict do the same, function by function, on drawn arguments.

This stands in for the public conformance suite, which is on no package registry. The names come
from array-api-strict, the calls from `standard_table.py`; the same call goes to both, and values,
dtype, shape, or the kind of error must agree. `NNKIT_EXAMPLES=1000` draws many new calls of each.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings

from nnkit.backends.opencl import xp as ours
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.opencl_forms import FORMS, device_in
from tests.standard_calls import EXAMPLES, REAL, Call, Data, Row, array
from tests.standard_sides import assert_agree, expected, outcome
from tests.standard_table import (
    BESIDE_THE_STANDARD,
    CONVERSIONS,
    ELSEWHERE,
    FUNCTIONS,
    OPERATORS,
    PROPERTIES,
)

pytestmark = pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")

LATER = {"isin", "broadcast_shapes"}
"""In array-api-strict, but in no standard before 2025.12."""
ONLY_STRICT = {"ArrayAPIStrictFlags", "Device"} | {
    n for n in strict.__all__ if n.endswith("_flags")
}
OWN_TEST = {"from_dlpack", "__array_namespace_info__"}
FREE = settings(max_examples=EXAMPLES or 10, derandomize=not EXAMPLES, database=None, deadline=None)


def standard_functions() -> list[str]:
    """The functions of the main namespace of 2024.12."""
    found = {n for n in strict.__all__ if inspect.isfunction(getattr(strict, n))}
    return sorted(found - LATER - ONLY_STRICT - {"__array_namespace_info__"})


@pytest.fixture(scope="module")
def device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.fixture(autouse=True, scope="module")
def version_2024() -> Iterator[None]:
    """The oracle speaks this version, with everything that depends on data."""
    with strict.ArrayAPIStrictFlags(
        api_version="2024.12", boolean_indexing=True, data_dependent_shapes=True
    ):
        yield


# -- one call on both sides ------------------------------------------------------------------------


def compare(device: OpenCLBackend, name: str, function: str, row: Row) -> None:
    """Draw calls for `function`'s row and let both sides answer."""

    @FREE
    @given(call=row.calls(function))
    def both(call: Call) -> None:
        if name.startswith("__") and not isinstance(call.args[0], Data):
            call = Call(call.args[::-1])  # operators are the array's
        reference = expected(call, on(strict, name))
        actual = outcome(device.xp, call, on(device.xp, name))
        if name.startswith("empty"):  # values are whatever was there
            actual, reference = np.zeros_like(actual), np.zeros_like(reference)
        if row.default and not has_dtype(call) and getattr(reference, "dtype", None) == np.float64:
            reference = reference.astype(np.float32)
        assert_agree(actual, reference, call, eps=row.eps, zeros=row.zeros)

    both()


def has_dtype(call: Call) -> bool:
    """Whether something in the call says which dtype comes out."""
    return "dtype" in call.options or any(isinstance(arg, Data) for arg in call.args)


def on(xp: Any, name: str) -> Callable[..., Any]:
    """A function of the namespace, or an operator; an in-place one acts on a copy."""
    if not name.startswith("__"):
        found: Callable[..., Any] = getattr(xp, name)
        return found
    if name.startswith("__i") and name != "__invert__":
        return lambda x, *rest: in_place(xp, name, x, *rest)
    return lambda x, *rest: applied(getattr(xp.asarray(x), name), *rest)


def in_place(xp: Any, name: str, x: Any, *rest: Any) -> Any:
    x = xp.asarray(x, copy=True)
    if xp is strict and name == "__imatmul__" and (x @ rest[0]).shape != x.shape:
        raise ValueError("the oracle's @= drops axes of the product, the standard's may not")
    result = applied(getattr(x, name), *rest)
    assert result is x or xp is strict, f"{name} gave another array"
    return result


def applied(method: Callable[..., Any], *rest: Any) -> Any:
    """As Python calls an operator: what is not implemented is a TypeError."""
    if (result := method(*rest)) is NotImplemented:
        raise TypeError("not implemented")
    return result


# -- the tests -------------------------------------------------------------------------------------


def test_every_function_of_the_standard_has_a_row() -> None:
    assert set(standard_functions()) - OWN_TEST == set(FUNCTIONS)


@pytest.mark.parametrize("name", standard_functions())
def test_signature(name: str) -> None:
    if name == "expand_dims":
        pytest.skip("the standard gives axis the default 0, the oracle none")
    mine, theirs = (inspect.signature(getattr(m, name)).parameters for m in (ours, strict))
    assert list(mine) == list(theirs)
    for key in mine:
        a, b = mine[key], theirs[key]
        assert a.kind == b.kind, key
        assert (a.default is a.empty) == (b.default is b.empty), key
        if type(b.default) in (bool, int, float, str):
            assert a.default == b.default, key


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function(device: OpenCLBackend, name: str) -> None:
    compare(device, name, name, FUNCTIONS[name])


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_operator(device: OpenCLBackend, name: str) -> None:
    compare(device, name, OPERATORS[name], FUNCTIONS[OPERATORS[name]])


def test_every_member_of_the_array_is_tested(device: OpenCLBackend) -> None:
    members = {n for n in vars(type(strict.asarray(1))) if not n.startswith("_")}
    members |= {n for n in vars(type(strict.asarray(1))) if n.startswith("__")}
    usual = {"__doc__", "__module__", "__init__", "__new__", "__slots__", "__repr__", "__str__"}
    known = {*OPERATORS, *CONVERSIONS, *PROPERTIES, *ELSEWHERE}
    assert known <= members
    beside = members - known - usual - BESIDE_THE_STANDARD
    assert {n for n in beside if not n.startswith("__")} == set()
    ours = device.xp.asarray([[1]])
    assert [name for name in known if not hasattr(ours, name)] == []


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversion(device: OpenCLBackend, name: str) -> None:
    @FREE
    @given(x=array(REAL, (), small=True) | array(["float32", "int32"], (1,)))
    def both(x: Data) -> None:
        convert = {"__bool__": bool, "__int__": int, "__float__": float, "__complex__": complex}
        function: Any = convert.get(name, lambda a: a.__index__())
        call = Call((x,))
        assert_agree(outcome(device.xp, call, function), expected(call, function), call)

    both()


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(device: OpenCLBackend, name: str) -> None:
    @FREE
    @given(x=array(REAL))
    def both(x: Data) -> None:
        call = Call((x,))

        def read(a: Any) -> Any:
            return getattr(a, name)

        assert_agree(outcome(device.xp, call, read), expected(call, read), call)

    both()


def test_constants_and_version() -> None:
    constants = {n: getattr(ours, n) for n in ("e", "inf", "pi", "nan", "newaxis")}
    assert math.isnan(constants.pop("nan"))
    assert constants == {"e": math.e, "inf": math.inf, "pi": math.pi, "newaxis": None}
    assert ours.__array_api_version__ == "2024.12"
