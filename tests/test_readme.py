"""The README keeps its promises: its example runs, and its test command is the one that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_example_is_short_and_runs(tmp_path: Path) -> None:
    example = blocks("python")[0]
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) <= 15, f"{len(lines)} lines"
    assert_runs(example, tmp_path)


def test_the_second_example_goes_on_from_the_first(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    assert_runs("\n".join(blocks("python")), tmp_path)
    assert (tmp_path / "digits.safetensors").is_file()


def assert_runs(example: str, folder: Path) -> None:
    """As a reader would run it: pasted into a file of its own, with warnings shown."""
    file = folder / "example.py"
    file.write_text(example, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(file)]
    run = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip(), "an example that shows nothing teaches little"


def environment() -> dict[str, str]:
    """The child finds the nnkit that these tests import."""
    import os

    import nnkit

    return {**os.environ, "PYTHONPATH": str(Path(nnkit.__file__).parents[1])}


def commands() -> list[str]:
    return [line.strip() for line in README.splitlines() if "python3 -m venv" in line]


def test_the_two_commands_work_in_a_fresh_clone() -> None:
    """Each is one line that makes its own environment."""
    train, test, *_ = commands()
    assert train.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert train.endswith("nnkit demo digits")
    assert test.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert test.endswith(".venv/bin/python -m pytest")


def test_ci_runs_the_very_test_command() -> None:
    """CI takes the line out of the README by this pattern; it must find the second command."""
    pattern = re.search(r"grep -m 1 -E '(.*)' README.md", CI)
    assert pattern is not None
    found = [line.strip() for line in README.splitlines() if re.search(pattern[1], line)]
    assert found[:1] == commands()[1:2]


def test_every_file_that_the_readme_names_is_there() -> None:
    if not (ROOT / "LICENSE").exists():
        pytest.skip("these tests run outside a clone")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert missing == []
