"""The array: a view (shape, strides, offset) of a block of device memory.

Slicing, transposing and broadcasting share memory; every kernel reads strided views as they are.
What the methods do stands in the modules they call: this file only names it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit.backends.opencl import functions, operators
from nnkit.backends.opencl.layout import Strides, index_view, is_contiguous, row_major, size_of
from nnkit.backends.opencl.memory import Block
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.sharing import host_view, wrap
from nnkit.typing import Shape

DType = np.dtype[Any]


class Array:
    """An array on an OpenCL device that behaves as the array API standard says.

    Attributes:
        shape: the lengths of the axes.
        dtype: a NumPy dtype; bool is stored as one byte, 0 or 1.
        strides: the distance of neighbours along each axis, in elements; 0 and negative allowed.
        offset: where the first element lies in the block, in elements.
        device: the queue of the device.
    """

    __slots__ = ("__weakref__", "block", "device", "dtype", "offset", "shape", "strides")
    __array_ufunc__ = None  # numpy_array + array is an error, not a loop over elements

    def __init__(
        self, device: Queue, block: Block, shape: Shape, strides: Strides, offset: int, dtype: DType
    ) -> None:
        self.device, self.block, self.dtype = device, block, dtype
        self.shape, self.strides, self.offset = shape, strides, offset

    @classmethod
    def empty(cls, device: Queue, shape: Shape, dtype: DType) -> Array:
        """A new contiguous array whose elements are not set."""
        block = device.pool.allocate(size_of(shape) * dtype.itemsize)
        return cls(device, block, shape, row_major(shape), 0, dtype)

    @classmethod
    def from_numpy(cls, device: Queue, data: np.ndarray[Any, Any]) -> Array:
        """A new array with the values of `data`."""
        data = np.asarray(data)
        shape = data.shape
        packed = np.ascontiguousarray(data)
        return cls(device, device.upload(packed), shape, row_major(shape), 0, packed.dtype)

    @classmethod
    def sharing(cls, device: Queue, data: np.ndarray[Any, Any]) -> Array | None:
        """An array in the very memory of `data`, or None where that cannot be: `sharing.wrap`."""
        block = wrap(device, data)
        if block is None:
            return None
        return cls(device, block, data.shape, row_major(data.shape), 0, data.dtype)

    def view(self, shape: Shape, strides: Strides, offset: int | None = None) -> Array:
        """The same memory, read in another way."""
        start = self.offset if offset is None else offset
        return type(self)(self.device, self.block, shape, strides, start, self.dtype)

    def numpy(self) -> np.ndarray[Any, Any]:
        """A new NumPy array with the values; waits for the device."""
        packed = functions.contiguous(self)
        out = np.empty(self.shape, self.dtype)
        self.device.download(packed.block, packed.offset * self.dtype.itemsize, out)
        return out

    # -- properties of the standard --------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return size_of(self.shape)

    @property
    def T(self) -> Array:  # noqa: N802 (the standard's name)
        """A matrix transposed."""
        if self.ndim != 2:
            raise ValueError(f"T is for two axes, this array has {self.ndim}; use permute_dims")
        return self.mT

    @property
    def mT(self) -> Array:  # noqa: N802 (the standard's name)
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError(f"mT needs at least two axes, this array has {self.ndim}")
        shape, strides = self.shape, self.strides
        return self.view(
            (*shape[:-2], shape[-1], shape[-2]), (*strides[:-2], strides[-1], strides[-2])
        )

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements stand in row-major order without gaps."""
        return is_contiguous(self.shape, self.strides)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from nnkit.backends.opencl import xp  # not above: the namespace is built from arrays

        if api_version not in (None, "2024.12"):
            raise ValueError(f"api_version must be '2024.12', got {api_version!r}")
        return xp

    def to_device(self, device: Queue, /, *, stream: Any = None) -> Array:
        """This array if it is there already, else a copy, which goes through the host."""
        if stream is not None:
            raise ValueError(f"to_device: a device has one queue and no streams, got {stream!r}")
        if not isinstance(device, Queue):
            raise ValueError(f"to_device: a device of OpenCL is wanted, got {device!r}")
        return self if device is self.device else functions.moved(self, device)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        export = functions.module("dlpack").export
        return export(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = functions.module("dlpack").device_of(self)
        return device

    # -- to the host -----------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        wanted = np.dtype(dtype or self.dtype)
        shared = host_view(self) if copy is False and wanted == self.dtype else None
        if copy is False and shared is None:
            raise ValueError("this array becomes a NumPy array of that dtype only with a copy")
        return self.numpy().astype(wanted, copy=False) if shared is None else shared

    def _item(self, kind: str) -> Any:
        if self.ndim != 0:
            raise TypeError(f"{kind}() needs an array without axes, got the shape {self.shape}")
        return self.numpy().item()

    def __bool__(self) -> bool:
        return bool(self._item("bool"))

    def __int__(self) -> int:
        return int(self._item("int"))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"only an integer can be an index, got {self.dtype}")
        return int(self._item("index"))

    def __float__(self) -> float:
        return float(self._item("float"))

    def __complex__(self) -> complex:
        return complex(self._item("complex"))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix="Array(")
        return f"Array({values}, dtype={self.dtype})"

    # -- indexing --------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Array:
        if functions.is_basic(key):
            return self.view(*index_view(self.shape, self.strides, self.offset, key))
        return functions.take_by_key(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        value = functions.as_value(self, value)
        if functions.is_basic(key):
            target = self.view(*index_view(self.shape, self.strides, self.offset, key))
            functions.assign(target, value)
        else:
            functions.put_by_key(self, key, value)


operators.give(Array)
