"""tinygrad on OpenCL: its TinyJit over one step.

It takes the first platform of the system's libOpenCL; OPENCL_PATH names another library to it.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
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
    if isinstance(task, Chain) and any(kind == "lstm" for kind, *_ in task.parts):
        raise Absent("tinygrad has no LSTM over a sequence")
    params = {n: Tensor(array).realize() for n, array in arrays.items() if n not in ("x", "y")}
    kind = optim.Adam if task.optimizer == "adam" else optim.SGD
    optimizer = kind(list(params.values()), lr=task.lr)

    @TinyJit
    def step() -> Any:
        with training():
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


def training() -> Any:
    """What its optimizers want to be called in; the way of writing it has changed with 0.14."""
    from tinygrad import Tensor, helpers

    if hasattr(Tensor, "train"):
        return Tensor.train()
    return helpers.Context(TRAINING=1)


def loss_of(task: Task | Chain, params: Any, x: Any, y: Any) -> Any:
    """The loss of the batch."""
    if isinstance(task, Chain):
        from bench.peers import tinygrad_chain

        return tinygrad_chain.loss(task, params, x, y)
    for place, *_ in task.layers:
        bias = () if task.is_xor else (params[f"{place}.bias"],)
        x = x.linear(params[f"{place}.weight"].T, *bias)
        if task.is_xor:
            x = x.sigmoid()
        elif place < 2 * (len(task.layers) - 1):
            x = x.relu()
    if task.is_xor:
        return 0.5 * ((x - y) ** 2).sum()
    return x.sparse_categorical_crossentropy(y)
