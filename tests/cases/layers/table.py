"""What a row of the table of layers holds, and how its layer is made and run on a backend."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

import nnkit
from nnkit import nn
from nnkit.backend import Backend
from nnkit.tensor import Tensor
from tests.cases.table import Input, _describe
from tests.running import weights

Host = np.ndarray


@dataclass(frozen=True)
class LayerCase:
    """One row. `inputs` holds an `Input`, or any other value for an argument that is no tensor."""

    make: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    peer: Callable[[ModuleType], Any] | None = None
    """Makes PyTorch's layer of the same sizes, from the module `torch`."""
    oracle: Callable[..., Any] | None = None
    """Takes the state_dict and the inputs, all float64 NumPy, and gives the result (or a tuple)."""
    call: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)
    """How the layer is called, where that is not with the inputs alone."""
    peer_call: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)
    """How PyTorch's layer is called, where its arguments are others."""
    training: bool = True
    gradient: bool = True
    """Whether gradients exist and are compared."""
    tolerance: float = 1.0
    """How many times the policy's tolerance this case may take; `reason` says why."""
    reason: str = ""
    keys: bool = True
    """Whether PyTorch's layer has the same state_dict."""
    note: str = ""
    """Tells rows of one layer with equal inputs apart."""

    def __post_init__(self) -> None:
        assert (self.tolerance != 1.0) == bool(self.reason), (
            "a tolerance and its reason go together"
        )
        assert self.peer or self.oracle, "a row needs something to compare with"

    def __str__(self) -> str:
        layer = self.layer()
        own = f"{type(layer).__name__}({layer.extra_repr()})"
        inputs = ", ".join(_describe(x) for x in self.inputs)
        mode = "" if self.training else " eval"
        return f"{own} of {inputs}{mode}{' ' if self.note else ''}{self.note}"

    @property
    def name(self) -> str:
        return type(self.layer()).__name__

    def layer(self, dtype: str = "float32") -> nn.Module:
        """The layer with the same first values each time, on the backend in use."""
        nnkit.manual_seed(7)
        return self.make().astype(dtype).train(self.training)

    def draw(self) -> list[Any]:
        """The inputs' values on the host, always the same for one row."""
        generator = np.random.default_rng(zlib.crc32(repr(self.inputs).encode()))
        return [x.draw(generator) if isinstance(x, Input) else x for x in self.inputs]

    def run(self, layer: nn.Module, backend: Backend, values: list[Any], dtype: str) -> Run:
        """Call the layer and go back through the weighted sum of what it gives."""
        given = [
            Tensor(x.place(backend, v, dtype), backend, x.differentiable and self.gradient)
            if isinstance(x, Input)
            else v
            for x, v in zip(self.inputs, values, strict=True)
        ]
        nnkit.manual_seed(11)  # of layers that draw random numbers
        outputs = list(flat(self.call(layer, *given)))
        if self.gradient:
            total: Any = 0.0
            for y in outputs:
                if "float" in str(y.dtype):
                    w = weights(y.shape).astype(dtype)
                    total = (y * nnkit.tensor(w, backend=backend)).sum() + total
            total.backward()
        named = {n: p for n, p in layer.named_parameters() if p.requires_grad}
        tensors = {f"input {i}": t for i, t in enumerate(given) if isinstance(t, Tensor)}
        gradients = {
            name: t.grad.numpy() if t.grad is not None else np.zeros(t.shape)
            for name, t in {**tensors, **named}.items()
            if t.requires_grad
        }
        buffers = {name: b.numpy() for name, b in layer.named_buffers()}
        return Run([y.numpy() for y in outputs], gradients, buffers)


@dataclass(frozen=True)
class Run:
    """What a call left: results, gradients and buffers, on the host."""

    outputs: list[Host]
    gradients: dict[str, Host]
    buffers: dict[str, Host]


def flat(outputs: Any) -> Iterator[Any]:
    """The tensors in nested tuples, one after the other; None is left out."""
    if isinstance(outputs, tuple | list):
        for part in outputs:
            yield from flat(part)
    elif outputs is not None:
        yield outputs


class Layers:
    """Collects the rows of one family."""

    def __init__(self) -> None:
        self.cases: list[LayerCase] = []

    def row(self, make: Callable[[], nn.Module], *inputs: Any, **about: Any) -> None:
        """Add a row: `row(lambda: nn.Linear(7, 5), real(4, 7), peer=lambda torch: ...)`."""
        self.cases.append(LayerCase(make, inputs, **about))
