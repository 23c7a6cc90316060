"""The same call on our arrays and on array-api-strict, and whether the answers agree."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import numpy as np

from tests.standard_calls import Call, Data, Kind

ERRORS = (TypeError, ValueError, IndexError, OverflowError)
"""What a wrong call may raise; anything else fails the test."""
KINDS = (TypeError, (ValueError, IndexError, OverflowError))
"""Errors of the type and of the value of an argument must not be taken for each other."""


def built(xp: Any, value: Any) -> Any:
    """A neutral argument as this namespace has it."""
    if isinstance(value, Data):
        return value.build(xp)
    if isinstance(value, Kind):
        return getattr(xp, value.name)
    if isinstance(value, list | tuple):
        return type(value)(built(xp, v) for v in value)
    return value


def outcome(xp: Any, call: Call, function: Callable[..., Any]) -> Any:
    """What the call gives, in neutral form, or the error that it raises."""
    args, options = built(xp, call.args), built(xp, list(call.options.values()))
    try:
        return neutral(function(*args, **dict(zip(call.options, options, strict=True))))
    except ERRORS as error:
        return error


def expected(call: Call, function: Callable[..., Any]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of NumPy behind the oracle: ours must give none
        return outcome(strict, call, function)


def neutral(value: Any) -> Any:
    if isinstance(value, tuple | list):
        kind = getattr(value, "_fields", type(value).__name__)
        return [kind if isinstance(kind, str) else " ".join(kind), *map(neutral, value)]
    if hasattr(value, "__array_namespace__"):
        return value._array if hasattr(value, "_array") else value.numpy()
    if isinstance(value, bool | int | float | complex | str) or value is None:
        return value
    if hasattr(value, "bits"):
        fields = ("bits", "min", "max", "eps", "smallest_normal")
        found = {f: float(getattr(value, f)) for f in fields if hasattr(value, f)}
        return str(found | {"dtype": dtype_name(value.dtype)})
    return dtype_name(value)


def dtype_name(value: Any) -> str:
    return str(value).rpartition(".")[2]


def assert_agree(
    actual: Any, reference: Any, call: Call, *, eps: float = 0.0, zeros: bool = False
) -> None:
    """Both gave the same, or both refused the call for the same kind of reason."""
    if isinstance(reference, Exception):
        assert isinstance(actual, Exception), f"{call}: refused by the oracle: {reference!r}"
        same = [kind for kind in KINDS if isinstance(reference, kind) and isinstance(actual, kind)]
        assert same, f"{call}: {actual!r} instead of {reference!r}"
        return
    assert not isinstance(actual, Exception), f"{call}: {actual!r}"
    if isinstance(reference, list):
        assert len(actual) == len(reference), str(call)
        for one, other in zip(actual, reference, strict=True):
            assert_agree(one, other, call, eps=eps, zeros=zeros)
    elif isinstance(reference, np.ndarray):
        assert (actual.shape, actual.dtype) == (reference.shape, reference.dtype), str(call)
        assert_values(actual, reference, call, eps, zeros)
    elif isinstance(reference, float) and math.isnan(reference):
        assert math.isnan(actual)
    else:
        assert actual == reference, str(call)


def assert_values(actual: Any, reference: Any, call: Call, eps: float, zeros: bool) -> None:
    """Integers equal; floats within `eps` of each value, and NaN in the same places."""
    if reference.dtype.kind not in "fc":
        np.testing.assert_array_equal(actual, reference, err_msg=str(call))
        return
    info = np.finfo(reference.dtype)
    np.testing.assert_allclose(
        actual, reference, eps * info.eps, float(info.tiny) * bool(eps), err_msg=str(call)
    )
    if zeros and reference.dtype.kind == "f":
        both = (reference == 0) & (actual == 0)
        signs = np.signbit(actual)[both], np.signbit(reference)[both]
        np.testing.assert_array_equal(*signs, err_msg=f"signs of zeros, {call}")
