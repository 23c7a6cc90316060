"""nnkit's own steps, recorded and replayed; the option is the backend.

With `repeat` before it, the loop over steps is nnkit's too, as in a loop that was written by hand.
"""

from __future__ import annotations

import os

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
    """The model of `bench.models` in `nnkit.compile`, as a user writes it."""
    os.environ["NNKIT_FALLBACK"] = "error"  # what runs elsewhere must not be timed as this backend

    import nnkit
    from bench import models
    from nnkit.backend import label

    try:
        how, _, name = option.rpartition(" ")
        backend = nnkit.use(name).backend
    except nnkit.BackendUnavailable as error:
        raise Absent(str(error)) from None
    model, criterion = models.network(task), models.loss(task)
    models.load(model, arrays)
    optimizer = models.optimizer(task, model)
    x, y = nnkit.tensor(arrays["x"]), nnkit.tensor(arrays["y"])

    @nnkit.compile
    def step(x: nnkit.Tensor, y: nnkit.Tensor) -> None:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    def run(steps: int) -> None:
        if how == "repeat":
            step.repeat(steps, x, y)
        else:
            for _ in range(steps):
                step(x, y)
        backend.synchronize()
        if step.reason:
            raise RuntimeError(f"the step is not replayed: {step.reason}")

    def loss() -> float:
        with nnkit.no_grad():
            return criterion(model(x), y).item()

    return Runner(run, loss, f"nnkit {nnkit.__version__} on {label(backend)}")
