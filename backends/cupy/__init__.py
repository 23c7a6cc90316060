"""Under construction."""
from nnkit.backend import DeviceReport
from nnkit.errors import BackendUnavailable

def open(device=None, *, auto=False):
    raise BackendUnavailable("cupy", "not written yet")

def survey() -> list[DeviceReport]:
    return []
