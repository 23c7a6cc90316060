"""Rows for `nnkit/nn/norm.py`."""

from __future__ import annotations

from tests.cases.layers.conv import beside_rows
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
beside = beside_rows(layers)
CASES = layers.cases

for training in (True, False):
    beside("BatchNorm1d", real(5, 3), 3, training=training)
    beside("BatchNorm1d", real(4, 3, 5), 3, 0.1, None, training=training)
    beside("BatchNorm2d", real(4, 3, 5, 2), 3, momentum=0.3, training=training)
    beside("BatchNorm2d", real(4, 3, 1, 2).transposed, 3, bias=False, training=training)
    beside("BatchNorm2d", real(4, 3, 2, 1), 3, affine=False, training=training)
    beside("BatchNorm1d", real(4, 3), 3, track_running_stats=False, training=training)

beside("LayerNorm", real(4, 7), 7)
beside("LayerNorm", real(2, 3, 5).transposed, (3, 5), 0.1)
beside("LayerNorm", real(2, 3, 5), [5], bias=False)
beside("LayerNorm", real(2, 3, 5), 5, elementwise_affine=False)
beside("GroupNorm", real(3, 4, 5), 2, 4)
beside("GroupNorm", real(3, 6, 2, 4).strided, 3, 6, 0.1)
beside("GroupNorm", real(3, 4), 1, 4, bias=False)
beside("GroupNorm", real(3, 4, 3), 4, 4, affine=False)
beside("RMSNorm", real(4, 7), 7)
beside("RMSNorm", real(2, 3, 5).transposed, (3, 5), 0.1)
beside("RMSNorm", real(2, 3, 5), 5, elementwise_affine=False)
