"""The operators and methods of `Tensor`: each is one op, under the name that PyTorch gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnkit import ops
from nnkit.typing import Axis, DType

if TYPE_CHECKING:
    from nnkit.tensor import Tensor


class Operators:
    """Mixed into `Tensor`; holds no state. Every method is differentiable unless it says no."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Tensor:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Tensor:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def __getitem__(self, key: Any) -> Tensor:
        return ops.getitem(self, key=key)

    # Comparisons give bool tensors and have no gradient.

    def __lt__(self, other: Any) -> Tensor:
        return ops.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ops.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.greater_equal(self, other)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.not_equal(self, other)

    __hash__ = object.__hash__  # by identity, as in PyTorch: tensors are keys in optimizers

    def exp(self) -> Tensor:
        """e to the power of each element."""
        return ops.exp(self)

    def log(self) -> Tensor:
        """The natural logarithm of each element."""
        return ops.log(self)

    def sqrt(self) -> Tensor:
        """The square root of each element."""
        return ops.sqrt(self)

    def abs(self) -> Tensor:
        """The absolute value of each element; the gradient at 0 is 0."""
        return ops.abs(self)

    def square(self) -> Tensor:
        """x x."""
        return ops.square(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign; the gradient is 0."""
        return ops.sign(self)

    def sin(self) -> Tensor:
        """The sine of each element."""
        return ops.sin(self)

    def cos(self) -> Tensor:
        """The cosine of each element."""
        return ops.cos(self)

    def log1p(self) -> Tensor:
        """log(1 + x), exact for small x."""
        return ops.log1p(self)

    def expm1(self) -> Tensor:
        """e ** x - 1, exact for small x."""
        return ops.expm1(self)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """The elements held within [min, max]; None is no bound."""
        return ops.clip(self, min=min, max=max)

    clamp = clip

    def relu(self) -> Tensor:
        """max(x, 0); the gradient at 0 is 0."""
        return ops.relu(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent of each element."""
        return ops.tanh(self)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The sum over `axis` (all axes where None)."""
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean over `axis` (all axes where None)."""
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The largest element over `axis`; equal largest elements share the gradient."""
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The smallest element over `axis`; equal smallest elements share the gradient."""
        return ops.min(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False, correction: Any = 1) -> Tensor:
        """The variance over `axis`; correction=0 divides by n, 1 by n - 1."""
        return ops.var(self, axis=axis, keepdims=keepdims, correction=correction)

    def std(self, axis: Axis = None, keepdims: bool = False, correction: Any = 1) -> Tensor:
        """The standard deviation over `axis`; correction=0 divides by n, 1 by n - 1."""
        return ops.std(self, axis=axis, keepdims=keepdims, correction=correction)

    def norm(self, p: Any = 2.0, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """sum(|x|^p)^(1/p) over `axis` (all axes where None), max |x| for p = inf."""
        return ops.norm(self, p=p, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int) -> Tensor:
        """The sums of the elements up to each one along `axis`."""
        return ops.cumsum(self, axis=axis)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """The position of the (first) largest element; no gradient."""
        return ops.argmax(self, axis=axis, keepdims=keepdims)

    def softmax(self, axis: int = -1) -> Tensor:
        """exp(x) / sum(exp(x)) over `axis`."""
        return ops.softmax(self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        """x - log(sum(exp(x))) over `axis`."""
        return ops.log_softmax(self, axis=axis)

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in another shape; one length may be -1."""
        return ops.reshape(self, shape=_flat(shape))

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Axes `start_dim` to `end_dim` joined into one."""
        return ops.flatten(self, start_dim=start_dim, end_dim=end_dim)

    def permute(self, *axes: Any) -> Tensor:
        """The axes in another order."""
        return ops.permute(self, axes=_flat(axes))

    @property
    def T(self) -> Tensor:  # noqa: N802 (NumPy's name)
        """The axes in reverse order."""
        return ops.permute(self, axes=tuple(reversed(range(len(self.data.shape)))))  # type: ignore[attr-defined]

    def astype(self, dtype: DType) -> Tensor:
        """The same values in another dtype; the gradient comes back in this one."""
        return ops.astype(self, dtype=dtype)

    def double(self) -> Tensor:
        """As float64."""
        return ops.astype(self, dtype="float64")

    def float(self) -> Tensor:
        """As float32."""
        return ops.astype(self, dtype="float32")


def _flat(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Lengths given one by one or as one tuple."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        return tuple(shape[0])
    return shape
