"""The kernel files, one family each. Import only as `nnkit.kernels`."""
