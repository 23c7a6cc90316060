"""Operations on each element by itself, with broadcasting as in NumPy."""

from __future__ import annotations

from nnkit.dispatch import Op, Result, op
from nnkit.ops.common import broadcast_vjp, is_array
from nnkit.typing import Array, Namespace, Needs

__all__ = [
    "abs",
    "add",
    "clip",
    "cos",
    "divide",
    "equal",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "sign",
    "sin",
    "sqrt",
    "square",
    "subtract",
    "where",
]


@op(elementwise=True)
def add(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a + b, broadcast; dtypes promote as in the array API standard, Python numbers never do.

    >>> import nnkit
    >>> nnkit.ops.add(nnkit.tensor([1.0, 2.0]), 3).tolist()
    [4.0, 5.0]
    """
    return xp.add(a, b), broadcast_vjp(xp, (a, b), needs, lambda g: g, lambda g: g)


@op(elementwise=True)
def subtract(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a - b, broadcast.

    >>> import nnkit
    >>> nnkit.ops.subtract(nnkit.tensor([1.0, 2.0]), 3).tolist()
    [-2.0, -1.0]
    """
    return xp.subtract(a, b), broadcast_vjp(xp, (a, b), needs, lambda g: g, lambda g: -g)


@op(elementwise=True)
def multiply(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a * b, broadcast.

    >>> import nnkit
    >>> nnkit.ops.multiply(nnkit.tensor([1.0, 2.0]), nnkit.tensor([[3.0], [4.0]])).tolist()
    [[3.0, 6.0], [4.0, 8.0]]
    """
    return xp.multiply(a, b), broadcast_vjp(
        xp, (a, b), needs, lambda g: xp.multiply(g, b), lambda g: xp.multiply(g, a)
    )


@op(elementwise=True)
def divide(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a / b, broadcast; floats only.

    >>> import nnkit
    >>> nnkit.ops.divide(nnkit.tensor([1.0, 2.0]), 4).tolist()
    [0.25, 0.5]
    """
    y = xp.divide(a, b)
    return y, broadcast_vjp(xp, (a, b), needs, lambda g: g / b, lambda g: -g * y / b)


@op(elementwise=True)
def pow(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a ** b, broadcast. d/da = b a^(b-1), d/db = a^b log(a), taken as 0 where a <= 0.

    >>> import nnkit
    >>> nnkit.ops.pow(nnkit.tensor([2.0, 3.0]), 2).tolist()
    [4.0, 9.0]
    """
    y = xp.pow(a, b)

    def to_base(g: Array) -> Array:
        return g * b * xp.pow(a, b - 1)

    def to_exponent(g: Array) -> Array:
        base = a if is_array(a) else xp.full_like(b, a)
        positive = base > 0
        return xp.where(positive, g * y * xp.log(xp.where(positive, base, 1.0)), 0.0)

    return y, broadcast_vjp(xp, (a, b), needs, to_base, to_exponent)


@op(elementwise=True)
def negative(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """-x.

    >>> import nnkit
    >>> nnkit.ops.negative(nnkit.tensor([1.0, -2.0])).tolist()
    [-1.0, 2.0]
    """
    return xp.negative(x), (lambda g: (xp.negative(g),)) if needs[0] else None


@op(elementwise=True)
def exp(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """e ** x; floats only.

    >>> import nnkit
    >>> nnkit.ops.exp(nnkit.tensor([0.0])).tolist()
    [1.0]
    """
    y = xp.exp(x)
    return y, (lambda g: (xp.multiply(g, y),)) if needs[0] else None


@op(elementwise=True)
def log(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """The natural logarithm; floats only. d/dx = 1 / x.

    >>> import nnkit
    >>> nnkit.ops.log(nnkit.tensor([1.0])).tolist()
    [0.0]
    """
    return xp.log(x), (lambda g: (xp.divide(g, x),)) if needs[0] else None


@op(elementwise=True)
def sqrt(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """The square root; floats only. d/dx = 1 / (2 sqrt(x)).

    >>> import nnkit
    >>> nnkit.ops.sqrt(nnkit.tensor([4.0, 9.0])).tolist()
    [2.0, 3.0]
    """
    y = xp.sqrt(x)
    return y, (lambda g: (g / (2 * y),)) if needs[0] else None


@op(elementwise=True)
def log1p(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """log(1 + x), exact for small x; floats only. d/dx = 1 / (1 + x).

    >>> import nnkit
    >>> nnkit.ops.log1p(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    return xp.log1p(x), (lambda g: (g / (1 + x),)) if needs[0] else None


@op(elementwise=True)
def expm1(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """e ** x - 1, exact for small x; floats only. d/dx = y + 1.

    >>> import nnkit
    >>> nnkit.ops.expm1(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    y = xp.expm1(x)
    return y, (lambda g: (g * (y + 1),)) if needs[0] else None


@op(elementwise=True)
def sin(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """The sine; floats only. d/dx = cos(x).

    >>> import nnkit
    >>> nnkit.ops.sin(nnkit.tensor([0.0])).tolist()
    [0.0]
    """
    return xp.sin(x), (lambda g: (g * xp.cos(x),)) if needs[0] else None


@op(elementwise=True)
def cos(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """The cosine; floats only. d/dx = -sin(x).

    >>> import nnkit
    >>> nnkit.ops.cos(nnkit.tensor([0.0])).tolist()
    [1.0]
    """
    return xp.cos(x), (lambda g: (-g * xp.sin(x),)) if needs[0] else None


@op(elementwise=True)
def square(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """x x. d/dx = 2 x.

    >>> import nnkit
    >>> nnkit.ops.square(nnkit.tensor([2.0, -3.0])).tolist()
    [4.0, 9.0]
    """
    return xp.multiply(x, x), (lambda g: (g * (2 * x),)) if needs[0] else None


@op(elementwise=True)
def sign(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """-1, 0 or 1 by the sign, NaN kept. d/dx = 0 everywhere.

    >>> import nnkit
    >>> nnkit.ops.sign(nnkit.tensor([-2.0, 0.0, 5.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return xp.sign(x), (lambda g: (xp.zeros_like(g),)) if needs[0] else None


@op(elementwise=True)
def clip(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    min: float | None = None,
    max: float | None = None,
) -> Result:
    """X held within [min, max]; None is no bound. d/dx = 1 within and at the bounds, else 0.

    >>> import nnkit
    >>> nnkit.ops.clip(nnkit.tensor([-2.0, 0.5, 2.0]), min=0.0, max=1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    y = xp.clip(x, min, max)
    return y, (lambda g: (xp.where(x == y, g, 0.0),)) if needs[0] else None


@op(elementwise=True)
def abs(xp: Namespace, x: Array, *, needs: Needs) -> Result:
    """|x|. d/dx = sign(x), 0 at 0.

    >>> import nnkit
    >>> nnkit.ops.abs(nnkit.tensor([-2.0, 3.0])).tolist()
    [2.0, 3.0]
    """
    return xp.abs(x), (lambda g: (g * xp.sign(x),)) if needs[0] else None


@op(elementwise=True)
def maximum(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """The larger of a and b, NaN if either is; where equal each gets half the gradient.

    >>> import nnkit
    >>> nnkit.ops.maximum(nnkit.tensor([1.0, 4.0]), nnkit.tensor([3.0, 2.0])).tolist()
    [3.0, 4.0]
    """

    def share(g: Array, wins: Array) -> Array:
        return g * (xp.astype(wins, g.dtype) + 0.5 * xp.astype(a == b, g.dtype))

    return xp.maximum(a, b), broadcast_vjp(
        xp, (a, b), needs, lambda g: share(g, a > b), lambda g: share(g, b > a)
    )


@op(elementwise=True)
def minimum(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """The smaller of a and b, NaN if either is; where equal each gets half the gradient.

    >>> import nnkit
    >>> nnkit.ops.minimum(nnkit.tensor([1.0, 4.0]), nnkit.tensor([3.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def share(g: Array, wins: Array) -> Array:
        return g * (xp.astype(wins, g.dtype) + 0.5 * xp.astype(a == b, g.dtype))

    return xp.minimum(a, b), broadcast_vjp(
        xp, (a, b), needs, lambda g: share(g, a < b), lambda g: share(g, b < a)
    )


@op(elementwise=True)
def where(xp: Namespace, condition: Array, a: Array, b: Array, *, needs: Needs) -> Result:
    """a where `condition` (bool) holds, b elsewhere; all three broadcast.

    >>> import nnkit
    >>> nnkit.ops.where(nnkit.tensor([True, False]), nnkit.tensor([1.0, 2.0]), 0.0).tolist()
    [1.0, 0.0]
    """
    return xp.where(condition, a, b), broadcast_vjp(
        xp,
        (condition, a, b),
        needs,
        lambda _: None,
        lambda g: xp.where(condition, g, 0.0),
        lambda g: xp.where(condition, 0.0, g),
    )


def _comparison(name: str, symbol: str) -> Op:
    """Register one comparison; comparisons give bool arrays and have no gradient."""

    def compare(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
        return getattr(xp, name)(a, b), None

    compare.__name__ = name
    found = [eval(f"{a} {symbol} 2") for a in (1, 2, 3)]  # noqa: S307 (one of six symbols)
    compare.__doc__ = f"""a {symbol} b for each element, broadcast; gives bool, has no gradient.

    >>> import nnkit
    >>> nnkit.ops.{name}(nnkit.tensor([1, 2, 3]), 2).tolist()
    {found}
    """
    return op(elementwise=True)(compare)


equal = _comparison("equal", "==")
not_equal = _comparison("not_equal", "!=")
less = _comparison("less", "<")
less_equal = _comparison("less_equal", "<=")
greater = _comparison("greater", ">")
greater_equal = _comparison("greater_equal", ">=")
