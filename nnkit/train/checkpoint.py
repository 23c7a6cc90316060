"""Checkpoints: a model and its optimizer in one file, to go on training from there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nnkit import saving
from nnkit.nn import Module
from nnkit.nn.state import Host
from nnkit.optim import Optimizer
from nnkit.saving import File

MODEL, OPTIMIZER = "model.", "optimizer."


def save_checkpoint(
    file: File, model: Module, optimizer: Optimizer | None = None, **numbers: Any
) -> None:
    """Write a model, its optimizer's state and a few numbers to one safetensors file, whole.

    Args:
        file: its name must end in '.safetensors'.
        model: parameters and buffers, under 'model.' and their names.
        optimizer: its options and state; the arrays lie under 'optimizer.'.
        numbers: more to keep, such as the epoch: numbers, texts, lists and dictionaries of them.

    Raises:
        ImportError: without the package `safetensors` (`pip install 'nnkit[safetensors]'`).
        TypeError: for numbers that JSON does not know.

    >>> import nnkit, tempfile
    >>> from nnkit import nn, optim
    >>> model = nn.Linear(3, 2)
    >>> optimizer = optim.Adam(model.parameters(), lr=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = f"{folder}/last.safetensors"
    ...     save_checkpoint(file, model, optimizer, epoch=7)
    ...     load_checkpoint(file, model, optimizer)
    {'epoch': 7}
    """
    arrays: dict[str, Host] = {MODEL + name: v for name, v in model.state_dict().items()}
    state = None if optimizer is None else _packed(optimizer.state_dict(), OPTIMIZER, arrays)
    texts = {"optimizer": _text("optimizer", state), "numbers": _text("numbers", numbers)}
    saving.write("save_checkpoint", arrays, file, texts)


def load_checkpoint(
    file: File, model: Module, optimizer: Optimizer | None = None
) -> dict[str, Any]:
    """Put a model and its optimizer back to where `save_checkpoint` found them.

    The optimizer must be over the parameters of a model built in the same way; without one, that
    part of the file is passed over. On any backend, whatever the file was written on.

    Returns:
        The numbers that were saved with them.

    Raises:
        ValueError: for a file that is no checkpoint or holds no optimizer, or where names or shapes
            differ, which are listed; then nothing is changed.

    >>> import tempfile
    >>> from nnkit import nn, train
    >>> model = nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     train.save_checkpoint(f"{folder}/a.safetensors", model, best=0.5)
    ...     train.load_checkpoint(f"{folder}/a.safetensors", nn.Linear(3, 2))
    {'best': 0.5}
    """
    arrays, texts = saving.read("load_checkpoint", file)
    if "numbers" not in texts:
        raise ValueError(
            f"load_checkpoint: '{file}' is no checkpoint. Fix: model.load(file) for weights alone."
        )
    state = json.loads(texts["optimizer"])
    if optimizer is not None and state is None:
        raise ValueError(f"load_checkpoint: '{file}' was saved without an optimizer")
    weights = {n.removeprefix(MODEL): v for n, v in arrays.items() if n.startswith(MODEL)}
    before = model.state_dict()
    model.load_state_dict(weights)
    try:
        if optimizer is not None:
            optimizer.load_state_dict(_unpacked(state, arrays))
    except Exception:
        model.load_state_dict(before)
        raise
    numbers: dict[str, Any] = json.loads(texts["numbers"])
    return numbers


def _text(what: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except TypeError as error:
        raise TypeError(
            f"save_checkpoint: {what} must be made of numbers, texts, lists and dictionaries "
            f"({error}). Fix: tensor.item(), array.tolist()."
        ) from None


# JSON knows neither arrays nor tuples, and its keys are texts: each gets a dictionary that says so.


def _packed(tree: Any, name: str, arrays: dict[str, Host]) -> Any:
    """The tree for JSON; its arrays go into `arrays` under names that say where they were."""
    if isinstance(tree, np.ndarray | np.generic):
        arrays[name := name.rstrip(".")] = np.asarray(tree)
        return {"array": name}
    if isinstance(tree, dict):
        parts = [[key, _packed(value, f"{name}{key}.", arrays)] for key, value in tree.items()]
        return {"dict": parts}
    if isinstance(tree, list | tuple):
        parts = [_packed(value, f"{name}{i}.", arrays) for i, value in enumerate(tree)]
        return {"tuple": parts} if isinstance(tree, tuple) else parts
    return tree


def _unpacked(tree: Any, arrays: dict[str, Host]) -> Any:
    """The tree that `_packed` was given."""
    if isinstance(tree, list):
        return [_unpacked(part, arrays) for part in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "array":
        return arrays[content]
    if kind == "tuple":
        return tuple(_unpacked(part, arrays) for part in content)
    return {key: _unpacked(value, arrays) for key, value in content}
