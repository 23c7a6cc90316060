"""The models that are timed, as a user of nnkit writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.chains import Chain
from bench.tasks import Arrays, Task
from nnkit import Tensor, nn, ops, optim

AVERAGES = ("running_mean", "running_var", "num_batches_tracked")
Loss = Callable[[Tensor, Tensor], Tensor]


def network(task: Task | Chain) -> nn.Sequential:
    """Linear layers with ReLU between them; XOR has a sigmoid after each. Or the chain's parts."""
    if isinstance(task, Chain):
        return nn.Sequential(*(PARTS[kind](*sizes) for kind, *sizes in task.parts))
    layers: list[nn.Module] = []
    for _, inputs, outputs in task.layers:
        layers.append(nn.Linear(inputs, outputs, bias=not task.is_xor))
        layers.append(nn.Sigmoid() if task.is_xor else nn.ReLU())
    return nn.Sequential(*(layers if task.is_xor else layers[:-1]))


def loss(task: Task | Chain) -> Loss:
    """Half the summed squared error for XOR, else the mean cross-entropy."""
    if task.is_xor:
        return lambda output, y: 0.5 * ops.mse_loss(output, y, reduction="sum")
    return nn.CrossEntropyLoss()


def optimizer(task: Task | Chain, model: nn.Module) -> optim.Optimizer:
    """SGD or Adam over the model."""
    make = {"sgd": optim.SGD, "adam": optim.Adam}[task.optimizer]
    return make(model.parameters(), lr=task.lr)


def weights(arrays: Arrays) -> Arrays:
    """What `load_state_dict` takes."""
    return {name: array for name, array in arrays.items() if name not in ("x", "y")}


def load(model: nn.Module, arrays: Arrays) -> None:
    """First weights into the model; batch norm's running averages start as they are made."""
    missing, unknown = model.load_state_dict(weights(arrays), strict=False)
    wrong = [name for name in missing if not name.endswith(AVERAGES)] + list(unknown)
    assert not wrong, f"another model than its weights: {wrong}"


class Last(nn.Module):
    """The output of the last step, time first."""

    def forward(self, outputs: tuple[Tensor, Any]) -> Tensor:
        return outputs[0][-1]


class Mean(nn.Module):
    """The mean over the tokens, batch first."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


PARTS: dict[str, Callable[..., nn.Module]] = {
    "conv": lambda inputs, outputs, side: nn.Conv2d(inputs, outputs, side, padding=side // 2),
    "conv_plain": lambda inputs, outputs, side: nn.Conv2d(
        inputs, outputs, side, padding=side // 2, bias=False
    ),
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
"""Each kind of part of a chain."""
