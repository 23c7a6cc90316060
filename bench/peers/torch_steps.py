"""PyTorch on the processor; the option is 'eager', 'fused' (its fused optimizers) or 'compile'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
    """The usual loop; 'compile' compiles forward and loss, and the optimizer's step."""
    try:
        import torch
    except ImportError:
        raise Absent("PyTorch is not installed") from None
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    x, y = tensors.pop("x"), tensors.pop("y")
    model = network(task)
    missing, unknown = model.load_state_dict(tensors, strict=False)
    assert not unknown, unknown
    assert all("running" in name or "tracked" in name for name in missing), missing
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


def network(task: Task | Chain) -> Any:
    """The same modules as in `bench.models`."""
    from torch import nn

    if isinstance(task, Chain):
        parts = kinds(nn)
        return nn.Sequential(*(parts[kind](*sizes) for kind, *sizes in task.parts))
    layers: list[Any] = []
    for _, inputs, outputs in task.layers:
        layers.append(nn.Linear(inputs, outputs, bias=not task.is_xor))
        layers.append(nn.Sigmoid() if task.is_xor else nn.ReLU())
    return nn.Sequential(*(layers if task.is_xor else layers[:-1]))


def kinds(nn: Any) -> dict[str, Callable[..., Any]]:
    """Each kind of part of a chain."""

    class Last(nn.Module):  # type: ignore[misc]
        def forward(self, outputs: Any) -> Any:
            return outputs[0][-1]

    class Mean(nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x.mean(1)

    return {
        "conv": lambda i, o, side: nn.Conv2d(i, o, side, padding=side // 2),
        "conv_plain": lambda i, o, side: nn.Conv2d(i, o, side, padding=side // 2, bias=False),
        "norm": nn.BatchNorm2d,
        "relu": nn.ReLU,
        "pool": lambda: nn.MaxPool2d(2),
        "flatten": nn.Flatten,
        "linear": nn.Linear,
        "lstm": nn.LSTM,
        "last": Last,
        "encoder": lambda width, heads, inner: nn.TransformerEncoderLayer(
            width, heads, inner, dropout=0.0, batch_first=True
        ),
        "mean": Mean,
    }
