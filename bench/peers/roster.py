"""Who takes part: names, the file of each, and the option that it gets."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One column of the table."""

    module: str
    option: str
    title: str


OURS = {
    "numpy": Entry("ours", "numpy", "nnkit, NumPy"),
    "repeated": Entry("ours", "repeat numpy", "nnkit, NumPy, repeated"),
    "opencl": Entry("ours", "opencl", "nnkit, OpenCL"),
    "cupy": Entry("ours", "cupy", "nnkit, CUDA"),
}
PEERS = {
    "hand_numpy": Entry("hand_numpy", "", "NumPy by hand"),
    "torch": Entry("torch_steps", "eager", "PyTorch eager"),
    "torch_fused": Entry("torch_steps", "fused", "PyTorch fused"),
    "torch_compile": Entry("torch_steps", "compile", "torch.compile"),
    "jax": Entry("jax_jit", "", "JAX jit"),
    "sklearn": Entry("sklearn_mlp", "", "scikit-learn"),
    "tinygrad": Entry("tinygrad_opencl", "", "tinygrad, OpenCL"),
}
