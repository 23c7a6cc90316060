"""NNKIT_BACKEND, `use()`, fallback and the memory between runs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import nnkit
from nnkit import backend as port
from nnkit import cache, selection
from nnkit.backend import numpy_backend
from nnkit.backends.numpy.backend import NumpyBackend
from nnkit.selection import Selected, parse


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No backend chosen yet, no variable set; the choice of the other tests comes back after."""
    for name in ("NNKIT_BACKEND", "NNKIT_FALLBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(selection, "_default", None)
    monkeypatch.setattr(port, "_open", list(port.open_backends()))
    token = selection._in_context.set(None)
    yield
    selection._in_context.reset(token)


@pytest.fixture
def another() -> NumpyBackend:
    """A second backend object, to tell choices apart on a machine with one backend."""
    return NumpyBackend()


def in_a_thread() -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(nnkit.current_backend()))
    thread.start()
    thread.join()
    return found[0]


def test_parse_lists_and_devices() -> None:
    assert [str(c) for c in parse(" CuPy:0 , opencl:Intel,numpy")] == [
        "cupy:0",
        "opencl:intel",
        "numpy",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("opncl", "unknown backend 'opncl'. Did you mean 'opencl'?"),
        ("numpy,cuppy", "unknown backend 'cuppy' in 'numpy,cuppy'. Did you mean 'cupy'?"),
        ("auto:1", "'auto' takes no device"),
        ("numpy,,cupy", "unknown backend ''"),
    ],
)
def test_parse_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse(text)


def test_a_misspelt_variable_is_an_error_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "nunpy")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"NNKIT_BACKEND: .*Did you mean 'numpy'"):
            nnkit.current_backend()


def test_the_variable_is_read_at_first_use_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "numpy")
    assert nnkit.current_backend().name == "numpy"
    monkeypatch.setenv("NNKIT_BACKEND", "nonsense")
    assert nnkit.current_backend().name == "numpy"


def test_a_missing_choice_is_said_once_and_the_next_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "numpy:7,numpy")
    with pytest.warns(nnkit.FallbackWarning) as said:
        backend = nnkit.current_backend()
    nnkit.tensor([1.0])  # a second warning would be an error here
    assert backend.name == "numpy"
    assert len(said) == 1
    text = str(said[0].message)
    assert "\n" not in text
    for part in ("backend 'numpy' is not available", "no device '7'", "Fix: ", "Using numpy"):
        assert part in text


def test_a_warning_turned_into_an_error_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "numpy:7")
    with pytest.raises(nnkit.FallbackWarning, match="no device '7'"):
        nnkit.current_backend()
    assert nnkit.current_backend().name == "numpy"


def test_two_devices_of_one_kind_are_both_reported(another: NumpyBackend) -> None:
    nnkit.use("numpy")
    nnkit.use(another)
    found = [name for name in nnkit.report().backends if name.startswith("numpy")]
    assert [name.endswith("#2") for name in found] == [False, True]


def test_fallback_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_BACKEND", "numpy:7")
    monkeypatch.setenv("NNKIT_FALLBACK", "error")
    with pytest.raises(nnkit.BackendUnavailable, match="no device '7'"):
        nnkit.current_backend()
    monkeypatch.setenv("NNKIT_FALLBACK", "perhaps")
    with pytest.raises(ValueError, match="NNKIT_FALLBACK must be"):
        nnkit.current_backend()
    monkeypatch.setenv("NNKIT_FALLBACK", "silent")  # a warning would be an error here
    assert nnkit.current_backend().name == "numpy"


def test_use_raises_or_falls_back() -> None:
    with pytest.raises(nnkit.BackendUnavailable, match="no device '7'"):
        nnkit.use("numpy:7")
    assert selection.in_use() is None
    with pytest.warns(nnkit.FallbackWarning, match="no device '7'"):
        nnkit.use("numpy:7", fallback=True)
    assert nnkit.current_backend().name == "numpy"
    assert "numpy:7" in repr(nnkit.report().why)


def test_use_of_a_list_takes_the_first_that_is_there() -> None:
    nnkit.use("numpy:7,numpy")  # without a word: the code gave the alternative itself
    assert nnkit.current_backend().name == "numpy"
    with pytest.raises(nnkit.BackendUnavailable, match=r"'numpy:7,numpy:8'.*'7'.*'8'"):
        nnkit.use("numpy:7,numpy:8")


