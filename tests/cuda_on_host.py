"""The CUDA reading of our kernels, run on the host: no GPU, but real threads and real barriers.

The text that NVRTC would get is compiled as C++ after a prelude that gives CUDA's words a meaning
here. The work-items of a block are threads; blocks run one after the other. Slow, and right.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import array_api_compat.numpy as compat
import numpy as np

from nnkit import counters, kernels
from nnkit.backend import Namespace

PRELUDE = r"""
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <pthread.h>
using namespace std;
struct Index { unsigned x, y, z; };
static thread_local Index threadIdx, blockIdx;
static Index blockDim, gridDim;
static pthread_barrier_t all;
static float __int_as_float(int bits) { float f; memcpy(&f, &bits, 4); return f; }
#define __global__
#define __device__
#define __shared__ static
#define __constant__ const
#define __launch_bounds__(threads)
#define __restrict__
#define __syncthreads() pthread_barrier_wait(&all)
extern "C" void start(unsigned threads, unsigned blocks) {
    blockDim = {threads, 1, 1};
    gridDim = {blocks, 1, 1};
    pthread_barrier_init(&all, nullptr, threads);
}
extern "C" void stand_at(unsigned thread, unsigned block) {
    pthread_barrier_wait(&all);  // the block before has been left by everyone
    threadIdx = {thread, 0, 0};
    blockIdx = {block, 0, 0};
}
"""
THREADS = 4
_CTYPES = {
    np.dtype(name): getattr(ctypes, f"c_{ctype}")
    for name, ctype in (("f4", "float"), ("f8", "double"), ("i4", "int32"), ("i8", "int64"))
}


def problem() -> str:
    """Why this cannot be done here, or ''."""
    if not sys.platform.startswith("linux"):
        return "the prelude is for Linux"
    if shutil.which("g++") is None or find_spec("cupy") is None:
        return "it takes g++, and CuPy's laying out of arguments"
    return ""


class HostCuda:
    """A launcher whose device is the host; also the few promises of a backend that tests use."""

    name = "cuda on the host"
    device = "the host"
    cpu = False
    compute_units = 1
    max_group = THREADS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._libraries: dict[str, ctypes.CDLL] = {}
        self._threads = ThreadPoolExecutor(THREADS)
        self.xp = Namespace(compat, self)

    def contiguous(self, x: np.ndarray) -> np.ndarray:
        return x if x.flags.c_contiguous else np.ascontiguousarray(x)

    def matmul_add(self, a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        return a @ b if bias is None else a @ b + bias

    def asarray(self, data: np.ndarray) -> np.ndarray:
        return np.array(data)

    def to_numpy(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)

    def supports(self, dtype: str) -> bool:
        return dtype == "float32"  # the other form is the same text; this is the slow one

    def empty(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        return np.full(shape, 777, dtype)  # what is forgotten will be seen

    def launch(
        self,
        family: str,
        kernel: str,
        groups: tuple[int, ...],
        items: tuple[int, ...],
        *args: Any,
        **defines: str | int,
    ) -> None:
        from nnkit.backends.cupy.launch import packer

        library = self._library(family, defines)
        signature = kernels.signatures(family, defines)[kernel]
        whole = [np.asarray(a) if isinstance(a, np.generic) else a for a in args]
        pairs = zip(packer(signature)(whole), signature.args, strict=True)
        laid = [_as_c(value, arg) for value, arg in pairs]
        function = library[kernel]
        function.restype = None
        library.start(items[0], groups[0])

        def work(thread: int) -> None:
            for block in range(groups[0]):
                library.stand_at(thread, block)
                function(*laid)

        list(self._threads.map(work, range(items[0])))
        counters.launches[self.name, kernel] += 1

    def _library(self, family: str, defines: dict[str, str | int]) -> ctypes.CDLL:
        key = f"{family}-" + "-".join(map(str, defines.values()))
        if key not in self._libraries:
            text = self._folder / f"{key}.cpp"
            made = text.with_suffix(".so")
            text.write_text(PRELUDE + kernels.cuda_source(family, defines), encoding="utf-8")
            options = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-pthread"]
            subprocess.run(["g++", *options, str(text), "-o", str(made)], check=True)
            self._libraries[key] = ctypes.CDLL(str(made))
        return self._libraries[key]


def _as_c(value: Any, arg: kernels.Arg) -> Any:
    if not arg.pointer:
        return _CTYPES[value.dtype](value.item())
    assert value.dtype == arg.dtype, f"{arg.name}: {value.dtype} where {arg.dtype} is read"
    assert value.flags.c_contiguous, f"{arg.name} has gaps"
    return ctypes.c_void_p(value.ctypes.data)
