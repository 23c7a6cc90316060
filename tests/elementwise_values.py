"""Arguments and right answers for elementwise functions: edges, samples, special cases, ulps."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as host
import numpy as np

Values = np.ndarray[Any, Any]
INF, NAN, PI = np.inf, np.nan, np.pi

ALLOWED_ULPS = 4
EXACT = frozenset(
    ("positive", "negative", "abs", "square", "add", "subtract", "multiply", "sign", "floor",
     "ceil", "trunc", "round", "copysign", "nextafter", "maximum", "minimum", "remainder",
     "floor_divide")
)  # fmt: skip
"""Functions of floats whose result is the nearest number, or NumPy's by definition."""
CANCELS = {("logaddexp", "float64")}
"""Measured in ulps of the larger term, log 2 at least: where exp x + exp z is near 1, two terms of
opposite sign cancel, and there is no wider type to compute them in as there is for float32."""


# fmt: off
SPECIAL: dict[str, list[tuple[float, ...]]] = {
    # the arguments, then the result, as the standard's tables of special cases have them
    "abs": [(-0.0, 0.0), (-INF, INF), (NAN, NAN)],
    "acos": [(1.5, NAN), (-1.5, NAN), (1, 0.0), (NAN, NAN)],
    "acosh": [(0.5, NAN), (1, 0.0), (INF, INF), (-INF, NAN)],
    "add": [(INF, -INF, NAN), (INF, 1, INF), (-0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (2, -2, 0.0)],
    "asin": [(1.5, NAN), (-1.5, NAN), (0.0, 0.0), (-0.0, -0.0)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, PI / 2), (-INF, -PI / 2)],
    "atan2": [
        (1, 0.0, PI / 2), (1, -0.0, PI / 2), (0.0, 1, 0.0), (0.0, 0.0, 0.0), (0.0, -0.0, PI),
        (0.0, -1, PI), (-0.0, 1, -0.0), (-0.0, 0.0, -0.0), (-0.0, -0.0, -PI), (-0.0, -1, -PI),
        (-1, 0.0, -PI / 2), (1, INF, 0.0), (1, -INF, PI), (-1, INF, -0.0), (-1, -INF, -PI),
        (INF, 1, PI / 2), (-INF, 1, -PI / 2), (INF, INF, PI / 4), (INF, -INF, 3 * PI / 4),
        (-INF, INF, -PI / 4), (-INF, -INF, -3 * PI / 4), (NAN, 1, NAN), (1, NAN, NAN)],
    "atanh": [(-1.5, NAN), (1.5, NAN), (-1, -INF), (1, INF), (0.0, 0.0), (-0.0, -0.0)],
    "ceil": [(INF, INF), (-INF, -INF), (-0.0, -0.0), (-0.5, -0.0), (0.5, 1)],
    "copysign": [(1, -0.0, -1), (-1, 0.0, 1), (INF, -2, -INF), (-0.0, 3, 0.0), (2, -INF, -2)],
    "cos": [(0.0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "cosh": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF)],
    "divide": [
        (INF, INF, NAN), (0.0, -0.0, NAN), (1, 0.0, INF), (1, -0.0, -INF), (-1, 0.0, -INF),
        (-0.0, 1, -0.0), (0.0, -1, -0.0), (1, -INF, -0.0), (INF, -1, -INF)],
    "exp": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1)],
    "floor": [(INF, INF), (-INF, -INF), (-0.0, -0.0), (0.5, 0.0), (-0.5, -1)],
    "floor_divide": [
        (INF, INF, NAN), (INF, -INF, NAN), (0.0, 0.0, NAN), (0.0, 1, 0.0), (-0.0, 1, -0.0),
        (0.0, -1, -0.0), (-0.0, -1, 0.0), (1, 0.0, INF), (1, -0.0, -INF), (-1, 0.0, -INF),
        (-1, -0.0, INF), (INF, 1, INF), (INF, -1, -INF), (-INF, 1, -INF), (-INF, -1, INF),
        (1, INF, 0.0), (1, -INF, -0.0), (-1, INF, -0.0), (-1, -INF, 0.0), (-7, 2, -4), (7, -2, -4)],
    "hypot": [(INF, NAN, INF), (NAN, -INF, INF), (-0.0, -3, 3), (3, 0.0, 3), (1, NAN, NAN)],
    "log": [(-1, NAN), (0.0, -INF), (-0.0, -INF), (1, 0.0), (INF, INF)],
    "log10": [(-1, NAN), (0.0, -INF), (-0.0, -INF), (1, 0.0), (INF, INF), (1000, 3)],
    "log1p": [(-2, NAN), (-1, -INF), (-0.0, -0.0), (0.0, 0.0), (INF, INF)],
    "log2": [(-1, NAN), (0.0, -INF), (-0.0, -INF), (1, 0.0), (INF, INF), (8, 3)],
    "logaddexp": [(NAN, 1, NAN), (INF, 1, INF), (1, INF, INF), (-INF, -INF, -INF), (-INF, 2, 2)],
    "maximum": [(NAN, 1, NAN), (1, NAN, NAN), (-INF, 1, 1)],
    "minimum": [(NAN, 1, NAN), (1, NAN, NAN), (INF, 1, 1)],
    "multiply": [(INF, 0.0, NAN), (-0.0, INF, NAN), (-INF, -2, INF), (-0.0, 3, -0.0)],
    "nextafter": [(NAN, 1, NAN), (1, NAN, NAN), (-0.0, 0.0, 0.0), (0.0, -0.0, -0.0)],
    "pow": [
        (1, NAN, 1), (NAN, 0.0, 1), (NAN, -0.0, 1), (NAN, 1, NAN), (2, INF, INF), (2, -INF, 0.0),
        (-1, INF, 1), (1, -INF, 1), (0.5, INF, 0.0), (0.5, -INF, INF), (INF, 2, INF),
        (INF, -2, 0.0), (-INF, 3, -INF), (-INF, 2, INF), (-INF, -3, -0.0), (-INF, -2, 0.0),
        (0.0, 2, 0.0), (0.0, -2, INF), (-0.0, 3, -0.0), (-0.0, 2, 0.0), (-0.0, -3, -INF),
        (-0.0, -2, INF), (-2, 0.5, NAN)],
    "reciprocal": [(0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0)],
    "remainder": [
        (INF, INF, NAN), (0.0, 0.0, NAN), (0.0, 1, 0.0), (-0.0, 1, 0.0), (0.0, -1, -0.0),
        (-0.0, -1, -0.0), (1, 0.0, NAN), (-1, -0.0, NAN), (INF, 1, NAN), (-INF, -1, NAN),
        (1, INF, 1), (1, -INF, -INF), (-1, INF, INF), (-1, -INF, -1), (-7, 2, 1), (4, -2, -0.0)],
    "round": [(INF, INF), (-0.0, -0.0), (0.5, 0.0), (-0.5, -0.0), (1.5, 2), (2.5, 2), (-2.5, -2)],
    "sign": [(-3, -1), (-0.0, 0.0), (0.0, 0.0), (INF, 1), (NAN, NAN)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "sqrt": [(-1, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN), (30, 1), (-30, -1)],
    "trunc": [(INF, INF), (-0.0, -0.0), (-0.5, -0.0), (1.5, 1)],
    "isfinite": [(INF, False), (NAN, False), (-0.0, True)],
    "isinf": [(INF, True), (-INF, True), (NAN, False), (1, False)],
    "isnan": [(NAN, True), (INF, False), (0.0, False)],
    "signbit": [(-0.0, True), (0.0, False), (-INF, True), (NAN, False), (-NAN, True), (-1, True)],
    "equal": [(NAN, NAN, False), (-0.0, 0.0, True), (INF, INF, True), (INF, -INF, False)],
    "less": [(NAN, 1, False), (1, NAN, False), (-0.0, 0.0, False), (-INF, INF, True)],
}
# fmt: on


