"""Weights in files: safetensors, which PyTorch and others read too and which runs no code."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnkit.errors import missing_extra
from nnkit.files import whole
from nnkit.nn.module import Module
from nnkit.nn.state import Host, host
from nnkit.version import __version__

File: TypeAlias = str | os.PathLike[str]
ENDING = ".safetensors"
KINDS = {"BOOL", "U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "BF16", "F16", "F32", "F64"}
"""What safetensors calls the dtypes that can be read."""


def save(weights: Module | Mapping[str, Any], file: File) -> None:
    """Write a model's parameters and buffers to a safetensors file, under PyTorch's names.

    It is written under another name and renamed, so that nobody meets half a file.
    `safetensors.torch.load_file` reads it.

    Args:
        weights: a model, or names to arrays or tensors, such as a `state_dict`.
        file: its name must end in '.safetensors'.

    Raises:
        ImportError: without the package `safetensors` (`pip install 'nnkit[safetensors]'`).
        ValueError: for another ending, a folder that does not exist, or values that are no numbers.

    >>> import nnkit, tempfile
    >>> from nnkit import nn
    >>> model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nnkit.save(model, f"{folder}/model.safetensors")
    ...     state = nnkit.load(f"{folder}/model.safetensors")
    >>> twin.load_state_dict(state)
    Keys(missing_keys=[], unexpected_keys=[])
    >>> bool((twin.weight == model.weight).numpy().all())
    True
    """
    write("save", weights.state_dict() if isinstance(weights, Module) else weights, file)


def load(file: File) -> dict[str, Host]:
    """The arrays in a safetensors file, or in an .npz file of NumPy's, by name.

    bfloat16 becomes float32, without a change of the numbers.

    Raises:
        ImportError: without the package `safetensors` (`pip install 'nnkit[safetensors]'`).
        FileNotFoundError: for no such file.
        ValueError: for a file of another kind, or a damaged one.

    >>> import nnkit, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nnkit.save({"a": nnkit.tensor([1.0, 2.0])}, f"{folder}/state.safetensors")
    ...     nnkit.load(f"{folder}/state.safetensors")
    {'a': array([1., 2.], dtype=float32)}
    """
    return read("load", file)[0]


def write(
    caller: str, arrays: Mapping[str, Any], file: File, metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays, and texts beside them, to a safetensors file."""
    if not isinstance(arrays, Mapping):
        raise TypeError(
            f"{caller}: wants a model or a mapping of names to arrays, got {type(arrays).__name__}"
        )
    if Path(file).suffix != ENDING:
        raise ValueError(f"{caller}: the file must end in {ENDING}, got '{file}'")
    ready = {name: np.asarray(host(values), order="C") for name, values in arrays.items()}
    for name, values in ready.items():
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{caller}: '{name}' must hold numbers, got {values.dtype}")
    about = {"format": "np", "nnkit": __version__, **(metadata or {})}
    with whole(caller, file) as path:
        _package().numpy.save_file(ready, path, metadata=about)


def read(caller: str, file: File) -> tuple[dict[str, Host], dict[str, str]]:
    """The arrays and the texts in a file."""
    if zipfile.is_zipfile(file):
        return _read_npz(caller, file), {}
    package = _package()
    try:
        with package.safe_open(file, framework="np") as content:
            kinds = {n: content.get_slice(n).get_dtype() for n in content.keys()}  # noqa: SIM118
            _check_kinds(caller, file, kinds)
            known = [name for name, kind in kinds.items() if kind != "BF16"]
            arrays = {name: content.get_tensor(name) for name in known}
            texts: dict[str, str] = content.metadata() or {}
    except package.SafetensorError as error:
        raise ValueError(
            f"{caller}: '{file}' is no safetensors file, or it is damaged ({error})"
        ) from None
    if len(known) < len(kinds):
        raw = dict(package.deserialize(Path(file).read_bytes()))
        arrays |= {name: _widened(raw[name]) for name in kinds if name not in arrays}
    return arrays, texts


def _check_kinds(caller: str, file: File, kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise ValueError(
                f"{caller}: '{file}' holds {kind} under '{name}', which NumPy does not have. Fix: "
                "convert it to F32 where the file was made."
            )


def _widened(raw: Mapping[str, Any]) -> Host:
    """bfloat16, which NumPy lacks, as float32: the same numbers, for it is the upper half."""
    upper = np.frombuffer(raw["data"], "<u2").astype(np.uint32) << 16
    return upper.view(np.float32).reshape(raw["shape"])


def _read_npz(caller: str, file: File) -> dict[str, Host]:
    with zipfile.ZipFile(file) as archive:
        others = [name for name in archive.namelist() if not name.endswith(".npy")]
    if others:
        raise ValueError(
            f"{caller}: '{file}' is an archive of other things than arrays ({others[0]}). Fix: for "
            "a file of torch.save, write it anew in PyTorch with safetensors.torch.save_file."
        )
    with np.load(file) as content:  # refuses pickled objects
        return dict(content)


def _package() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise missing_extra("safetensors", "saving and loading weights", "safetensors") from None
    return safetensors
