"""Kernel texts put before real compilers: NVRTC without a GPU, and each OpenCL driver."""

from __future__ import annotations

import platform
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from nnkit import kernels
from nnkit.kernels import Arg, Signature

Params = dict[str, list[str]]
OPENCL_OPTIONS = ["-cl-std=CL1.2", "-cl-mad-enable", "-cl-kernel-arg-info"]
CUDA_OPTIONS = ("-std=c++17", "-ftz=true", "--device-as-default-execution-space")
"""What CuPy adds to every kernel."""
_ENTRY = re.compile(r"\.entry\s+(\w+)\s*\(([^)]*)\)")
_PARAM = re.compile(r"\.param\s+(?:\.align \d+ )?\.(\w+)(?:\s+\.ptr[^,]*?)?\s+\w+(\[\d+\])?")
_PTX = {
    "float32": "f32",
    "float64": "f64",
    "int64": "u64",
    "uint64": "u64",
    "int32": "u32",
    "uint32": "u32",
    "uint8": "u8",
}
_OPENCL_NAMES = {"long": "i64", "int": "i32", "uint": "u32", "ulong": "u64", "uchar": "u8"}


def variants(family: str) -> Iterator[dict[str, str]]:
    """The family's variants, and each of them in double precision."""
    seen = []
    for defines in kernels.variants(family):
        double = {k: "double" if v == "float" else v for k, v in defines.items()}
        for found in (defines, double):
            if found not in seen:
                seen.append(found)
                yield found


def nvrtc() -> Any:
    """CuPy's binding of NVRTC; on Linux x86-64 its absence is a failure."""
    try:
        binding = import_module("cupy_backends.cuda.libs.nvrtc")
        binding.getVersion()
    except (ImportError, RuntimeError) as error:
        if (sys.platform, platform.machine()) == ("linux", "x86_64"):
            pytest.fail(f"NVRTC must be here (pip install 'nnkit[test]'), but: {error}")
        pytest.skip(f"NVRTC has no wheel for this machine: {error}")
    return binding


def compile_cuda(source: str, architecture: int) -> Params:
    """Compile as CUDA for sm_<architecture>; the PTX types of each kernel's parameters.

    Raises:
        RuntimeError: with the compiler's log, also for mere warnings.
    """
    compiler = nvrtc()
    program = compiler.createProgram(source, "kernels.cu", (), ())
    try:
        compiler.compileProgram(program, (f"-arch=sm_{architecture}", *CUDA_OPTIONS))
        assert len(compiler.getCUBIN(program)) > 0
    except compiler.NVRTCError as error:
        raise RuntimeError(compiler.getProgramLog(program)) from error
    if log := compiler.getProgramLog(program).strip():
        raise RuntimeError(log)
    ptx = compiler.getPTX(program)
    text = ptx.decode() if isinstance(ptx, bytes) else ptx
    compiler.destroyProgram(program)
    return {name: _params(declared) for name, declared in _ENTRY.findall(text)}


def _params(declared: str) -> list[str]:
    return [kind + array for kind, array in _PARAM.findall(declared)]


def assert_ptx_agrees(signature: Signature, params: list[str]) -> None:
    """NVRTC sees the parameters that the loader read from the text."""
    assert len(params) == len(signature.args), f"{signature.name}: {params}"
    for arg, kind in zip(signature.args, params, strict=True):
        expected = "u64" if arg.pointer else _PTX.get(str(arg.dtype))
        is_struct = arg.dtype is None and not arg.pointer
        assert kind.startswith("b8[") if is_struct else kind == expected, (
            f"{signature.name}, {arg.name}: PTX has {kind}, the loader read {arg.ctype}"
        )


def compile_opencl(context: Any, source: str) -> dict[str, Any]:
    """Compile on a device; the kernel objects by name.

    Raises:
        RuntimeError: with the build log, also for mere warnings.
    """
    import pyopencl as cl

    program = cl.Program(context, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # drivers that tell of their successes
        try:
            program.build(OPENCL_OPTIONS, cache_dir=False)
        except cl.Error as error:
            raise RuntimeError(str(error)) from error
    wanted = cl.program_build_info.LOG
    log = "".join(program.get_build_info(device, wanted) for device in context.devices)
    if "warning:" in log:
        raise RuntimeError(log)
    return {kernel.function_name: kernel for kernel in program.all_kernels()}


def assert_driver_agrees(signature: Signature, kernel: Any) -> None:
    """The driver sees the arguments that the loader read from the text: names, types, spaces."""
    found = [driver_argument(kernel, i) for i in range(kernel.num_args)]
    wanted = [loader_argument(arg) for arg in signature.args]
    assert found == wanted, f"{signature.name}: the driver sees {found}, the loader {wanted}"


def driver_argument(kernel: Any, index: int) -> tuple[str, str, str]:
    """Name, type and address space of an argument, as the driver tells them."""
    import pyopencl as cl

    info = cl.kernel_arg_info
    space = kernel.get_arg_info(index, info.ADDRESS_QUALIFIER)
    ctype = kernel.get_arg_info(index, info.TYPE_NAME)
    base = ctype.rstrip("*").strip()
    stars = "*" * ctype.count("*")
    spaces = cl.kernel_arg_address_qualifier
    return (
        kernel.get_arg_info(index, info.NAME),
        _OPENCL_NAMES.get(base, base) + stars,
        spaces.to_string(space).lower(),
    )


def loader_argument(arg: Arg) -> tuple[str, str, str]:
    """The same as the loader read them."""
    base = _OPENCL_NAMES.get(arg.ctype, arg.ctype)
    return arg.name, base + "*" * arg.pointer, arg.space