def edges(dtype: np.dtype[Any]) -> Values:
    """Numbers at which functions of this dtype may go wrong."""
    if dtype.kind == "b":
        return np.array([False, True] * 10)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        near = [*range(-9, 10), 15, 16, 31, 32, 33, 63, 64, 65, -64, 100]
        far = [info.min, info.min + 1, info.max // 2, info.max - 1, info.max]
        return np.array([v for v in (*near, *far) if info.min <= v <= info.max], dtype)
    f = np.finfo(dtype)
    tiny = [0.0, f.smallest_subnormal, f.tiny, f.eps, 1e-3, 0.25, 0.3, 0.5, 1 - f.eps, 1]
    some = [1 + f.eps, 1.5, PI / 2, 2, 2.5, 3, PI, 3.5, 10, 20.5, 33, 88.7, 1e3, 1e5, 1 / f.eps]
    half = np.array([*tiny, *some, float(f.max) ** 0.5, f.max, INF, NAN], dtype)
    return np.concatenate([half, -half])


def samples(dtype: np.dtype[Any], n: int, rng: np.random.Generator) -> Values:
    """Floats over the whole range: all bit patterns, magnitudes in use, and every kind mixed."""
    f, bits = np.finfo(dtype), {4: np.uint32, 8: np.uint64}[dtype.itemsize]
    any_bits = rng.integers(0, np.iinfo(bits).max, n, dtype=bits, endpoint=True).view(dtype)
    any_size = np.exp2(rng.uniform(f.minexp, f.maxexp - 0.01, n)) * rng.choice([-1, 1], n)
    subnormal = rng.uniform(-1, 1, n) * float(f.tiny)
    special = rng.choice([0.0, -0.0, INF, -INF, NAN], n)
    near, far = rng.uniform(-1.3, 1.3, n), rng.uniform(-100, 100, n)
    kinds = [any_bits, any_size, subnormal, special, near, far]
    mixed = np.choose(rng.integers(0, len(kinds), n), [k.astype(dtype) for k in kinds])
    return np.concatenate([any_bits, mixed, near.astype(dtype), far.astype(dtype)])


def right(name: str, args: list[Values]) -> Values:
    """What the standard wants; for inexact functions of floats in a wider type."""
    with np.errstate(all="ignore"):
        if name == "floor_divide" and args[0].dtype.kind == "f":
            return _floor_divide(*args)
        if name == "pow" and args[0].dtype.kind == "i":
            return _integer_power(*args)
        if args[0].dtype.kind == "f" and name not in EXACT:
            args = [x.astype(np.float64 if x.itemsize == 4 else np.longdouble) for x in args]
        wanted: Values = getattr(host, name)(*args)
        return wanted


def _floor_divide(x: Values, z: Values) -> Values:
    """Floor of the quotient where an operand is infinite or z is 0; NumPy's elsewhere."""
    plain = np.isfinite(x) & np.isfinite(z) & (z != 0)
    return np.where(plain, np.floor_divide(x, z), np.floor(x / z))


def _integer_power(x: Values, n: Values) -> Values:
    """x to the n; for n < 0, 1 / x^-n without its fraction, and 0 for 0."""
    inverse = np.where(x == 1, 1, np.where(x == -1, np.where(n & 1, -1, 1), 0)).astype(x.dtype)
    return np.where(n < 0, inverse, np.power(x, np.where(n < 0, 0, n)))


def ulps(y: Values, wanted: Values, *, larger_term: Values | None = None) -> Values:
    """The error of each y in units of the last place of what is wanted; inf for a wrong kind.

    A zero has to have the right sign, and NaN and infinities have to be where they belong.
    """
    with np.errstate(all="ignore"):
        rounded = wanted.astype(y.dtype)
        unit = np.abs(rounded)
        if larger_term is not None:
            unit = np.maximum(unit, np.maximum(np.abs(larger_term), y.dtype.type(0.6)))
        error = np.abs(y.astype(wanted.dtype) - wanted) / np.spacing(unit)
        finite = np.isfinite(y) & np.isfinite(rounded)
        signs = np.isnan(rounded) | (rounded != 0) | (np.signbit(y) == np.signbit(rounded))
        same = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
        return np.where(same, 0.0, np.where(finite, error, INF)) + np.where(signs, 0.0, INF)
