"""Python environments with a package missing or a fault put in: folders of links, run alone.

Nothing is pretended: what a test leaves out is really not there, and a broken driver is a real file
that really does not load.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

import nnkit

NEVER = ("*.pth", "__editable__*", "__pycache__", "nnkit", "nnkit-*", "easy-install*")
START = "import sys; sys.path.insert(0, {site!r})\n"
KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


def make_site(folder: Path, without: tuple[str, ...] = ()) -> Path:
    """A site-packages folder with links to what is installed here, except what `without` matches.

    It stands as deep as a real one, so that no wheel's files are found through `..` by chance.
    """
    site = folder / "lib" / "python" / "site-packages"
    site.mkdir(parents=True)
    for place in map(Path, sys.path):
        if place.name in ("site-packages", "dist-packages"):
            for entry in place.iterdir():
                if not any(fnmatch(entry.name, pattern) for pattern in (*NEVER, *without)):
                    _link(site / entry.name, entry)
    package = Path(nnkit.__file__).parent
    _link(site / "nnkit", package)
    for part in ("backends", "kernels"):  # beside nnkit in a clone, inside it when installed
        if not (package / part).is_dir():
            _link(site / part, package.parent / part)
    return site


def _link(link: Path, target: Path) -> None:
    if not link.exists():
        link.symlink_to(target.resolve())


def own_copy(site: Path, package: str) -> Path:
    """Replace the link to a package by a folder of links, to which files can be added."""
    target = (site / package).resolve()
    (site / package).unlink()
    shutil.copytree(target, site / package, copy_function=os.symlink)
    return site / package


@dataclass(frozen=True)
class Run:
    """What a script printed and how it ended."""

    code: int
    out: list[str]
    err: list[str]


def run_in(site: Path, script: str, home: Path, variables: Mapping[str, str]) -> Run:
    """Run a script with nothing but `site` and the standard library, and an empty home folder."""
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(home), "NNKIT_CACHE_DIR": str(home / "nnkit-cache"), **variables}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", START.format(site=str(site)) + script],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


def compiled_library(folder: Path, name: str, code: str) -> Path:
    """A shared library made from C code by this machine's compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("this machine has no C compiler to make a faulty driver with")
    source, library = folder / f"{name}.c", folder / f"lib{name}.so"
    source.write_text(code)
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def vendors_folder(folder: Path, **libraries: Path | str) -> Path:
    """A folder of `.icd` files, each of which names a library."""
    folder.mkdir()
    for name, library in libraries.items():
        (folder / f"{name}.icd").write_text(f"{library}\n")
    return folder
