"""Adapters to the port `nnkit.backend`, one folder each. Import only as `nnkit.backends`."""
