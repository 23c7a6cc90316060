"""The models that are timed, as a user of nnkit writes them."""

from __future__ import annotations

from collections.abc import Callable

from bench.tasks import Arrays, Task
from nnkit import Tensor, nn, ops, optim

Loss = Callable[[Tensor, Tensor], Tensor]


def network(task: Task) -> nn.Sequential:
    """Linear layers with ReLU between them; XOR has a sigmoid after each."""
    layers: list[nn.Module] = []
    for _, inputs, outputs in task.layers:
        layers.append(nn.Linear(inputs, outputs, bias=not task.is_xor))
        layers.append(nn.Sigmoid() if task.is_xor else nn.ReLU())
    return nn.Sequential(*(layers if task.is_xor else layers[:-1]))


def loss(task: Task) -> Loss:
    """Half the summed squared error for XOR, else the mean cross-entropy."""
    if task.is_xor:
        return lambda output, y: 0.5 * ops.mse_loss(output, y, reduction="sum")
    return nn.CrossEntropyLoss()


def optimizer(task: Task, model: nn.Module) -> optim.Optimizer:
    """SGD or Adam over the model."""
    make = {"sgd": optim.SGD, "adam": optim.Adam}[task.optimizer]
    return make(model.parameters(), lr=task.lr)


def weights(arrays: Arrays) -> Arrays:
    """What `load_state_dict` takes."""
    return {name: array for name, array in arrays.items() if name not in ("x", "y")}
