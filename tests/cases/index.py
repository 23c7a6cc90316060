"""Rows for `nnkit/ops/index.py`."""

from __future__ import annotations

from tests.cases.table import Family, exact, real, whole

family = Family()
row = family.row
CASES = family.cases


def getitem(x, key):
    return x[key]


def take(x, index, padding_idx=None):
    return x[index]


row("getitem", getitem, real(7), key=3)
row("getitem", getitem, real(4, 7), key=2)
row("getitem", getitem, real(4, 7), key=slice(1, 3))
row("getitem", getitem, real(4, 7), key=None)
row("getitem", getitem, real(4, 7), key=...)
row("getitem", getitem, real(4, 1), key=(slice(None), 0))
row("getitem", getitem, real(4, 7), key=(2, -1))
row("getitem", getitem, real(4, 7), key=(1, slice(None)))
row("getitem", getitem, real(4, 7), key=(slice(None), 5))
row("getitem", getitem, real(4, 7), key=(slice(1, 3), slice(None)))
row("getitem", getitem, real(4, 7), key=(slice(None, None, 2), slice(6, 0, -2)))
row("getitem", getitem, real(3, 4, 7), key=(..., 2))
row("getitem", getitem, real(3, 4, 7), key=(1, ..., slice(2, 6, 3)))
row("getitem", getitem, real(4, 7), key=(None, slice(1, 3), slice(None)))
row("getitem", getitem, real(4, 7), key=(slice(2, 2), slice(None)))
row("getitem", getitem, real(0, 7), key=(slice(None), 3))
row("getitem", getitem, real(4, 7).transposed, key=(slice(1, 4), slice(0, 5, 2)))
row("getitem", getitem, real(4, 7).strided, key=(slice(1, 4), 2))
row("getitem", getitem, real(4, 7).backwards, key=(0, ...))
row("getitem", getitem, whole(4, 7), key=(slice(1, 3), slice(2, 5)))

row("take", take, real(4, 7), exact([2, 0, 2, 3, 2], "int64"))
row("take", take, real(4, 7), exact([[1, 3, 0], [3, 3, 1]], "int32"))
row("take", take, real(4, 7), exact(2, "int64"))
row("take", take, real(5), exact([[4, 0, 4]], "int64"))
row("take", take, real(3, 2, 4), exact([-1, 0, -3, -1], "int64"))
row("take", take, real(4, 7).transposed, exact([3, 0, 3], "int64").backwards)
row("take", take, real(4, 7).strided, exact([[3, 0, 3]], "int64").strided)
row("take", take, real(1, 1), exact([0, 0, 0], "int64"))
row("take", take, real(4, 7), whole(0, 3))
row("take", take, real(4, 0), exact([2, 0, 1], "int64"))
row("take", take, real(1000, 64), whole(64, 32, low=0, high=1000), time_=True)
