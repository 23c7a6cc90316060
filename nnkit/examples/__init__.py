"""Programs to run and to read: `nnkit demo` lists them, `nnkit demo NAME` runs one.

A program is a module here with a first line that says what it does, `add_arguments(parser)` and
`run(args)`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def programs() -> dict[str, ModuleType]:
    """The programs by the name they have on the command line."""
    modules = [import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return {
        module.__name__.rpartition(".")[2].replace("_", "-"): module
        for module in modules
        if hasattr(module, "run")
    }
