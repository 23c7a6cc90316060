"""What is installed, what it exports, and the examples in its docstrings."""

from __future__ import annotations

import doctest
import pkgutil
import sysconfig
import tomllib
from importlib import import_module
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

import nnkit
from nnkit import backends, kernels

CLONE = Path(__file__).parents[1]
OPTIONAL = {"cupy", "pyopencl", "matplotlib", "safetensors", "scipy", "sklearn"}
FOLDERS = {
    "nnkit": nnkit.__path__[:1],  # in a clone the second is the clone itself
    "nnkit.backends": backends.__path__,
    "nnkit.kernels": kernels.__path__,
}


def modules() -> list[str]:
    """Every module of the package, whether the folders lie as in a clone or as installed."""
    found = set(FOLDERS)
    for name, path in FOLDERS.items():
        found |= {module.name for module in pkgutil.walk_packages(path, f"{name}.")}
    return sorted(found)


MODULES = modules()


def imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        if error.name and error.name.partition(".")[0] in OPTIONAL:
            pytest.skip(f"{error.name} is not installed")
        raise


def test_the_modules_of_all_folders_are_found() -> None:
    found = {"nnkit.tensor", "nnkit.ops.matmul", "nnkit.backends.numpy.threads", "nnkit.kernels"}
    assert found <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    module = imported(name)
    with nnkit.use("numpy"):
        result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples failed"


def test_the_package_has_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [t for m in ("nnkit.autograd", "nnkit.errors") for t in finder.find(imported(m))]
    assert sum(len(test.examples) for test in examples) >= 3


@pytest.mark.parametrize("name", MODULES)
def test_what_is_exported_is_there(name: str) -> None:
    module = imported(name)
    exported = getattr(module, "__all__", [])
    assert all(hasattr(module, item) for item in exported)
    assert len(set(exported)) == len(exported)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    text = imported(name).__doc__
    assert text, f"{name} has no docstring"
    assert text.strip().partition("\n")[0].endswith((".", ":")), f"{name}: {text!r}"


def test_the_version_is_that_of_the_changelog() -> None:
    path = CLONE / "CHANGELOG.md"
    if not path.exists():
        pytest.skip("these tests run outside a clone")
    assert nnkit.__version__ in path.read_text(encoding="utf-8")


def test_every_folder_with_code_is_packaged() -> None:
    """setuptools takes the packages from a list; one that is forgotten would miss in the wheel."""
    settings = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    packages = {name for name in MODULES if hasattr(imported(name), "__path__")}
    assert packages == set(listed)


def test_the_extras_are_those_of_the_readme() -> None:
    settings = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(settings["project"]["optional-dependencies"])
    devices = {"opencl", "opencl-cpu", "cuda12", "cuda13"}
    assert extras == {*devices, "examples", "plot", "safetensors", "scipy", "test"}
    text = (CLONE / "README.md").read_text(encoding="utf-8")
    named = {extra for extra in extras if f"[{extra}]" in text or f"`{extra}`" in text}
    assert named == extras


@pytest.fixture
def installed_files() -> list[PurePosixPath]:
    # By the folder, because a clone where pip built has metadata of its own, and comes first.
    found = list(distributions(name="nnkit", path=[sysconfig.get_path("purelib")]))
    if not found:
        pytest.skip("nnkit is not installed: the tests run from a clone")
    files = found[0].files or []
    paths = [PurePosixPath(str(file)) for file in files]
    if any(path.name.startswith("__editable__") for path in paths):
        pytest.skip("nnkit is installed as editable")
    return paths


def test_only_nnkit_lands_in_site_packages(installed_files: list[PurePosixPath]) -> None:
    tops = {path.parts[0] for path in installed_files if path.parts[0] != ".."}
    assert "nnkit" in tops
    assert {top for top in tops - {"nnkit"} if not top.endswith(".dist-info")} == set()
    assert any(path.name in ("nnkit", "nnkit.exe") for path in installed_files), "no command"


def test_the_kernel_files_are_installed(installed_files: list[PurePosixPath]) -> None:
    sources = {p.name for p in Path(kernels.__file__).parent.iterdir() if p.suffix in (".cl", ".h")}
    assert "elementwise.cl" in sources
    installed = {p.name for p in installed_files if p.parent.as_posix() == "nnkit/kernels"}
    assert sources <= installed
    assert any(p.as_posix() == "nnkit/py.typed" for p in installed_files)


def test_the_command_is_the_packages_own() -> None:
    assert find_spec("nnkit.cli") is not None
