"""Kernel programs on disk: built once, kept for the next process, never in the way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from nnkit import cache, kernels
from nnkit.backends.opencl import programs
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.errors import KernelUnavailable
from tests.opencl_sites import anew, opencl_names, result, run, start

SCRIPT = """
import numpy as np
from tests.opencl_sites import anew
device = anew({name!r})
x = device.asarray(np.arange(6, dtype=np.float32))
values = device.xp.sum((x + 1.0) * x).numpy().tolist()
print(values, device.queue.launcher.programs.built)
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", opencl_names(metafunc.config))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made, usual = tmp_path / "cache", cache.folder()
    made.mkdir()
    for verdicts in usual.glob("opencl-*.json"):  # so that new processes need not probe the drivers
        shutil.copy(verdicts, made)
    monkeypatch.setenv("NNKIT_CACHE_DIR", str(made))
    monkeypatch.delenv("NNKIT_CACHE", raising=False)
    return made


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("program-*.bin"))


def add(device: OpenCLBackend) -> int:
    """Compute a sum; how many programs were built for it."""
    before = device.queue.launcher.programs.built
    x = device.asarray(np.arange(20, dtype=np.float32))
    assert ((x + x).numpy() == np.arange(0, 40, 2)).all()
    built: int = device.queue.launcher.programs.built
    return built - before


def test_a_second_process_builds_nothing(name: str, folder: Path) -> None:
    assert run(SCRIPT.format(name=name)) == "70.0 3\n"
    assert run(SCRIPT.format(name=name)) == "70.0 0\n"
    assert len(kept(folder)) == 3


def test_each_program_is_built_once(name: str, folder: Path) -> None:
    device = anew(name)
    assert [add(device), add(device)] == [1, 0]
    assert len(kept(folder)) == 1
    another = anew(name)
    assert add(another) == 0
    another.queue.cpu = another.queue.launcher.cpu = False  # a GPU's kernels are other programs
    assert add(another) == 1
    assert len(kept(folder)) == 2


@pytest.mark.parametrize("damage", ["empty", "short", "a bit", "another's"])
def test_a_damaged_file_is_built_anew_and_replaced(name: str, folder: Path, damage: str) -> None:
    add(anew(name))
    (path,) = kept(folder)
    entry = path.read_bytes()
    if damage == "another's":  # whole, but of another key
        cache.save_bytes("program", "another", b"data")
        (other,) = (found for found in kept(folder) if found != path)
        damaged = other.read_bytes()
    else:
        flipped = bytes([*entry[:-9], entry[-9] ^ 1, *entry[-8:]])
        damaged = {"empty": b"", "short": entry[: len(entry) // 2], "a bit": flipped}[damage]
    path.write_bytes(damaged)
    assert add(anew(name)) == 1
    assert add(anew(name)) == 0
    assert path.read_bytes() != damaged


def test_a_binary_that_the_driver_refuses_is_built_anew(name: str, folder: Path) -> None:
    device = anew(name)
    source = "__kernel void nothing(__global float *x) {}"
    library = programs.Programs(device.queue.context, device.queue.cl_device, device.device)
    library._made(source)
    key = [source, programs.OPTIONS, programs.identity(device.queue.cl_device)]
    good = cache.load_bytes(programs.KIND, key)
    assert good
    assert cache.save_bytes(programs.KIND, key, b"no program of any driver")
    assert library._made(source).all_kernels()[0].function_name == "nothing"
    assert library.built == 2
    library._made(source)
    assert library.built == 2


def test_what_a_program_depends_on_is_its_key(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = anew(name)
    facts = programs.identity(device.queue.cl_device)
    for fact in (device.queue.cl_device.driver_version, device.queue.cl_device.name):
        assert fact in facts
    source = "__kernel void nothing(__global float *x) {}"

    def built(text: str) -> int:
        library = programs.Programs(device.queue.context, device.queue.cl_device, device.device)
        library._made(text)
        return library.built

    assert [built(source), built(source)] == [1, 0]
    assert [built(source + "\n"), built(source + "\n")] == [1, 0]
    monkeypatch.setattr(programs, "OPTIONS", [*programs.OPTIONS, "-DA=1"])
    assert [built(source), built(source)] == [1, 0]
    monkeypatch.setattr(programs, "_processor", lambda: "one that can do less")
    assert [built(source), built(source)] == ([1, 0] if device.queue.cpu else [0, 0])


def test_a_program_that_does_not_build_is_not_kept(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "source", lambda *_: "__kernel void broken(")
    device = anew(name)
    for _ in range(2):
        with pytest.raises(KernelUnavailable, match=r"kernels/update.cl does not build on .*error"):
            device.queue.launcher.programs.get("update", ())
    assert not kept(folder)


def test_the_cache_may_be_off_or_impossible(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, another, last = anew(name), anew(name), anew(name)
    monkeypatch.setenv("NNKIT_CACHE", "0")
    assert add(device) == 1
    assert not kept(folder)
    monkeypatch.delenv("NNKIT_CACHE")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NNKIT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert [add(another), add(last)] == [1, 1]


def test_processes_that_build_at_once_do_no_harm(name: str, folder: Path) -> None:
    processes = [start(SCRIPT.format(name=name), {}) for _ in range(4)]
    assert {result(process).split()[0] for process in processes} == {"70.0"}
    assert run(SCRIPT.format(name=name)) == "70.0 0\n"
    assert len(kept(folder)) == 3
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]


def test_bytes_are_given_back_only_as_they_were_saved(folder: Path) -> None:
    assert cache.save_bytes("kind", ["key", 1], b"some bytes")
    assert cache.load_bytes("kind", ["key", 1]) == b"some bytes"
    assert cache.load_bytes("kind", ["key", 2]) is None
    (path,) = folder.glob("kind-*.bin")
    entry = path.read_bytes()
    for damaged in (b"", entry[:20], entry[:-1], entry + b"\0", entry[:-1] + b"S"):
        path.write_bytes(damaged)
        assert cache.load_bytes("kind", ["key", 1]) is None
    cache.save_bytes("kind", ["key", 2], b"some bytes")
    (other,) = (found for found in folder.glob("kind-*.bin") if found != path)
    path.write_bytes(other.read_bytes())  # whole, but of another key
    assert cache.load_bytes("kind", ["key", 1]) is None


def test_what_is_longest_unused_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        assert cache.save_bytes("kind", number, bytes(1000))
    cache.save_bytes("other", 0, bytes(1000))
    for age, number in enumerate((3, 2, 1, 0)):
        (path,) = (p for p in folder.iterdir() if p == cache._path("kind", number, "bin"))
        os.utime(path, (1000 - age, 1000 - age))
    assert cache.load_bytes("kind", 0) == bytes(1000)  # the oldest, but used just now
    monkeypatch.setattr(cache, "MOST_BYTES", 3500)
    assert cache.save_bytes("kind", 4, bytes(1000))
    left = [number for number in range(5) if cache.load_bytes("kind", number) is not None]
    assert left == [0, 3, 4]
    assert cache.load_bytes("other", 0) == bytes(1000)
