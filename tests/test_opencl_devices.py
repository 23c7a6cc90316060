"""Finding, probing, remembering and choosing OpenCL devices, on the devices of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from nnkit.backend import adapter
from nnkit.backends.opencl import drivers
from nnkit.backends.opencl import probe as script
from nnkit.backends.opencl.choice import choose
from nnkit.backends.opencl.devices import Devices, Listing, the_devices
from nnkit.errors import BackendUnavailable
from tests.sites import Run, make_site, run_in

SURVEY = """
from nnkit.backend import adapter
for device in adapter("opencl").survey():
    print(device.selector, "|", device.driver, "|", device.problem, "|", device.remedy)
"""
ANEW = "from nnkit.info import info_text; print(info_text(probe=True))"


@pytest.fixture(scope="module", autouse=True)
def devices() -> Devices:
    if find_spec("pyopencl") is None:
        pytest.skip("pyopencl is not installed")
    found = the_devices()
    if not any(found.problem(index) == "" for index in range(len(found))):
        pytest.skip("no OpenCL device works here")
    return found


@pytest.fixture
def working(devices: Devices) -> int:
    return next(index for index in range(len(devices)) if not devices.problem(index))


def test_the_first_that_works_is_taken_and_found_by_index_and_name(
    devices: Devices, working: int
) -> None:
    assert choose(devices, None, auto=False) == working
    assert choose(devices, str(working), auto=False) == working
    facts = devices[working]
    for text in (facts["platform"], facts["vendor"], facts["name"]):
        index = choose(devices, text.upper(), auto=False)
        assert text in devices[index].values()


def test_the_order_is_gpu_accelerator_cpu(devices: Devices) -> None:
    ranks = [script.RANK[facts["kind"]] for facts in devices]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("wanted", ["99", "no such thing"])
def test_a_device_that_is_not_there(devices: Devices, wanted: str, working: int) -> None:
    with pytest.raises(BackendUnavailable, match=f"there is no device '{wanted}'") as caught:
        adapter("opencl").open(wanted)
    assert f"opencl:{working} ({devices[working]['name']}" in caught.value.remedy


def test_auto_takes_no_cpu(devices: Devices, working: int) -> None:
    if devices[working]["kind"] == "cpu":
        with pytest.raises(BackendUnavailable, match="only a CPU device") as caught:
            choose(devices, None, auto=True)
        assert "NNKIT_BACKEND=opencl" in caught.value.remedy
    else:
        assert devices[choose(devices, None, auto=True)]["kind"] in ("gpu", "accelerator")


def test_one_backend_object_for_one_device(working: int) -> None:
    opencl = adapter("opencl")
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(opencl.open, [None, str(working)] * 8))
    assert len({id(backend) for backend in opened}) == 1
    assert opened[0].name == "opencl"


def test_the_environment_is_left_as_it_was() -> None:
    found = drivers.installed()
    before = dict(os.environ)
    with drivers.visible(found, without=[driver.library for driver in found]):
        inside = os.environ.get("OCL_ICD_VENDORS", "")
        if sys.platform == "linux" and any(not driver.bundled for driver in found):
            assert list(Path(inside).iterdir()) == [], "every driver was to be hidden"
    assert dict(os.environ) == before
    assert not inside.startswith("nnkit-icd-")
    assert not (inside and "nnkit-icd-" in inside and Path(inside).exists())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def vendors(tmp_path: Path) -> dict[str, str]:
    """Variables that show one driver of this machine to a process."""
    found = [driver for driver in drivers.installed() if not driver.bundled]
    if not found:
        pytest.skip("no driver with an .icd file here")
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "one.icd").write_text(found[0].library + "\n")
    return {"OCL_ICD_VENDORS": str(tmp_path / "vendors")}


def kept(home: Path) -> tuple[Path, dict[str, object]]:
    (path,) = (home / "nnkit-cache").glob("opencl-*.json")
    return path, json.loads(path.read_text())


def survey(site: Path, home: Path, variables: dict[str, str]) -> Run:
    run = run_in(site, SURVEY, home, variables)
    assert run.code == 0, run.err
    assert run.err == []
    return run


def test_verdicts_are_remembered_until_asked_anew(
    site: Path, tmp_path: Path, vendors: dict[str, str]
) -> None:
    home = tmp_path / "home"
    first = survey(site, home, vendors)
    assert " |  | " in first.out[0], "the device must work"
    path, entry = kept(home)
    assert Listing(**entry["value"]).verdicts == {"0": ""}  # type: ignore[arg-type]
    entry["value"]["verdicts"]["0"] = "it was on fire"  # type: ignore[index]
    path.write_text(json.dumps(entry))
    second = survey(site, home, vendors)
    assert "it was on fire" in second.out[0]
    assert "nnkit info --probe" in second.out[0]
    anew = "\n".join(run_in(site, ANEW, home, vendors).out)
    assert "opencl:0    PASS" in anew
    assert "on fire" not in anew
    assert survey(site, home, vendors) == first


def test_an_outdated_listing_is_made_anew(
    site: Path, tmp_path: Path, vendors: dict[str, str]
) -> None:
    home = tmp_path / "home"
    first = survey(site, home, vendors)
    path, entry = kept(home)
    entry["value"]["devices"][0]["driver"] = "0.0"  # type: ignore[index]
    path.write_text(json.dumps(entry))
    assert survey(site, home, vendors) == first
    assert kept(home)[1]["value"]["devices"][0]["driver"] != "0.0"  # type: ignore[index]


def test_without_a_cache_it_works_all_the_same(
    site: Path, tmp_path: Path, vendors: dict[str, str]
) -> None:
    run = survey(site, tmp_path / "home", {**vendors, "NNKIT_CACHE": "0"})
    assert " |  | " in run.out[0]
    assert not (tmp_path / "home" / "nnkit-cache").exists()


def test_platforms_that_were_listed_before(site: Path, tmp_path: Path) -> None:
    """The wheel's driver stays invisible then, and the report says so."""
    if not any(driver.icd == drivers.WHEEL for driver in drivers.installed()):
        pytest.skip(f"the wheel {drivers.WHEEL} is not installed, so no driver could be missed")
    early = "import pyopencl\ntry: pyopencl.get_platforms()\nexcept pyopencl.Error: pass\n"
    wheel = next(driver for driver in drivers.installed() if driver.icd == drivers.WHEEL)
    folder = Path(wheel.library).parent  # make_site hides it: bring it back where pip puts it
    for file in folder.iterdir():
        if file.is_file():
            (site.parents[1] / file.name).symlink_to(file)
    run = run_in(site, early + SURVEY, tmp_path / "home", {})
    told = [line for line in run.out if "pyopencl had listed its platforms before" in line]
    assert len(told) == 1, run
    assert told[0].startswith("opencl:")
    assert "call nnkit.use('opencl') before your own use of pyopencl" in told[0]


def test_threads_are_pinned_unless_the_user_chose_or_cores_are_kept_from_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def after(allowed: int, **chosen: str) -> dict[str, str | None]:
        for name in drivers.PINNING:
            monkeypatch.delenv(name, raising=False)
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(os, "cpu_count", lambda: 4)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
        drivers.pin_threads()
        return {name: os.environ.get(name) for name in drivers.PINNING}

    assert after(4) == drivers.PINNING
    assert after(4, POCL_AFFINITY="0")["POCL_AFFINITY"] == "0"
    assert set(after(3).values()) == {None}


def test_drivers_say_nothing_on_the_way(devices: Devices) -> None:
    """What a driver for processors thinks of its settings is not shown to the user."""
    code = "import nnkit; x = nnkit.tensor([[1.0, 2.0]]); print((x @ x.T).item())"
    chosen = {name for name in drivers.PINNING if name in os.environ}
    kept = {name: value for name, value in os.environ.items() if name not in chosen}
    for selector in (f"opencl:{i}" for i in range(len(devices)) if not devices.problem(i)):
        env = {**kept, "NNKIT_BACKEND": selector}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "5.0\n", ""), selector
