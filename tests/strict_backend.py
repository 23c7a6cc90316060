"""array-api-strict behind the port: it refuses whatever the array API standard does not promise.

It runs the whole table as one more backend, so nothing outside the standard and `ext` can creep
into an op. Shapes that depend on data are refused too: ops that have them could never be captured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np

from nnkit import counters
from nnkit.backend import Namespace
from nnkit.backends.numpy import ext
from nnkit.typing import Array, DType

array_api_strict.set_array_api_strict_flags(
    api_version="2024.12", boolean_indexing=False, data_dependent_shapes=False
)


class StrictExt:
    """`ext` with the standard's own means."""

    @staticmethod
    def contiguous(x: Array) -> Array:
        """The standard knows no memory layout."""
        return x

    @staticmethod
    def matmul_add(a: Array, b: Array, bias: Array | None) -> Array:
        y = array_api_strict.matmul(a, b)
        return y if bias is None else y + bias

    def __getattr__(self, name: str) -> Callable[..., Array]:
        """The rest has no words in the standard: NumPy's own, on copies."""
        function = getattr(ext, name)

        def call(*args: Any, **options: Any) -> Array:
            strict = type(array_api_strict.empty(0))
            options = {k: getattr(v, "_np_dtype", v) for k, v in options.items()}
            hosts = [a._array.copy() if isinstance(a, strict) else a for a in args]
            return array_api_strict.asarray(function(*hosts, **options))

        return call


class StrictBackend:
    """Keeps the promises of `nnkit.backend.Backend`; overrides nothing."""

    name = "strict"
    device = "array-api-strict"
    kind = "cpu"
    refuses = False

    def __init__(self) -> None:
        self.xp = Namespace(array_api_strict, StrictExt())

    def override(self, name: str) -> Callable[..., Any] | None:
        return None

    def owns(self, array: object) -> bool:
        return isinstance(array, type(self.xp.empty(0)))

    def asarray(self, data: np.ndarray[Any, Any]) -> Array:
        counters.moved(counters.to_device, self.name, data.nbytes)
        return array_api_strict.asarray(data, copy=True)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        counters.moved(counters.to_host, self.name, array._array.nbytes)
        return array._array.copy()

    def supports(self, dtype: DType) -> bool:
        return hasattr(self.xp, str(dtype).rpartition(".")[2])

    def synchronize(self) -> None:
        pass

    def facts(self) -> dict[str, str]:
        return {"array-api-strict": array_api_strict.__version__}
