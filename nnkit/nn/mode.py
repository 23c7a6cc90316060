"""Training or only using: set for a while, and set back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnkit.nn.module import Module


@contextmanager
def mode(model: Module, *, training: bool) -> Iterator[None]:
    """Set train or eval mode, and afterwards each module's mode from before."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was