def test_use_holds_in_every_thread(another: NumpyBackend) -> None:
    nnkit.use(another)
    assert nnkit.current_backend() is another
    assert in_a_thread() is another


def test_with_use_holds_in_the_context_only(another: NumpyBackend) -> None:
    nnkit.use("numpy")
    with nnkit.use(another) as backend:
        assert backend is another
        assert nnkit.current_backend() is another
        assert nnkit.tensor([1.0]).backend is another
        assert in_a_thread() is numpy_backend()
    assert nnkit.current_backend() is numpy_backend()


def test_with_use_may_be_nested_and_used_again(another: NumpyBackend) -> None:
    host = numpy_backend()
    nnkit.use("numpy")
    chosen = nnkit.use(another)
    for _ in range(2):
        with chosen, nnkit.use("numpy"):
            assert nnkit.current_backend() is host
            with chosen:
                assert nnkit.current_backend() is another
            assert nnkit.current_backend() is host
        assert nnkit.current_backend() is host
        assert in_a_thread() is host


def test_use_inside_with_takes_effect_at_once_and_stays(another: NumpyBackend) -> None:
    nnkit.use("numpy")
    with nnkit.use("numpy"):
        nnkit.use(another)
        assert nnkit.current_backend() is another
    assert nnkit.current_backend() is another


def test_with_leaves_no_default_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with nnkit.use("numpy"):
        assert isinstance(selection.in_use(), Selected)
    assert selection.in_use() is None
    monkeypatch.setenv("NNKIT_BACKEND", "nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        nnkit.current_backend()


def test_an_error_inside_with_restores_the_choice(another: NumpyBackend) -> None:
    nnkit.use("numpy")
    with pytest.raises(KeyError), nnkit.use(another):
        raise KeyError
    assert nnkit.current_backend() is numpy_backend()


@pytest.fixture
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NNKIT_CACHE_DIR", str(tmp_path / "deep" / "cache"))
    monkeypatch.delenv("NNKIT_CACHE", raising=False)
    return tmp_path / "deep" / "cache"


def test_cache_gives_back_what_was_saved(cache_folder: Path) -> None:
    assert cache.load("kind", ["key", 1]) is None
    assert cache.save("kind", ["key", 1], {"a": [1, ""]})
    assert cache.load("kind", ["key", 1]) == {"a": [1, ""]}
    assert cache.load("kind", ["key", 2]) is None
    assert cache.load("other", ["key", 1]) is None
    assert [path.suffix for path in cache_folder.iterdir()] == [".json"], "no scraps are left"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"value": 1}', '{"key": 1, "value": 2}'])
def test_a_damaged_file_counts_as_missing(cache_folder: Path, text: str) -> None:
    cache.save("kind", "key", "value")
    (path,) = cache_folder.iterdir()
    path.write_text(text)
    assert cache.load("kind", "key") is None
    assert cache.save("kind", "key", "anew")
    assert cache.load("kind", "key") == "anew"


def test_bytes_that_are_no_text_count_as_missing(cache_folder: Path) -> None:
    cache.save("kind", "key", "value")
    (path,) = cache_folder.iterdir()
    path.write_bytes(b"\xff\xfe\x00")
    assert cache.load("kind", "key") is None


def test_cache_may_be_switched_off(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_CACHE", "0")
    assert not cache.save("kind", "key", "value")
    assert not cache_folder.exists()
    monkeypatch.delenv("NNKIT_CACHE")
    cache.save("kind", "key", "value")
    monkeypatch.setenv("NNKIT_CACHE", "0")
    assert cache.load("kind", "key") is None


def test_a_folder_that_cannot_be_made_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NNKIT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert not cache.save("kind", "key", "value")
    assert cache.load("kind", "key") is None
    cache.forget("kind")


def test_forget_drops_one_kind(cache_folder: Path) -> None:
    cache.save("one", "key", 1)
    cache.save("two", "key", 2)
    before = cache.generation
    cache.forget("one")
    assert cache.generation > before
    assert cache.load("one", "key") is None
    assert cache.load("two", "key") == 2
    assert len([json.loads(path.read_text()) for path in cache_folder.iterdir()]) == 1
