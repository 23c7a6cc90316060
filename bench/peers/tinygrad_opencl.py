"""tinygrad on OpenCL: its TinyJit over one step.

It takes the first platform of the system's libOpenCL; OPENCL_PATH names another library to it.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task, arrays: Arrays, option: str) -> Runner:
    """The usual loop of its examples."""
    os.environ.setdefault("DEV", "CL")
    try:
        from tinygrad import Device, Tensor, TinyJit
        from tinygrad.nn import optim
    except ImportError:
        raise Absent("tinygrad is not installed") from None
    try:
        Device[Device.DEFAULT]
    except Exception as error:
        raise Absent(f"tinygrad opens no OpenCL device: {error}") from None
    x, y = Tensor(arrays["x"]).realize(), Tensor(arrays["y"]).realize()
    params = [
        [Tensor(arrays[f"{p}.{n}"]).realize() for n in ("weight", "bias")[: 2 - task.is_xor]]
        for p, *_ in task.layers
    ]
    kind = optim.Adam if task.optimizer == "adam" else optim.SGD
    optimizer = kind([t for layer in params for t in layer], lr=task.lr)

    @TinyJit
    def step() -> Any:
        with Tensor.train():
            optimizer.zero_grad()
            loss_of(task, params, x, y).backward()
            return Tensor.realize(*optimizer.schedule_step())

    def run(steps: int) -> None:
        for _ in range(steps):
            step()
        Device[Device.DEFAULT].synchronize()

    return Runner(
        run,
        lambda: float(loss_of(task, params, x, y).item()),
        f"tinygrad {version('tinygrad')}",
    )


def loss_of(task: Task, params: Any, x: Any, y: Any) -> Any:
    """The loss of the batch."""
    for k, layer in enumerate(params):
        x = x.linear(layer[0].T, *layer[1:])
        if task.is_xor:
            x = x.sigmoid()
        elif k < len(params) - 1:
            x = x.relu()
    if task.is_xor:
        return 0.5 * ((x - y) ** 2).sum()
    return x.sparse_categorical_crossentropy(y)
