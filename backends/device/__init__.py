"""Fused overrides shared by every backend that runs our kernels, by family as in `nnkit/ops`."""

from nnkit.backends.device.launcher import Grid, Launcher, grid

__all__ = ["Grid", "Launcher", "grid"]
