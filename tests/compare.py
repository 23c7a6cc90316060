"""The one tolerance policy, and the one helper that applies it.

An error is measured in units of eps of the result's dtype times the largest absolute value of the
float64 reference, for every element by itself: a sum of squares would hide one wrong element among
many right ones. A case that needs more says so in its row, with the reason.
"""

from __future__ import annotations

import numpy as np

FORWARD = 8.0
"""What a result may be off, in units of eps times the largest reference value."""
GRADIENT = 16.0
"""The same for gradients, which go through a few more operations."""
DIFFERENCES = 1e-7
"""What a float64 gradient may differ from central differences, as a share of the largest value."""


def assert_close(
    actual: np.ndarray, reference: np.ndarray, eps: float = FORWARD, what: str = "result"
) -> None:
    """Shapes and integers equal, floats within `eps` units, NaN and infinities in equal places."""
    assert actual.shape == reference.shape, f"{what}: shape {actual.shape}, not {reference.shape}"
    if actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, reference, err_msg=what)
        return
    unit = float(np.finfo(actual.dtype).eps)
    assert_within(actual, reference, eps * unit, f"{what} (in units of eps: {1 / unit:.3g})")


def assert_within(
    actual: np.ndarray, reference: np.ndarray, share: float, what: str = "result"
) -> None:
    """Every element within `share` of the largest absolute finite reference value."""
    assert actual.shape == reference.shape, f"{what}: shape {actual.shape}, not {reference.shape}"
    a, r = actual.astype(np.float64), reference.astype(np.float64)
    finite = np.isfinite(r)
    np.testing.assert_array_equal(a[~finite], r[~finite], err_msg=f"{what}: NaN or infinity")
    a, r = a[finite], r[finite]
    if r.size == 0:
        return
    largest = float(np.abs(r).max())
    error = np.abs(a - r)
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    allowed = share * largest
    assert error[worst] <= allowed, (
        f"{what}: element {worst} is {a[worst]!r}, the reference {r[worst]!r}; error "
        f"{error[worst]:.3g}, allowed {allowed:.3g} = {share:.3g} * {largest:.3g}"
    )
