"""Under construction."""
from nnkit.backend import DeviceReport
from nnkit.errors import BackendUnavailable

def open(device=None, *, auto=False):
    raise BackendUnavailable("opencl", "not written yet")

def survey() -> list[DeviceReport]:
    return []
