"""Rows for `nnkit/nn/pool.py`."""

from __future__ import annotations

from tests.cases.layers.conv import beside_rows
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
beside = beside_rows(layers)
CASES = layers.cases

beside("MaxPool1d", real(2, 3, 7), 2)
beside("MaxPool1d", real(3, 8), 3, 2, 1, 2)
beside("MaxPool2d", real(2, 3, 6, 5), 2)
beside("MaxPool2d", real(3, 6, 5), (3, 2), stride=2, padding=1, ceil_mode=True)
beside("MaxPool2d", real(2, 3, 7, 9).transposed, (2, 3), (1, 2), (1, 1), 2)
beside("AvgPool1d", real(2, 3, 7), 2)
beside("AvgPool1d", real(3, 8), 3, 2, 1, True, False)
beside("AvgPool2d", real(2, 3, 6, 5), (2, 3), padding=(0, 1))
beside("AvgPool2d", real(2, 3, 6, 5), 3, 2, 1, True)
beside("AvgPool2d", real(3, 6, 7), 3, 2, 1, ceil_mode=True, count_include_pad=False)
beside("AvgPool2d", real(2, 3, 7, 5), 3, 3, 1, True, divisor_override=5)
beside("AdaptiveAvgPool1d", real(2, 3, 7), 3)
beside("AdaptiveAvgPool1d", real(3, 6), 1)
beside("AdaptiveAvgPool2d", real(2, 3, 6, 5), 1)
beside("AdaptiveAvgPool2d", real(3, 6, 5), (4, None))
