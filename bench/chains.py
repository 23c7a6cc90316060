"""The larger models that are timed, as chains of parts: each library builds the same from them.

A part is its kind and its sizes, and its position is its name in a Sequential:

    conv inputs outputs side        padding side // 2, square
    conv_plain inputs outputs side  the same without bias, before a batch norm
    norm channels                   batch norm of planes
    relu, pool, flatten             pool: the largest of 2x2
    linear inputs outputs
    lstm inputs hidden              time first
    last                            the output of the last step
    encoder width heads inner       Transformer encoder layer, batch first, without dropout
    mean                            over the tokens
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]
Part = tuple[Any, ...]
CLASSES = 10


@dataclass(frozen=True)
class Chain:
    """One training step of a chain of parts; mean cross-entropy of ten classes, Adam.

    Attributes:
        shape: of the batch 'x'.
        batch_axis: of `shape`, where the samples stand.
        lr: small where a few steps would learn the batch by heart; the loss that is left then shows
            what each library's sums round. (The VGG-like model at 1e-3, nnkit on OpenCL beside
            PyTorch: their losses differ by up to 3e-3 of the loss in the first nine steps in
            float32, and by 2e-13 in float64.)
    """

    name: str
    title: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...]
    batch_axis: int = 0
    optimizer: str = "adam"
    lr: float = 1e-3
    is_xor: bool = False

    @property
    def batch(self) -> int:
        return self.shape[self.batch_axis]

    def __str__(self) -> str:
        return f"{self.name}: {self.title}, batch {self.batch}, {self.optimizer}"

    def arrays(self, seed: int = 0) -> Arrays:
        """The batch 'x', 'y', and first weights under PyTorch's names and in its layout."""
        rng = np.random.default_rng(seed)
        made = {"x": rng.normal(size=self.shape).astype(np.float32)}
        made["y"] = rng.integers(0, CLASSES, self.batch)
        for place, (kind, *sizes) in enumerate(self.parts):
            for name, (shape, bound) in STORED.get(kind, nothing)(*sizes).items():
                drawn = np.ones(shape) if bound is None else rng.uniform(-bound, bound, shape)
                made[f"{place}.{name}"] = drawn.astype(np.float32)
        return made


Stored = dict[str, tuple[tuple[int, ...], float | None]]
"""Shape of each weight and the bound of its uniform draw; None for ones."""


def nothing(*sizes: int) -> Stored:
    """A part without weights."""
    return {}


def weight(*shape: int) -> Stored:
    """A weight, outputs first, drawn as PyTorch draws it."""
    return {"weight": (shape, float(np.prod(shape[1:])) ** -0.5)}


def linear(inputs: int, outputs: int) -> Stored:
    """`nn.Linear`."""
    return {**weight(outputs, inputs), "bias": ((outputs,), inputs**-0.5)}


def conv_plain(inputs: int, outputs: int, side: int) -> Stored:
    """`nn.Conv2d` without bias."""
    return weight(outputs, inputs, side, side)


def conv(inputs: int, outputs: int, side: int) -> Stored:
    """`nn.Conv2d`."""
    return {**conv_plain(inputs, outputs, side), "bias": ((outputs,), inputs**-0.5 / side)}


def norm(channels: int) -> Stored:
    """Scale and shift of a norm as it starts."""
    return {"weight": ((channels,), None), "bias": ((channels,), 0.0)}


def lstm(inputs: int, hidden: int) -> Stored:
    """`nn.LSTM`: the four gates one below the other."""
    bound = hidden**-0.5
    return {
        "weight_ih_l0": ((4 * hidden, inputs), bound),
        "weight_hh_l0": ((4 * hidden, hidden), bound),
        "bias_ih_l0": ((4 * hidden,), bound),
        "bias_hh_l0": ((4 * hidden,), bound),
    }


def encoder(width: int, heads: int, inner: int) -> Stored:
    """`nn.TransformerEncoderLayer`."""
    parts = {
        "self_attn.out_proj": linear(width, width),
        "linear1": linear(width, inner),
        "linear2": linear(inner, width),
        "norm1": norm(width),
        "norm2": norm(width),
    }
    found = {f"{part}.{name}": what for part, held in parts.items() for name, what in held.items()}
    found["self_attn.in_proj_weight"] = ((3 * width, width), width**-0.5)
    found["self_attn.in_proj_bias"] = ((3 * width,), 0.0)
    return found


STORED = {
    "linear": linear, "conv": conv, "conv_plain": conv_plain, "norm": norm, "lstm": lstm,
    "encoder": encoder,
}  # fmt: skip


def vgg(inputs: int, channels: tuple[int, ...], side: int) -> tuple[Part, ...]:
    """Pairs of 3x3 convolutions with batch norm and ReLU, pooling after each pair, a Linear."""
    parts: list[Part] = []
    for k, outputs in enumerate(channels):
        parts += [("conv_plain", inputs, outputs, 3), ("norm", outputs), ("relu",)]
        parts += [("pool",)] * (k % 2)
        inputs = outputs
    left = side // 2 ** (len(channels) // 2)
    return (*parts, ("flatten",), ("linear", inputs * left * left, CLASSES))


def lenet(channels: tuple[int, int], side: int, hidden: int) -> tuple[Part, ...]:
    """Two 5x5 convolutions with ReLU and pooling, and two Linear."""
    first, second = channels
    return (
        ("conv", 1, first, 5), ("relu",), ("pool",),
        ("conv", first, second, 5), ("relu",), ("pool",), ("flatten",),
        ("linear", second * (side // 4) ** 2, hidden), ("relu",), ("linear", hidden, CLASSES),
    )  # fmt: skip


def recurrent(inputs: int, hidden: int) -> tuple[Part, ...]:
    """An LSTM, and a Linear of its last output."""
    return (("lstm", inputs, hidden), ("last",), ("linear", hidden, CLASSES))


def attentive(width: int, heads: int, inner: int) -> tuple[Part, ...]:
    """One encoder layer, and a Linear of the mean of its tokens."""
    return (("encoder", width, heads, inner), ("mean",), ("linear", width, CLASSES))


LARGER = (
    Chain("lenet", "1x28x28, 32-64 channels, 3136-512-10", (64, 1, 28, 28),
          lenet((32, 64), 28, 512)),
    Chain("vgg", "3x32x32, 32-32-64-64-128-128 channels", (64, 3, 32, 32),
          vgg(3, (32, 32, 64, 64, 128, 128), 32), lr=1e-4),
    Chain("lstm", "64 steps, 64 inputs, 256 hidden", (64, 64, 64), recurrent(64, 256),
          batch_axis=1),
    Chain("transformer", "width 256, 4 heads, 1024, 128 tokens", (16, 128, 256),
          attentive(256, 4, 1024)),
)  # fmt: skip

TINY = (
    Chain("tiny_conv", "1x8x8, 4-6 channels", (5, 1, 8, 8), lenet((4, 6), 8, 7)),
    Chain("tiny_vgg", "2x8x8, 4-4-6-6 channels", (5, 2, 8, 8), vgg(2, (4, 4, 6, 6), 8)),
    Chain("tiny_lstm", "7 steps, 3 inputs, 6 hidden", (7, 5, 3), recurrent(3, 6), batch_axis=1),
    Chain("tiny_transformer", "width 8, 2 heads, 12, 7 tokens", (5, 7, 8), attentive(8, 2, 12)),
)  # fmt: skip
"""The same parts small, to see that the libraries agree."""
