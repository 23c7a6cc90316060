"""Every kernel file compiles as OpenCL on each driver and as CUDA, as the loader reads it."""

from __future__ import annotations

from typing import Any

import pytest

from nnkit import kernels
from nnkit.errors import BackendUnavailable
from nnkit.kernels import FAMILIES, FOLDER, assemble, read_signatures, read_variants
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.compilers import (
    assert_driver_agrees,
    assert_ptx_agrees,
    compile_cuda,
    compile_opencl,
    nvrtc,
    variants,
)

ARCHITECTURES = (75, 90, 100)
CPU_ONLY = {"cpu_product", "cpu_dots", "fold_columns", "packed_product"} | {
    *(f"conv_{what}" for what in ("forward", "partial")),
    *(f"winograd_{what}" for what in ("taps", "forward", "partial", "sums")),
    *(f"{kind}_pairs_{way}" for kind in ("avg", "max") for way in ("forward", "backward")),
}
"""Kernels of vectors, which CUDA never sees."""
GOOD = """\
// variants: real=float
__kernel void scaled(__global const real *x, const i64 x_at, __global real *y, const i64 y_at,
                     const real factor, const i64 n) {
    x += x_at;
    y += y_at;
    FOR_EACH(i, n) { y[i] = factor * x[i]; }
}
"""
FLOAT = {"real": "float"}


@pytest.fixture(scope="module")
def devices() -> list[Any]:
    """Every OpenCL device that works here; at least one, where one must be."""
    try:
        found = [opened(name) for name in opencl_devices()]
    except BackendUnavailable:
        found = []
    try:
        return found or [opened("opencl")]
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))


def test_every_family_says_what_to_compile() -> None:
    assert sorted(FAMILIES) == sorted(path.stem for path in FOLDER.glob("*.cl"))
    assert {"activation", "elementwise", "loss", "matmul", "reduce", "update"} <= set(FAMILIES)
    for family in FAMILIES:
        assert kernels.variants(family), f"kernels/{family}.cl has no line '// variants: …'"
        assert kernels.signatures(family), f"kernels/{family}.cl defines no kernel"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("family", FAMILIES)
def test_compiles_as_cuda(family: str, architecture: int) -> None:
    if architecture not in nvrtc().getSupportedArchs():
        pytest.skip(f"this NVRTC does not know sm_{architecture}")
    compiled: set[str] = set()
    for defines in variants(family):
        if defines.get("CPU") == "1":
            continue  # vector types, which the CUDA reading never sees
        params = compile_cuda(kernels.cuda_source(family, defines), architecture)
        signatures = kernels.signatures(family, defines)
        for name in params:
            assert_ptx_agrees(signatures[name], params[name])
        compiled.update(params)
    missing = kernels.signatures(family).keys() - compiled
    assert missing <= CPU_ONLY, f"no variant for GPUs has {sorted(missing - CPU_ONLY)}"


@pytest.mark.parametrize("family", FAMILIES)
def test_compiles_as_opencl(family: str, devices: list[Any]) -> None:
    for device in devices:
        compiled: set[str] = set()
        for defines in variants(family):
            if "double" in defines.values() and not device.supports("float64"):
                continue
            choices = [defines] if "CPU" in defines else [defines | {"CPU": cpu} for cpu in "01"]
            for chosen in choices:
                made = compile_opencl(device.queue.context, kernels.source(family, chosen))
                signatures = kernels.signatures(family, chosen)
                for name in made:
                    assert_driver_agrees(signatures[name], made[name])
                compiled.update(made)
        assert compiled == kernels.signatures(family).keys(), "a kernel that no variant has"


def as_cuda(body: str, defines: dict[str, str]) -> str:
    return assemble("opencl_as_cuda.h", "planted.cl", body, defines)


def as_opencl(body: str, defines: dict[str, str]) -> str:
    return assemble("dialect.h", "planted.cl", body, defines)


