"""The probe: a device that is listed is not yet a device that works."""

from __future__ import annotations

import numpy as np

from nnkit.backends.cupy.backend import CupyBackend
from nnkit.dispatch import OPS

TOLERANCE = 1e-5


def attempt(index: int) -> tuple[CupyBackend | None, str]:
    """The backend of a device that passed its probe, or None and why it did not."""
    try:
        backend = CupyBackend(index)
        problem = probe(backend)
    except Exception as error:  # whatever it is, the device is of no use
        text = (str(error).strip().splitlines() or [""])[0]
        return None, f"the test kernel failed: {type(error).__name__}: {text}"
    return (None, problem) if problem else (backend, "")


def probe(backend: CupyBackend) -> str:
    """Compile and run softmax and a product on a device; '' if the numbers are right.

    Softmax is one of our kernels, built by NVRTC; the product goes to cuBLAS.
    """
    x = np.linspace(-3, 3, 28, dtype=np.float32).reshape(4, 7)
    exponents = np.exp(x.astype(np.float64))
    expected = exponents / exponents.sum(-1, keepdims=True)
    on_device = backend.asarray(x)
    softmax = backend.override("softmax")
    if softmax is None:
        return "it has no fused softmax"
    y, _ = softmax(backend.xp, on_device, needs=(False,))
    product, _ = OPS["matmul"].composed(backend.xp, on_device, y.T, needs=(False, False))
    if not np.allclose(backend.to_numpy(y), expected, rtol=TOLERANCE, atol=0):
        return "the test kernel gave wrong numbers"
    if not np.allclose(backend.to_numpy(product), x @ expected.T, rtol=0, atol=TOLERANCE):
        return "the test product gave wrong numbers"
    return ""
