"""Forms of kernels: all give the same bits, the search keeps one, and later runs take it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnkit import cache, cli
from nnkit.backends.opencl import tune
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.backends.opencl.forms import CHOICES, Choice, Form, form_of, keep
from tests.opencl_forms import FORMS, device_in

KERNELS = dict(zip(FORMS, ("packed_product", "gpu_product"), strict=True))
CASES = [
    pytest.param(kind, form, id=tune.told(form))
    for kind in FORMS
    for form in CHOICES[KERNELS[kind]].forms
    if form.get("DEEPEST") != 512  # which the form that it is compared with has
]


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NNKIT_CACHE", raising=False)


def fresh(kind: str) -> OpenCLBackend:
    """The device with nothing tuned in this process."""
    made = device_in(kind)
    other = OpenCLBackend(made.queue.cl_device, made.device, made.index)
    other.queue.cpu = other.queue.launcher.cpu = made.queue.cpu
    return other


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_every_form_gives_the_same_bits(kind: str, form: Form, rng: np.random.Generator) -> None:
    """Tiles with rests in all three directions, and a depth of several panels."""
    device = fresh(kind)
    if not tune.fits(device.queue, form):
        pytest.skip(f"{device.device} has no room for it")
    a, b = (rng.normal(size=s).astype(np.float32) for s in ((47, 531), (531, 71)))
    products = []
    for chosen in (CHOICES[KERNELS[kind]].default(device.queue), form):
        device.queue.forms[KERNELS[kind]] = chosen
        x, y = device.asarray(a), device.asarray(b)
        turned = device.asarray(a.T.copy()).T @ device.asarray(b.T.copy()).T
        products.append([device.to_numpy(z).tobytes() for z in (x @ y, turned)])
    assert products[0] == products[1]
    np.testing.assert_allclose(device.to_numpy(x @ y), a @ b, rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("kind", FORMS)
def test_the_search_tells_rates_and_keeps_the_fastest(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, device = KERNELS[kind], fresh(kind)
    one, two = CHOICES[kernel].forms[:2]
    choice = Choice(CHOICES[kernel].family, (one, two), CHOICES[kernel].default)
    monkeypatch.setitem(CHOICES, kernel, choice)
    rates = {tune.told(one): 1.0, tune.told(two): 2.0}
    monkeypatch.setattr(tune, "SIZES", dict.fromkeys(("cpu", "gpu"), (96, (16, 80, 24))))
    monkeypatch.setattr(tune, "SECONDS", 0.002)
    seconds = tune._seconds

    def measured(backend: Any, case: tune.Case) -> float:
        assert seconds(backend, case) > 0
        return case.operations / rates[tune.told(backend.queue.forms[kernel])] / 1e9

    monkeypatch.setattr(tune, "_seconds", measured)
    lines: list[str] = []
    device.tune(lines.append)
    assert [line.split()[-1] for line in lines[1:3] if "so far" not in line] == ["2.0"]
    assert lines[-1] == f"best: {tune.told(two)}, 2.0 GFLOP/s"
    assert device.queue.forms[kernel] == form_of(fresh(kind).queue, kernel) == two


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("kept", [{"ROWS": 1000}, "fast", [1, 2], None])
def test_what_is_no_form_is_not_taken_from_the_disk(kept: Any) -> None:
    device = fresh(FORMS[0])
    keep(device.queue, "packed_product", kept)
    assert form_of(fresh(FORMS[0]).queue, "packed_product") == CHOICES["packed_product"].default(
        device.queue
    )


@pytest.mark.usefixtures("_own_cache")
def test_without_a_cache_the_form_serves_this_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_CACHE", "0")
    device = fresh(FORMS[0])
    other = CHOICES["packed_product"].forms[-1]
    assert not keep(device.queue, "packed_product", other)
    assert form_of(device.queue, "packed_product") == other
    assert not cache.enabled()


def test_numpy_has_nothing_to_tune(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "--backend", "numpy"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("numpy (")
    assert out[1] == "nothing to tune: its products are a library's"


def test_an_unknown_backend_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "--backend", "opencl:nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err
