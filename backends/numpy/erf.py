"""The error function in NumPy, which has none: polynomials fitted to a few units of the last place.

For |x| < 1 it is x P(x²), beyond it is 1 - exp(Q(|x| - 1)) with the sign of x, where P and Q were
fitted to erf(x) / x and log(1 - erf(x)). `kernels/erf.h` holds the same numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Host = np.ndarray[Any, Any]


class Fit(NamedTuple):
    """The polynomials for one dtype, lowest power first, and from where on the result is 1."""

    near: tuple[float, ...]
    far: tuple[float, ...]
    end: float


FITS = {
    "float32": Fit(
        near=(
            1.128379166, -0.376126271, 0.1128360003, -0.0268544454, 0.005189546663,
            -0.0008021005998, 7.889832469e-05,
        ),
        far=(
            -1.84960551, -2.638967514, -0.8431070877, -0.04156344449, 0.0100463624,
            -0.002011863868, 0.0002894743828, -2.167641516e-05,
        ),
        end=4.0,
    ),
    "float64": Fit(
        near=(
            1.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.026866170645077868,
            0.005223977624828374, -0.0008548326981422748, 0.00012055331132868792,
            -1.4925595770403931e-05, 1.6461008453750814e-06, -1.6350396009715163e-07,
            1.4660327539113019e-08, -1.1374952022108581e-09, 5.960680357450059e-11,
        ),
        far=(
            -1.8496055099332482, -2.638967514234791, -0.8431072563585149, -0.0415610980457605,
            0.010033825424128196, -0.001977902940411509, 0.00023732429269798086,
            2.6271831442655955e-05, -2.7144740124659384e-05, 9.583901487653086e-06,
            -2.0274091800497608e-06, 1.1136416671006643e-07, 1.2072588589212273e-07,
            -6.489530032996194e-08, 2.024309219668012e-08, -4.4872609493317145e-09,
            7.196369611650316e-10, -7.991244311303885e-11, 5.505709553696137e-12,
            -1.7709373346728228e-13,
        ),
        end=6.0,
    ),
}  # fmt: skip
BLOCK = 1 << 14
"""Elements done at once, so that what is computed between stays in the cache."""


def erf(x: Host) -> Host:
    """2/√π ∫₀ˣ exp(-t²) dt.

    Raises:
        TypeError: for dtypes other than float32 and float64.
    """
    fit = FITS.get(x.dtype.name)
    if fit is None:
        raise TypeError(f"erf takes float32 and float64, got {x.dtype}")
    flat = x.reshape(-1)
    y = np.empty_like(flat)
    with np.errstate(all="ignore"):  # each side overflows where the other one is taken
        for start in range(0, flat.size, BLOCK):
            _block(flat[start : start + BLOCK], y[start : start + BLOCK], fit)
    return y.reshape(x.shape)


def _block(x: Host, y: Host, fit: Fit) -> None:
    away = np.abs(x)
    beyond = np.exp(_polynomial(np.minimum(away, x.dtype.type(fit.end)) - 1, fit.far))
    np.copysign(1 - beyond, x, out=y)
    np.copyto(y, x * _polynomial(x * x, fit.near), where=away < 1)
    np.copyto(y, x, where=x != x)


def _polynomial(t: Host, coefficients: tuple[float, ...]) -> Host:
    y = np.full_like(t, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        y *= t
        y += t.dtype.type(c)
    return y
