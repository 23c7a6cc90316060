"""Rows for `nnkit/nn/conv.py` and `nnkit/nn/conv_transpose.py`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import Input, real


def quietly(layer: Any, x: Any) -> Any:
    """PyTorch warns of the copies that it makes for padding='same' with even kernels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same'")
        return layer(x)


def beside_rows(layers: Layers) -> Callable[..., None]:
    """Adds rows of our layer and of PyTorch's, made with the same arguments."""

    def beside(name: str, x: Input, *sizes: Any, training: bool = True, **options: Any) -> None:
        layers.row(
            lambda: getattr(nn, name)(*sizes, **options),
            x,
            peer=lambda torch: getattr(torch.nn, name)(*sizes, **options),
            peer_call=quietly,
            training=training,
        )

    return beside


layers = Layers()
beside = beside_rows(layers)
CASES = layers.cases

beside("Conv1d", real(2, 3, 8), 3, 4, 3)
beside("Conv1d", real(3, 8), 3, 4, 3, stride=2, padding=1)
beside("Conv1d", real(2, 4, 7), 4, 6, 4, padding="same", dilation=1, groups=2)
beside("Conv1d", real(2, 3, 8).transposed, 3, 4, 2, padding="valid", dilation=3, bias=False)
beside("Conv2d", real(2, 3, 6, 5), 3, 4, 3)
beside("Conv2d", real(3, 6, 5), 3, 4, (3, 2), stride=(1, 2), padding=(2, 1))
beside("Conv2d", real(2, 3, 6, 5), 3, 4, (4, 3), padding="same")
beside("Conv2d", real(2, 3, 6, 5), 3, 4, 2, padding="same", dilation=(3, 2), bias=False)
beside("Conv2d", real(2, 4, 7, 5), 4, 8, 3, 2, 1, 2, 4)
beside("Conv2d", real(0, 3, 6, 5), 3, 4, 3)
beside("ConvTranspose1d", real(2, 3, 5), 3, 4, 3)
beside("ConvTranspose1d", real(4, 5), 4, 6, 4, 3, 1, 2, 2)
beside("ConvTranspose2d", real(2, 3, 4, 3), 3, 4, 3, stride=2, padding=1, output_padding=1)
beside("ConvTranspose2d", real(2, 4, 4, 3), 4, 6, (3, 2), 1, (2, 0), groups=2, dilation=2)
beside("ConvTranspose2d", real(3, 4, 3), 3, 4, (2, 3), (2, 1), bias=False)
