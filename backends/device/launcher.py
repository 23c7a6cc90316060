"""What the fused overrides ask of a device: launch a kernel of our files on its arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nnkit.typing import Array, DType, Shape

Grid = tuple[tuple[int, ...], tuple[int, ...]]
"""Number of work-groups and work-items per group, in each dimension."""
GROUP = 256
"""Work-items in a group on a GPU: a multiple of every vendor's SIMD width."""


class Launcher(Protocol):
    """One device, as the overrides see it; OpenCL and CuPy each have one."""

    name: str
    """The backend, 'opencl' or 'cupy'."""
    cpu: bool
    """Whether the device is a processor: then few work-items with contiguous chunks are best."""
    compute_units: int
    max_group: int

    def launch(
        self,
        family: str,
        kernel: str,
        groups: tuple[int, ...],
        items: tuple[int, ...],
        *args: Any,
        **defines: str | int,
    ) -> None:
        """Enqueue `kernel` of `kernels/<family>.cl`, built with `defines`, on `groups` x `items`.

        `args` are arrays and numbers in the order of the kernel's own arguments, without the
        offsets `x_at`; numbers are cast to the kernel's types. Arrays are contiguous unless the
        kernel handles strides. CPU is defined by the launcher.

        Raises:
            KernelUnavailable: when it cannot be built or its launch is refused before it ran.
            DeviceError: when it failed after it had started.
        """

    def empty(self, shape: Shape, dtype: DType) -> Array:
        """A new array whose contents are whatever was there."""


def grid(launcher: Launcher, n: int) -> Grid:
    """The launch for a FOR_EACH over n elements."""
    if launcher.cpu:
        # Two chunks per core even out cores of unequal speed; a chunk is 16 elements at least.
        return (max(1, min(2 * launcher.compute_units, math.ceil(n / 16))),), (1,)
    group = min(GROUP, launcher.max_group)
    enough = 32 * launcher.compute_units  # fills every unit; the loop does the rest
    return (max(1, min(math.ceil(n / group), enough)),), (group,)
