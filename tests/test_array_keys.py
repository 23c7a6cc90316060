"""x[key] and x[key] = value of our OpenCL arrays and of array-api-strict agree, on drawn keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnkit.backends.opencl.backend import OpenCLBackend
from tests.opencl_forms import FORMS, device_in
from tests.standard_calls import EXAMPLES, REAL, Call, Data, array, shapes
from tests.standard_sides import assert_agree, expected, outcome

pytestmark = pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")

FREE = settings(max_examples=EXAMPLES or 10, derandomize=not EXAMPLES, database=None, deadline=None)


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


@st.composite
def keys(draw: Any, shape: tuple[int, ...], *, reading: bool) -> Any:
    """A key that the standard defines; the oracle assigns to no new axes and integer arrays."""
    form = draw(st.sampled_from(["basic", "basic", "mask", *["places"] * reading]))
    if form == "mask":
        return draw(array(["bool"], shape))
    if form == "places" and shape and all(shape):
        count = draw(st.integers(0, 3))
        parts = [draw(places(n, count)) for n in shape]
        return tuple(parts) if len(shape) > 1 else draw(st.sampled_from([parts[0], (parts[0],)]))
    parts = [draw(part(n)) for n in shape]
    if draw(st.booleans()):
        parts = parts[: draw(st.integers(0, len(parts)))]
        parts.append(...)
    elif reading and draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return parts[0] if len(parts) == 1 else tuple(parts)


@st.composite
def part(draw: Any, n: int) -> Any:
    """An integer (rarely out of range) or a slice whose ends the standard defines."""
    if draw(st.booleans()):
        return draw(st.integers(-n, max(n - 1, -n)) | st.just(0))
    step = draw(st.sampled_from([None, 1, 2, -1, -2]))
    end = st.none() | st.integers(-n, n if (step or 1) > 0 else max(n - 1, 0))
    return slice(draw(end), draw(end), step)


@st.composite
def places(draw: Any, n: int, count: int) -> Any:
    if draw(st.integers(0, 3)) == 0:
        return draw(st.integers(-n, n - 1))
    values = draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count))
    return Data(np.array(values, draw(st.sampled_from(["int64", "int32"]))))


@st.composite
def accesses(draw: Any, *, reading: bool = True) -> Call:
    x = draw(array(("float32", "int32", "bool") if not EXAMPLES else REAL, draw(shapes())))
    return Call((x, draw(keys(x.values.shape, reading=reading))))


@settings(FREE, max_examples=EXAMPLES or 60)
@given(call=accesses())
def test_getitem(device: OpenCLBackend, call: Call) -> None:
    def get(x: Any, key: Any) -> Any:
        return x[key]

    assert_agree(outcome(device.xp, call, get), expected(call, get), call)


@settings(FREE, max_examples=EXAMPLES or 60)
@given(call=accesses(reading=False), data=st.data())
def test_setitem(device: OpenCLBackend, call: Call, data: Any) -> None:
    x, key = call.args
    dtype = str(x.values.dtype)
    fitting = [True, False] if dtype == "bool" else [1, 1.5]
    value = data.draw(st.sampled_from(fitting) | array([dtype], ()))
    if isinstance(key, int | slice | tuple) and data.draw(st.booleans()):
        with np.errstate(all="ignore"):
            shape = x.values[built_numpy(key)].shape if fits(x.values, key) else ()
        value = data.draw(array([dtype], shape))
    both = Call((x, key, value))

    def put(xp: Any) -> Callable[..., Any]:
        def assign(a: Any, where: Any, what: Any) -> Any:
            a = xp.asarray(a, copy=True)
            a[where] = what
            return a

        return assign

    reference = expected(both, put(strict))
    assert_agree(outcome(device.xp, both, put(device.xp)), reference, both)


def built_numpy(key: Any) -> Any:
    return tuple(map(built_numpy, key)) if isinstance(key, tuple) else getattr(key, "values", key)


def fits(values: Any, key: Any) -> bool:
    try:
        values[built_numpy(key)]
    except IndexError:
        return False
    return True
