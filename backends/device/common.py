"""What the fused overrides share: which arrays they serve, and the grids for rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.launcher import GROUP, Grid, Launcher
from nnkit.dtypes import dtype_name

if TYPE_CHECKING:
    from nnkit.typing import Array

REALS = {"float32": "float", "float64": "double"}
"""The dtypes that the fused kernels compute in, and their names in a kernel."""
INTEGERS = {
    f"{kind}{bits}": f"{kind[0]}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
}
"""Integer dtypes, and their names in a kernel."""


def real_of(*arrays: Any) -> str | None:
    """The kernels' name of the one real dtype that all of these have, or None."""
    dtypes = {dtype_name(a.dtype) if hasattr(a, "dtype") else "none" for a in arrays}
    return REALS.get(dtypes.pop()) if len(dtypes) == 1 else None


def size(x: Array) -> int:
    """How many elements x has."""
    return math.prod(x.shape)


def row_grid(launcher: Launcher, rows: int, cols: int) -> tuple[Grid, dict[str, int]]:
    """The launch, and the defines, of a kernel that includes rows.h."""
    if launcher.cpu:
        return ((min(rows, 2 * launcher.compute_units),), (1,)), {}
    widest = 1 << (min(GROUP, launcher.max_group).bit_length() - 1)
    group = min(widest, max(32, 1 << (cols - 1).bit_length()))
    return ((min(rows, 64 * launcher.compute_units),), (group,)), {"GROUP": group}
