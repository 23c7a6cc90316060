"""Whatever happens in a probe, the answer here is a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nnkit import probe
from nnkit.probe import Outcome


def run(folder: Path, body: str, *arguments: object, timeout: float = 60.0) -> Outcome:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    script = folder / "a_probe.py"
    script.write_text(f"import os, sys, time\ndef answer(*arguments):\n{lines}\n")
    return probe.run(script, *arguments, timeout=timeout)


def test_an_answer_comes_back(tmp_path: Path) -> None:
    outcome = run(tmp_path, "return [arguments[0] + 1, arguments[1]]", 2, {"a": "é"})
    assert outcome == Outcome(answer=[3, {"a": "é"}])


def test_it_sees_the_same_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path / "here"))
    assert run(tmp_path, "return sys.path").answer == sys.path


def test_variables_are_set_in_the_probe_only(tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text("import os\ndef answer(): return os.environ['NNKIT_V']\n")
    assert probe.run(tmp_path / "v.py", variables={"NNKIT_V": "1"}).answer == "1"
    assert "KeyError" in probe.run(tmp_path / "v.py").problem


def test_drivers_may_chatter(tmp_path: Path) -> None:
    body = "print('hello', flush=True)\nos.write(1, b'no newline \\xff')\nreturn 7"
    assert run(tmp_path, body) == Outcome(answer=7)


def test_a_crash_while_unloading_does_not_matter(tmp_path: Path) -> None:
    assert run(tmp_path, "import atexit\natexit.register(os.abort)\nreturn 7").answer == 7


@pytest.mark.skipif(sys.platform == "win32", reason="signals have other names there")
def test_a_crash_is_named(tmp_path: Path) -> None:
    outcome = run(tmp_path, "os.write(2, b'what a mess\\n')\nos.abort()")
    assert outcome == Outcome(problem="the probe was ended by SIGABRT: what a mess")
    assert list(tmp_path.glob("core*")) == []


def test_an_exception_is_told(tmp_path: Path) -> None:
    outcome = run(tmp_path, "raise OSError('no device')")
    assert outcome == Outcome(problem="the probe failed: OSError: no device")


def test_an_early_exit_is_no_answer(tmp_path: Path) -> None:
    assert run(tmp_path, "os._exit(0)") == Outcome(problem="the probe failed")


def test_time_runs_out(tmp_path: Path) -> None:
    outcome = run(tmp_path, "time.sleep(60)", timeout=1)
    assert outcome == Outcome(problem="the probe did not end within 1 s")


def test_without_an_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert run(tmp_path, "return 1").problem.startswith("the probe could not be started: ")
