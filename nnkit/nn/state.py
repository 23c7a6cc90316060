"""A module's values on the host: `state_dict`, and how it is loaded back."""

from __future__ import annotations

import difflib
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnkit.dtypes import dtype_name
from nnkit.nn.parameter import Buffer, Parameter
from nnkit.nn.parts import Parts
from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


class Keys(NamedTuple):
    """What `load_state_dict(strict=False)` left alone."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Stateful(Parts):
    """Parts whose values can be taken out and put back, under PyTorch's names."""

    def state_dict(self) -> OrderedDict[str, Host]:
        """A copy of every parameter and persistent buffer on the host, under PyTorch's names.

        The copies are plain NumPy arrays that load on any backend.
        """
        return OrderedDict((name, t.numpy().copy()) for name, t in self._saved())

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Keys:
        """Write saved values into the parameters and buffers, in place.

        Args:
            state_dict: names to NumPy arrays, or tensors of any backend.
            strict: raise when names are missing or unexpected, rather than passing over them.

        Raises:
            ValueError: lists every missing or unexpected name and wrong shape; nothing is changed.

        >>> from nnkit import nn
        >>> nn.Linear(3, 2).load_state_dict({"wieght": [[1.0, 2.0, 3.0]] * 2, "bias": [1.0, 2.0]})
        Traceback (most recent call last):
            ...
        ValueError: load_state_dict of Linear: missing: weight; unexpected: wieght (did you mean ...
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                "load_state_dict: wants a mapping of names to arrays, got "
                f"{type(state_dict).__name__}. Fix: model.load(path) for a file."
            )
        mine = OrderedDict(self._saved())
        missing = [name for name in mine if name not in state_dict]
        unexpected = [name for name in state_dict if name not in mine]
        values = {n: host(state_dict[n]) for n in mine if n in state_dict}
        problems = [
            f"{name} must have the shape {mine[name].shape}, got {value.shape}"
            for name, value in values.items()
            if value.shape != mine[name].shape
        ]
        if strict:
            problems += _differences(missing, unexpected)
        if problems:
            raise ValueError(f"load_state_dict of {type(self).__name__}: {'; '.join(problems)}")
        for name, value in values.items():
            target = mine[name]
            target.data[...] = target.backend.asarray(value.astype(dtype_name(target.dtype)))
            target.version += 1
        return Keys(missing, unexpected)

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the `state_dict` to a safetensors file: see `nnkit.save`.

        >>> import tempfile
        >>> from nnkit import nn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.Linear(3, 2).save(f"{folder}/layer.safetensors")
        ...     nn.Linear(3, 2).load(f"{folder}/layer.safetensors")
        Keys(missing_keys=[], unexpected_keys=[])
        """
        from nnkit import saving  # not above: it knows modules

        saving.write("save", self.state_dict(), file)

    def load(self, file: str | os.PathLike[str], strict: bool = True) -> Keys:
        """Read a safetensors or .npz file, and do as `load_state_dict` does."""
        from nnkit import saving

        return self.load_state_dict(saving.read("load", file)[0], strict)

    def _saved(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        return (
            (n, t) for n, t in self._entries() if not (isinstance(t, Buffer) and not t.persistent)
        )


def _differences(missing: Sequence[str], unexpected: Sequence[str]) -> list[str]:
    """Which names differ, and for each unexpected one the missing one that was probably meant."""
    hinted = []
    for name in unexpected:
        match = difflib.get_close_matches(name, missing, n=1, cutoff=0.5)
        hinted.append(f"{name} (did you mean {match[0]}?)" if match else name)
    lists = {"missing": missing, "unexpected": hinted}
    return [f"{kind}: {', '.join(names)}" for kind, names in lists.items() if names]


def host(value: Any) -> Host:
    """The values on the host."""
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)
