"""`nnkit.report()` tells what was done and why; `nnkit info` tells what could be used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nnkit
from nnkit import backend as port
from nnkit import counters, ops, selection
from nnkit.backend import DeviceReport, adapter, label, numpy_backend
from nnkit.backends.numpy.blocked import SMALLEST
from nnkit.errors import BackendUnavailable
from nnkit.info import info_text
from nnkit.report import WIDTH, OpCount, Report, report, size
from tests.sites import make_site, run_in


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counts at zero, no backend chosen, no variable set."""
    for name in ("NNKIT_BACKEND", "NNKIT_FALLBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(selection, "_default", None)
    monkeypatch.setattr(port, "_open", list(port.open_backends()))
    counters.reset()
    yield
    counters.reset()


def the_op(found: Report, name: str) -> OpCount:
    (row,) = [row for row in found.ops if row.op == name]
    return row


def test_before_anything_has_run() -> None:
    found = report()
    assert (found.in_use, found.why, found.skipped, found.ops) == ("", "", (), ())
    assert "nothing yet" in str(found)
    assert selection.in_use() is None, "a report must not choose a backend"


def test_which_backend_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "numpy:7,numpy")
    monkeypatch.setenv("NNKIT_FALLBACK", "silent")
    nnkit.tensor([1.0])
    found = report()
    assert found.in_use == label(numpy_backend())
    assert found.why == "NNKIT_BACKEND=numpy:7,numpy"
    (skipped,) = found.skipped
    assert skipped.reason == "it has no device '7'"
    text = str(found)
    for part in (found.in_use, found.why, skipped.reason, f"Fix: {skipped.remedy}"):
        assert part in text


def test_ops_are_counted_by_how_they_were_served() -> None:
    with nnkit.use("numpy"):
        small = nnkit.tensor(np.ones((4, 7)), requires_grad=True)
        large = nnkit.tensor(np.ones(SMALLEST))
        (small.relu() + 1.0).sum().backward()
        for _ in range(3):
            large.relu()
        ops.matmul(small, nnkit.tensor(np.ones((7, 2))))
        found = report()
    assert the_op(found, "relu") == OpCount(
        "numpy", "relu", fused=3, composed=1, backward=1, declined=1, reasons=("float64 2-d (1x)",)
    )
    matmul = the_op(found, "matmul")
    assert (matmul.fused, matmul.composed, matmul.declined) == (0, 1, 0)
    lines = str(found).splitlines()
    (row,) = [line.split() for line in lines if line.split()[:2] == ["relu", "numpy"]]
    assert row == ["relu", "numpy", "3", "1", "1", "1"]
    assert any("relu on numpy has no fused version for: float64 2-d (1x)" in line for line in lines)


def test_bytes_moved_each_way() -> None:
    with nnkit.use("numpy"):
        x = nnkit.tensor(np.ones((4, 7), dtype="float32"))
        x.numpy()
        x.numpy()
        found = report()
    assert found.to_device == {"numpy": (1, 112)}
    assert found.to_host == {"numpy": (2, 224)}
    text = "numpy: 112 B in 1 transfer to the device, 224 B in 2 transfers back"
    assert text in str(found)


def test_fallbacks_and_launches_are_told() -> None:
    with pytest.warns(nnkit.FallbackWarning, match="no such instruction"):
        counters.fell_back("tanh", "float32", "opencl (X, gpu)", "no such instruction")
    counters.fell_back("tanh", "float32", "opencl (X, gpu)", "no such instruction")
    counters.launches["opencl", "tanh"] += 5
    counters.launches["opencl", "matmul"] += 7
    found = report()
    assert list(found.fallbacks.values()) == [2]
    assert "2x tanh on float32, opencl (X, gpu): no such instruction" in str(found)
    assert found.launches == {"opencl": {"matmul": 7, "tanh": 5}}
    assert "opencl: 12 in all: matmul 7, tanh 5" in str(found)


def test_a_report_is_a_snapshot() -> None:
    with nnkit.use("numpy"):
        nnkit.tensor([1.0])
        found = report()
        nnkit.tensor([1.0])
    assert found.to_device["numpy"][0] == 1


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (5e12, "5000.0 GB")]
)
def test_sizes_are_for_people(amount: float, text: str) -> None:
    assert size(amount) == text


def surveyed(name: str) -> list[DeviceReport]:
    try:
        return list(adapter(name).survey())
    except BackendUnavailable:
        return []


def test_info_lists_every_device_and_how_to_choose_it() -> None:
    text = info_text()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert f"nnkit {nnkit.__version__}, Python {sys.version.split()[0]}" in text
    for name in ("numpy", "cupy", "opencl"):
        assert any(line.startswith(name) for line in text.splitlines())
        for device in surveyed(name):
            if device.selector and not device.problem:
                assert f"NNKIT_BACKEND={device.selector}" in text
    assert f"In use: {label(nnkit.current_backend())}" in text


def test_info_says_why_a_backend_is_missing(tmp_path: Path) -> None:
    site = make_site(tmp_path, without=("pyopencl*", "cupy*"))
    script = "from nnkit.info import info_text; print(info_text())"
    run = run_in(site, script, tmp_path / "home", {})
    assert run.err == []
    text = "\n".join(run.out)
    assert "opencl      -     pyopencl is not installed" in text
    assert "Fix: pip install 'nnkit[opencl]'" in text
    assert "cupy        -     CuPy is not installed" in text
    assert "In use: numpy" in text


def test_info_survives_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "opncl")
    last = " ".join(info_text().split("In use: ")[1].split())
    assert last.startswith(
        "nothing. NNKIT_BACKEND: unknown backend 'opncl'. Did you mean 'opencl'?"
    )


def test_report_knows_the_devices_that_were_tried() -> None:
    devices = [device for device in surveyed("opencl") if device.selector]
    if not devices:
        pytest.skip("no OpenCL device here")
    known = {device.selector: device for device in report().devices}
    for device in devices:
        assert known[device.selector].problem == device.problem
        verdict = "FAIL" if device.problem else "PASS"
        assert f"{device.selector} {verdict} {device.name}" in str(report())