PLANTED = {
    "syntax": ("y[i] = factor * x[i];", "y[i] = factor * ;"),
    "unknown name": ("factor * x[i]", "faktor * x[i]"),
    "pointer to const": ("__global real *y", "__global const real *y"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_cuda_check_sees_a_planted_fault(fault: str) -> None:
    body = GOOD.replace(*PLANTED[fault])
    assert body != GOOD
    with pytest.raises(RuntimeError, match=r"planted\.cl\(6\)"):
        compile_cuda(as_cuda(body, FLOAT), 90)


@pytest.mark.parametrize("fault", PLANTED)
def test_opencl_check_sees_a_planted_fault(fault: str, devices: list[Any]) -> None:
    body = GOOD.replace(*PLANTED[fault])
    for device in devices:
        with pytest.raises(RuntimeError, match=r"planted\.cl:6"):
            compile_opencl(device.queue.context, as_opencl(body, FLOAT))


WRONG_ARGUMENT = {
    "type": ("const real factor", "const i32 factor"),
    "number": ("const real factor, ", ""),
    "order": ("const real factor, const i64 n", "const i64 n, const real factor"),
}
WRONG_WORD = {"name": ("real factor", "real share"), "space": ("__global real", "__local real")}


@pytest.mark.parametrize("fault", WRONG_ARGUMENT)
def test_agreement_with_nvrtc_sees_a_wrong_argument(fault: str) -> None:
    params = compile_cuda(as_cuda(GOOD, FLOAT), 90)["scaled"]
    assert_ptx_agrees(read_signatures(GOOD, FLOAT)["scaled"], params)
    wrong = read_signatures(GOOD.replace(*WRONG_ARGUMENT[fault]), FLOAT)["scaled"]
    with pytest.raises(AssertionError, match="scaled"):
        assert_ptx_agrees(wrong, params)


@pytest.mark.parametrize("fault", [*WRONG_ARGUMENT, "name", "space"])
def test_agreement_with_drivers_sees_a_wrong_argument(fault: str, devices: list[Any]) -> None:
    replacement = {**WRONG_ARGUMENT, **WRONG_WORD}[fault]
    wrong = read_signatures(GOOD.replace(*replacement), FLOAT)["scaled"]
    for device in devices:
        kernel = compile_opencl(device.queue.context, as_opencl(GOOD, FLOAT))["scaled"]
        assert_driver_agrees(read_signatures(GOOD, FLOAT)["scaled"], kernel)
        with pytest.raises(AssertionError, match="scaled"):
            assert_driver_agrees(wrong, kernel)


def test_signature_is_read_from_the_text() -> None:
    signature = read_signatures(GOOD, {"real": "half_open", "half_open": "double"})["scaled"]
    assert [arg.name for arg in signature.given] == ["x", "y", "factor", "n"]
    assert [arg.offset for arg in signature.args] == [False, True, False, True, False, False]
    assert [str(arg.dtype) for arg in signature.given] == ["float64", "float64", "float64", "int64"]
    assert [arg.const for arg in signature.args] == [True, True, False, True, True, True]


def test_signature_passes_over_comments_and_reads_attributes() -> None:
    body = (
        "// __kernel void no(i32 n) {}\n/* __kernel void no(i32 n) {} */\n__kernel WORK_GROUP(1, "
    )
    found = read_signatures(body + "1, 1) void yes(__local u8 *x, /* how many */ View v) {}")
    assert list(found) == ["yes"]
    x, v = found["yes"].args
    assert (x.space, str(x.dtype), x.pointer) == ("local", "uint8", True)
    assert (v.space, v.dtype, v.pointer) == ("private", None, False)


@pytest.mark.parametrize("declared", ["long n", "const size_t n", "unsigned int n", "n"])
def test_types_that_differ_between_languages_are_refused(declared: str) -> None:
    with pytest.raises(ValueError, match=r"kernel f: argument '.*n' must have one type"):
        read_signatures(f"__kernel void f({declared}) {{}}")


def test_variants_are_read_from_the_head() -> None:
    text = "// variants: real=float,CPU=0; F(a, b)=max(a, b)\n// variants: real=double\n"
    assert read_variants(text) == [
        {"real": "float", "CPU": "0"},
        {"F(a, b)": "max(a, b)"},
        {"real": "double"},
    ]
