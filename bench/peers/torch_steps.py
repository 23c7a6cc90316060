"""PyTorch on the processor; the option is 'eager', 'fused' (its fused optimizers) or 'compile'."""

from __future__ import annotations

from typing import Any

from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task, arrays: Arrays, option: str) -> Runner:
    """The usual loop; 'compile' compiles forward and loss, and the optimizer's step."""
    try:
        import torch
    except ImportError:
        raise Absent("PyTorch is not installed") from None
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    x, y = tensors.pop("x"), tensors.pop("y")
    model = network(task)
    model.load_state_dict(tensors)
    kind = torch.optim.Adam if task.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(
        model.parameters(), lr=task.lr, **({"fused": True} if option == "fused" else {})
    )

    def loss_of(x: Any, y: Any) -> Any:
        output = model(x)
        if task.is_xor:
            return 0.5 * torch.nn.functional.mse_loss(output, y, reduction="sum")
        return torch.nn.functional.cross_entropy(output, y)

    compiled = option == "compile"
    criterion = torch.compile(loss_of) if compiled else loss_of
    descend = torch.compile(optimizer.step) if compiled else optimizer.step

    def run(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            criterion(x, y).backward()
            descend()

    def loss() -> float:
        with torch.no_grad():
            return float(loss_of(x, y))

    return Runner(run, loss, f"PyTorch {torch.__version__}")


def network(task: Task) -> Any:
    """The same modules as in `bench.models`."""
    from torch import nn

    layers: list[Any] = []
    for _, inputs, outputs in task.layers:
        layers.append(nn.Linear(inputs, outputs, bias=not task.is_xor))
        layers.append(nn.Sigmoid() if task.is_xor else nn.ReLU())
    return nn.Sequential(*(layers if task.is_xor else layers[:-1]))
