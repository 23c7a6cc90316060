"""`Tensor`: an array, its gradient, and its place in the graph. Operators call ops.

PyTorch's names and argument order; data never moves between backends unless `to` says so.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnkit import selection
from nnkit.autograd import Node, backward
from nnkit.backend import Backend, label
from nnkit.copying import Copying
from nnkit.dtypes import dtype_name
from nnkit.errors import GraphError
from nnkit.hooks import Hookable
from nnkit.operators import Operators
from nnkit.typing import Array, DType, Shape


class Tensor(Copying, Hookable, Operators):
    """An array on a backend that can take part in backpropagation.

    Args:
        data: a raw array of the backend (make tensors from anything else with `nnkit.tensor`).
        backend: the backend that owns it.
        requires_grad: whether `backward` shall leave the gradient in `.grad`; floats only.

    Attributes:
        data: the raw array, shape and dtype as the tensor's.
        grad: None, or a tensor of the same shape and dtype; `backward` adds to it.
        version: grows by one when an update writes into the array.

    >>> import nnkit
    >>> x = nnkit.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.shape, x.grad.tolist()
    ((2, 2), [[2.0, 4.0], [6.0, 8.0]])
    """

    __slots__ = (
        "__weakref__", "_leaf", "_requires_grad", "backend", "data", "grad", "node", "version"
    )  # fmt: skip
    __array_priority__ = 1000  # numpy_array * tensor asks the tensor
    __array_ufunc__ = None

    def __init__(self, data: Array, backend: Backend, requires_grad: bool = False) -> None:
        self.data = data
        self.backend = backend
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self.version = 0
        self._leaf: Callable[[], Node | None] | None = None
        self._requires_grad = False
        if requires_grad:
            self.requires_grad = True

    # -- what it is ----------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The lengths of the axes."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> DType:
        """The dtype, as the backend's namespace calls it."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.data.shape)

    def numel(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def device(self) -> str:
        """Backend and device, for people: 'numpy (AMD EPYC, cpu)'."""
        return label(self.backend)

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, rather than an op that recorded a graph."""
        return self.node is None

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to (or through) this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not self.backend.xp.isdtype(self.data.dtype, "real floating"):
            raise TypeError(
                f"requires_grad needs a floating dtype, got {self.dtype}. "
                "Fix: nnkit.tensor(data, dtype='float32', requires_grad=True)."
            )
        self._requires_grad = bool(value)

    def requires_grad_(self, value: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor itself."""
        self.requires_grad = value
        return self

    def graph_node(self) -> Node:
        """The node that stands for this tensor in the graph; a leaf gets one at first use."""
        if self.node is not None:
            return self.node
        leaf = self._leaf() if self._leaf is not None else None
        if leaf is None:
            leaf = Node(self.backend)
            leaf.leaf = self
            self._leaf = weakref.ref(leaf)  # the graph keeps it; a strong link would be a cycle
        return leaf

    # -- to and from the host ------------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """A NumPy array with the same values (waits for the device)."""
        return self.backend.to_numpy(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def item(self) -> float:
        """The value of a tensor with one element, as a Python number (waits for the device)."""
        if self.numel() != 1:
            raise ValueError(f"item: the tensor must have one element, got shape {self.shape}")
        value: float = self.numpy().reshape(()).item()
        return value

    def tolist(self) -> Any:
        """Nested Python lists of the values."""
        return self.numpy().tolist()

    def to(self, backend: str | Backend) -> Tensor:
        """The same values on another backend ('numpy', 'opencl:1', …); a new leaf unless there."""
        target = selection.open_backend(backend) if isinstance(backend, str) else backend
        if target is self.backend:
            return self
        return Tensor(target.asarray(self.numpy()), target, self._requires_grad)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), precision=4, separator=", ", prefix="tensor(")
        grad = ", requires_grad=True" if self._requires_grad else ""
        return f"tensor({values}, dtype={dtype_name(self.dtype)}{grad})"

    # -- gradients -----------------------------------------------------------------------------

    def backward(self, gradient: Tensor | None = None, *, retain_graph: bool = False) -> None:
        """Add d self / d leaf to `.grad` of every leaf that requires a gradient.

        Args:
            gradient: weights of shape `self.shape`; may be left out for one element (a loss).
            retain_graph: keep the graph for another call.

        Raises:
            GraphError: when no gradient can flow, the graph was released, or an input was changed
                in place since.
        """
        xp = self.backend.xp
        if gradient is None:
            if self.numel() != 1:
                raise GraphError(
                    f"backward: a loss must have one element, got shape {self.shape}. "
                    "Fix: loss.mean().backward(), or pass weights of that shape."
                )
            seed = xp.ones(self.shape, dtype=self.dtype)
        elif gradient.shape != self.shape:
            raise GraphError(
                f"backward: gradient must have the shape {self.shape}, got {gradient.shape}"
            )
        else:
            seed = xp.astype(gradient.data, self.dtype, copy=False)
        backward(self, seed, retain_graph=retain_graph)

    def detach(self) -> Tensor:
        """The same array outside the graph."""
        return Tensor(self.data, self.backend)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None


def tensor(
    data: Any,
    dtype: DType | None = None,
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor from numbers, nested lists or a NumPy array; the values are copied.

    Python floats become float32, Python integers int64; a NumPy array keeps its dtype.

    Args:
        data: numbers, nested sequences, a NumPy array or another tensor.
        dtype: a name such as 'float64', or a dtype.
        requires_grad: whether `backward` shall leave its gradient in `.grad`.
        backend: a name as in NNKIT_BACKEND; default: the one in use.

    Raises:
        TypeError: for a dtype that the device does not have.

    >>> import nnkit
    >>> nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]).sum().item()
    10.0
    """
    if isinstance(data, Tensor):
        data = data.numpy()
    target = selection.open_backend(backend) if isinstance(backend, str) else backend
    target = target or selection.current()
    values = np.array(data)
    if dtype is not None:
        values = values.astype(dtype_name(dtype))
    elif values.dtype == np.float64 and not _has_dtype(data):
        values = values.astype(np.float32)
    return Tensor(target.asarray(values), target, requires_grad)


def _has_dtype(data: Any) -> bool:
    """Whether somebody chose the dtype: an array's dtype is a choice, a Python float's is none."""
    while isinstance(data, Sequence) and len(data) > 0:
        data = data[0]
    return hasattr(data, "dtype")


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that holds the values of a NumPy array, dtype kept, on the backend in use.

    >>> import nnkit, numpy
    >>> nnkit.from_numpy(numpy.arange(3)).tolist()
    [0, 1, 2]
    """
    return tensor(array)
