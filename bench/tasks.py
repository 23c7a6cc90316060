"""The training steps that are timed: sizes, data, first weights. No library is imported but NumPy.

Each `Task` is a perceptron that learns one batch again and again, in float32. XOR is the published
one: sigmoid after every layer, no biases, 0.5 sum((output - y)^2). The others have ReLU between
their layers, biases, and the mean cross-entropy of class numbers. Larger models are in `chains`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.chains import LARGER, TINY, Arrays, Chain


@dataclass(frozen=True)
class Task:
    """One training step.

    Attributes:
        widths: of the layers, inputs first.
        optimizer: 'sgd' or 'adam', with the usual betas and eps.
        is_xor: sigmoids, no biases, half the summed squared error.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    optimizer: str
    lr: float
    is_xor: bool = False

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.widths))
        return f"{self.name}: {sizes}, batch {self.batch}, {self.optimizer}"

    @property
    def layers(self) -> list[tuple[int, int, int]]:
        """Position among the modules of a Sequential, inputs and outputs of each Linear."""
        return [(2 * k, *pair) for k, pair in enumerate(pairwise(self.widths))]

    def arrays(self, seed: int = 0) -> Arrays:
        """The batch 'x', 'y', and first weights under PyTorch's names and in its layout."""
        rng = np.random.default_rng(seed)
        made = {"x": rng.random((self.batch, self.widths[0]), np.float32)}
        made["y"] = rng.integers(0, self.widths[-1], self.batch)
        if self.is_xor:
            made["x"] = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float32)
            made["y"] = np.array([[0], [1], [1], [0]], np.float32)
        for place, inputs, outputs in self.layers:
            bound = 1.0 if self.is_xor else 1.0 / np.sqrt(inputs)
            weight = rng.uniform(-bound, bound, (outputs, inputs))
            made[f"{place}.weight"] = weight.astype(np.float32)
            if not self.is_xor:
                bias = rng.uniform(-bound, bound, outputs)
                made[f"{place}.bias"] = bias.astype(np.float32)
        return made


PERCEPTRONS = {
    task.name: task
    for task in (
        Task("xor", (3, 4, 1), 4, "sgd", 1.0, is_xor=True),
        Task("digits", (64, 50, 10), 100, "sgd", 0.1),
        Task("small", (784, 128, 10), 64, "adam", 1e-3),
        Task("medium", (784, 512, 512, 10), 128, "adam", 1e-3),
        Task("large", (784, 1024, 1024, 10), 512, "adam", 1e-3),
    )
}
TIMED: dict[str, Task | Chain] = {**PERCEPTRONS, **{chain.name: chain for chain in LARGER}}
TASKS: dict[str, Task | Chain] = {
    **TIMED,
    **{chain.name: chain for chain in TINY},
    "tiny": Task("tiny", (5, 7, 3), 4, "adam", 1e-3),
}
"""All that a worker can be asked for; those with 'tiny' in the name only show that all agree."""
