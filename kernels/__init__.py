"""The kernel files, one family each, and what their text says about itself.

Import only as `nnkit.kernels`. A kernel file is OpenCL C 1.2 in the dialect that `dialect.h`
describes; `opencl_as_cuda.h` lets NVRTC read the same file as CUDA. The names of kernels and the
names and types of their arguments are read from the text here, so they are written nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
FAMILIES = tuple(sorted(path.stem for path in FOLDER.glob("*.cl")))
"""The kernel files, without their ending."""

Defines = Mapping[str, str | int]
"""Macros by name; a name may carry parameters: {'real': 'float', 'OP(x)': 'exp(x)'}."""

_DTYPES = {
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "int": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "float": "float32",
    "double": "float64",
}
_NOT_PORTABLE = {"long", "ulong", "size_t", "bool", "unsigned", "signed", "short", "char"}
_SPACES = {"__global": "global", "__local": "local", "__constant": "constant"}
_KERNEL = re.compile(r"__kernel\s+(?:WORK_GROUP\s*\([^)]*\)\s*)?void\s+(\w+)\s*\(([^)]*)\)")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_INCLUDE = re.compile(r'\s*#include "(\w+\.h)"')
_VARIANTS = re.compile(r"^\s*//\s*variants:(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Arg:
    """One argument of a kernel, as its text declares it."""

    name: str
    ctype: str
    """The type of the value, or of what it points at, after the defines: 'float', 'i64', 'View'."""
    pointer: bool
    const: bool
    space: str
    """'global', 'local' or 'constant' for pointers, 'private' for values."""
    offset: bool
    """Whether it is the `x_at` of the pointer `x` before it, which the launcher fills."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the scalar or of the elements pointed at; None for a struct."""
        name = _DTYPES.get(self.ctype)
        return None if name is None else np.dtype(name)


@dataclass(frozen=True)
class Signature:
    """A kernel's arguments, in order."""

    name: str
    args: tuple[Arg, ...]

    @property
    def given(self) -> tuple[Arg, ...]:
        """The arguments that a caller passes: all but the offsets."""
        return tuple(arg for arg in self.args if not arg.offset)


@cache
def text(family: str) -> str:
    """The text of one family's file, as it stands."""
    return (FOLDER / f"{family}.cl").read_text(encoding="utf-8")


def source(family: str, defines: Defines | None = None) -> str:
    """A complete OpenCL source: the defines, the dialect's header, the family's file."""
    return assemble("dialect.h", f"{family}.cl", text(family), defines)


def cuda_source(family: str, defines: Defines | None = None) -> str:
    """The same file as CUDA, for NVRTC."""
    return assemble("opencl_as_cuda.h", f"{family}.cl", text(family), defines)


def assemble(header: str, name: str, body: str, defines: Defines | None) -> str:
    """Join defines, header and body; the #line marks make a build log name file and line.

    Defines stand in the text because drivers disagree on how to quote options with spaces.
    """
    lines = [f"#define {key} {value}" for key, value in (defines or {}).items()]
    return "\n".join([*lines, _include(header), _marked(name, body)])


def _marked(name: str, body: str) -> str:
    """A text with its #line mark, and the headers that it includes in their place."""
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate(body.splitlines(), start=1):
        included = _INCLUDE.match(line)
        lines += [_include(included[1]), f'#line {number + 1} "{name}"'] if included else [line]
    return "\n".join([*lines, ""])


@cache
def _include(header: str) -> str:
    return _marked(header, (FOLDER / header).read_text(encoding="utf-8"))


def signatures(family: str, defines: Defines | None = None) -> dict[str, Signature]:
    """Every kernel of a family with its arguments, types resolved through `defines`."""
    return read_signatures(text(family), defines)


def read_signatures(body: str, defines: Defines | None = None) -> dict[str, Signature]:
    """The kernels that a text defines.

    >>> body = "__kernel void f(__global const real *x, const i64 x_at, const i32 n) {}"
    >>> [(arg.name, arg.ctype) for arg in read_signatures(body, {"real": "float"})["f"].given]
    [('x', 'float'), ('n', 'i32')]

    Raises:
        ValueError: for an argument whose type differs between OpenCL and CUDA.
    """
    found = {}
    for match in _KERNEL.finditer(_COMMENT.sub(" ", body)):
        name, declared = match.groups()
        args: list[Arg] = []
        for part in declared.split(","):
            if part.strip() not in ("", "void"):
                args.append(_argument(name, part, args[-1] if args else None, defines or {}))
        found[name] = Signature(name, tuple(args))
    return found


def _argument(kernel: str, declared: str, before: Arg | None, defines: Defines) -> Arg:
    words = declared.replace("*", " * ").split()
    pointer, name = "*" in words, words[-1]
    space = next((_SPACES[word] for word in words if word in _SPACES), "private")
    qualifiers = {*_SPACES, "const", "restrict", "volatile", "*"}
    types = [word for word in words[:-1] if word not in qualifiers]
    ctype = _resolve(types[0], defines) if types else ""
    if len(types) != 1 or ctype in _NOT_PORTABLE:
        raise ValueError(
            f"kernel {kernel}: argument '{declared.strip()}' must have one type of known size. "
            "Fix: use i8 … i64, u8 … u64, float, double, real or a struct."
        )
    offset = before is not None and before.pointer and name == f"{before.name}_at"
    return Arg(name, ctype, pointer, "const" in words, space, offset)


def _resolve(ctype: str, defines: Defines) -> str:
    seen = {ctype}
    while ctype in defines and (ctype := str(defines[ctype]).strip()) not in seen:
        seen.add(ctype)
    return ctype


def variants(family: str) -> list[dict[str, str]]:
    """The sets of defines that a family is compiled with in the tests, from its head comment."""
    return read_variants(text(family))


def read_variants(body: str) -> list[dict[str, str]]:
    """The defines named by the `// variants:` lines of a text: commas between, `;` after each set.

    >>> read_variants("// variants: real=float,CPU=0; real=float,OP(a, b)=min(a, b)")
    [{'real': 'float', 'CPU': '0'}, {'real': 'float', 'OP(a, b)': 'min(a, b)'}]
    """
    found = []
    for line in _VARIANTS.findall(body):
        for item in line.split(";"):
            if item.strip():
                pairs = [pair.partition("=") for pair in _split(item)]
                found.append({key.strip(): value.strip() for key, _, value in pairs})
    return found


def _split(item: str) -> list[str]:
    """The parts between those commas that stand outside all parentheses."""
    return re.split(r",(?![^(]*\))", item)
