"""The command line as a user meets it: each test starts a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nnkit
from nnkit.examples import programs
from tests.sites import make_site, run_in

HOME = Path(nnkit.__file__).parents[1]
"""Where nnkit was imported from: the clone, or site-packages."""


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `nnkit ARGUMENTS`, with these environment variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NNKIT_")}
    environment |= {"NNKIT_BACKEND": "numpy", "PYTHONWARNINGS": "error"} | variables
    environment["PYTHONPATH"] = os.pathsep.join([str(HOME), environment.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "nnkit.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_a_demo_run_prints_the_result_and_saves_the_plot(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: there are no digits")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: nothing to draw with")
    picture = tmp_path / "curves.png"
    ran = command("demo", "digits", "--epochs", "3", "--plot", str(picture))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.search(r"^training on numpy \(.*, cpu\): NNKIT_BACKEND=numpy$", ran.stdout, re.M)
    assert re.search(r"^test accuracy: 0\.\d{4}$", ran.stdout, re.M)
    assert "confusion table" in ran.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [picture]


def test_a_demo_in_auto_says_why_not_a_gpu() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: there are no digits")
    ran = command("demo", "digits", "--epochs", "1", NNKIT_BACKEND="")
    assert ran.returncode == 0
    first, *rest = ran.stdout.splitlines()
    assert first.endswith(": NNKIT_BACKEND is not set: auto")
    if first.startswith("training on numpy"):
        assert [line.partition(":")[0] for line in rest[:2]] == ["  not on cupy", "  not on opencl"]


def test_demo_lists_the_programs() -> None:
    ran = command("demo")
    assert ran.returncode == 0
    for name, module in programs().items():
        line = (module.__doc__ or "").partition("\n")[0]
        assert re.search(rf"^{name} +{re.escape(line)}$", ran.stdout, re.M)
    assert {"digits", "digits-published"} <= set(programs())


def test_help_and_version() -> None:
    assert command("--version").stdout.strip() == f"nnkit {nnkit.__version__}"
    shown = command("demo", "digits", "--help").stdout
    for option in ("backend", "epochs", "batch-size", "seed", "hidden", "split", "plot", "lr"):
        assert f"--{option}" in shown


def test_info_names_the_backend_in_use() -> None:
    ran = command("info")
    assert ran.returncode == 0
    assert "numpy" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["demo", "digits", "--backend", "opncl"], 1, "Did you mean 'opencl'"),
        (["demo", "digits", "--epochs", "0"], 2, "must be a whole number from 1, got '0'"),
        (["demo", "digits", "--hidden", "64,x"], 2, "must be a whole number from 1, got 'x'"),
        (["demo", "digits", "--split", "other"], 2, "invalid choice: 'other'"),
        (
            ["demo", "digits", "--lr", "-1", "--epochs", "1"],
            1,
            "Adam: lr must be at least 0, got -1",
        ),
        (["demo", "digts"], 2, "invalid choice: 'digts'"),
        ([], 2, "COMMAND"),
    ],
)
def test_mistakes_are_explained_in_a_line(arguments: list[str], status: int, text: str) -> None:
    ran = command(*arguments)
    assert ran.returncode == status
    assert text in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_misspelt_variable_is_explained() -> None:
    ran = command("demo", "digits", "--epochs", "1", NNKIT_BACKEND="opncl")
    assert ran.returncode == 1
    assert ran.stderr.startswith("nnkit: NNKIT_BACKEND: unknown backend 'opncl'")
    assert "Did you mean 'opencl'" in ran.stderr


@pytest.mark.parametrize(
    ("package", "extra", "options"),
    [
        ("sklearn", "examples", ["--epochs", "1"]),
        ("matplotlib", "plot", ["--epochs", "1", "--plot", "a.png"]),
    ],
)
def test_a_missing_package_names_its_extra(
    tmp_path: Path, package: str, extra: str, options: list[str]
) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: there are no digits")
    site = make_site(tmp_path, without=(package, "mpl_toolkits"))
    script = f"from nnkit.cli import main; sys.exit(main({['demo', 'digits', *options]}))"
    ran = run_in(site, script, tmp_path / "home", {"NNKIT_BACKEND": "numpy"})
    assert ran.code == 1
    (line,) = ran.err
    assert line.endswith(f"is not installed. Fix: pip install 'nnkit[{extra}]'.")
