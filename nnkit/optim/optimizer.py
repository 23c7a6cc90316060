"""What every optimizer shares: parameter groups, numbers kept on the device, saving and loading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from nnkit.ops import negative, update
from nnkit.optim.rate import Rate
from nnkit.optim.state import (
    State,
    Where,
    copy,
    host,
    loaded,
    scalar,
    share_counters,
    where,
    zeros_like,
)
from nnkit.recording import active
from nnkit.tensor import Tensor

Group: TypeAlias = dict[str, Any]


class Work(NamedTuple):
    """A parameter that is about to change, and what its change takes."""

    param: Tensor
    grad: Tensor
    state: State
    lr: Tensor


class Optimizer(ABC):
    """Changes parameters by their gradients: `zero_grad()`, `backward()`, `step()`.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        defaults: the options of groups that don't name them.

    Attributes:
        param_groups: one dict a group. Options may be changed between steps: a new 'lr' is uploaded
            at the next step.
        state: for each parameter its tensors, made in its first step.
        schedules: those that set the learning rate, in the order in which they were made.

    >>> import nnkit
    >>> from nnkit import optim
    >>> p = nnkit.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.SGD([p], lr=0.25)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (p * p).sum().backward()
    ...     optimizer.step()
    >>> p
    tensor([0.25, 0.5 ], dtype=float32, requires_grad=True)
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name}: params must be a list of tensors. Fix: [tensor]")
        self.defaults = defaults
        self.state: dict[Tensor, State] = {}
        self.param_groups: list[Group] = []
        self.schedules: list[Any] = []
        self._last: tuple[list[int], list[Tensor]] | None = None
        """The parameters of the last step, by id, and their step counters."""
        self._rates: dict[tuple[int, Where], Rate] = {}
        entries = list(params)
        if not entries:
            raise ValueError(
                f"{self._name}: got no parameters. Fix: model.parameters(), freshly called "
                "(it can be gone through once)."
            )
        for group in entries if isinstance(entries[0], dict) else [{"params": entries}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    # -- what subclasses say -------------------------------------------------------------------

    @abstractmethod
    def check(self, group: Group) -> None:
        """Refuse options that make no sense."""

    @abstractmethod
    def init(self, group: Group, param: Tensor) -> State:
        """The state of a parameter before its first step."""

    @abstractmethod
    def update(self, group: Group, work: Sequence[Work]) -> None:
        """One step of parameters of a group: many calls of the optimizer's update."""

    # -- parameters ----------------------------------------------------------------------------

    def add_param_group(self, group: Group) -> None:
        """Add parameters with options of their own: {'params': [...], 'lr': 0.1}."""
        unknown = sorted(set(group) - {"params", *self.defaults})
        if unknown or "params" not in group:
            raise ValueError(
                f"{self._name}: a group holds 'params' and any of {sorted(self.defaults)}, got "
                f"{sorted(group)}"
            )
        params = [group["params"]] if isinstance(group["params"], Tensor) else group["params"]
        made = {**self.defaults, **group, "params": list(params)}
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for position, p in enumerate(made["params"]):
            self._check_param(position, p, known)
            known.add(id(p))
        self.check(made)
        self.param_groups.append(made)

    def _check_param(self, position: int, p: Any, known: set[int]) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{self._name}: parameter {position} is a {type(p).__name__}, no tensor"
            )
        if not p.is_leaf:
            raise ValueError(f"{self._name}: parameter {position} is an op's result, not a leaf")
        if id(p) in known:
            raise ValueError(f"{self._name}: parameter {position} of shape {p.shape} came twice")

    def params(self) -> Iterator[Tensor]:
        """Every parameter of every group."""
        return (p for group in self.param_groups for p in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every gradient; with `set_to_none=False` it is 0, and takes part in the step."""
        for p in self.params():
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad = zeros_like(p)

    # -- the step ------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Change every parameter that has a gradient; reads nothing back from the device.

        Args:
            closure: computes the gradients first (zero_grad, loss, backward); its loss is returned.
        """
        loss = None if closure is None else closure()
        work = [
            (number, group, p)
            for number, group in enumerate(self.param_groups)
            for p in group["params"]
            if p.grad is not None
        ]
        for _, group, p in work:
            self._prepare(group, p)
        self._advance([p for _, _, p in work])
        together: dict[Any, list[Work]] = {}
        for number, group, p in work:
            grad = negative(p.grad) if group["maximize"] else p.grad
            item = Work(p, grad, self.state[p], self._lr(number, p))
            # The learning rate and the count of steps are one number for all that are done at once.
            together.setdefault((number, id(item.lr), id(item.state["step"])), []).append(item)
        for (number, *_), items in together.items():
            self.update(self.param_groups[number], items)
        return loss

    def _prepare(self, group: Group, p: Tensor) -> None:
        state = self.state.get(p)
        if state is None:
            self.state[p] = {"step": None, **self.init(group, p)}
            return
        counter = state["step"]
        if counter.backend is not p.backend or counter.dtype != p.dtype:  # the model was changed
            self.state[p] = loaded(self._name, 0, p, {k: host(v) for k, v in state.items()})
            share_counters(self.state)
            self._last = None

    def _advance(self, params: list[Tensor]) -> None:
        """Count the step, on the device, once for all parameters that have made the same steps."""
        ids = [id(p) for p in params]
        if self._last is None or self._last[0] != ids:
            self._last = ids, self._counters(params)
        for counter in self._last[1]:
            update.advance(counter)

    def _counters(self, params: list[Tensor]) -> list[Tensor]:
        """The counters of these parameters, shared with no parameter that stands still.

        Parameters that have made the same steps share a counter. One without a gradient stands
        still, so those that go on leave the counter to it and take a copy.
        """
        going = {id(p) for p in params}
        kept = {id(s["step"]) for p, s in self.state.items() if id(p) not in going}
        fresh: dict[Any, Tensor] = {}
        for p in params:
            state = self.state[p]
            counter = state["step"]
            if counter is None:
                state["step"] = fresh.setdefault(where(p), scalar(0.0, p))
            elif id(counter) in kept:
                state["step"] = fresh.setdefault(id(counter), copy(counter))
        return list({id(c): c for c in (self.state[p]["step"] for p in params)}.values())

    def _lr(self, number: int, p: Tensor) -> Tensor:
        """The learning rate on the parameter's device, uploaded when it has changed."""
        key = (number, where(p))
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = Rate(self, number, p)
        if active.session is not None:
            active.session.prepare(id(rate), rate.refresh)
        rate.refresh()
        return rate.tensor

    # -- saving --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Options and state on the host, parameters by their position, as PyTorch lays it out."""
        position = {id(p): i for i, p in enumerate(self.params())}
        groups = [
            {**group, "params": [position[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {
            position[id(p)]: {name: host(value) for name, value in s.items()}
            for p, s in self.state.items()
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, or PyTorch's did, for parameters in the same order.

        Raises:
            ValueError: when groups or shapes differ; nothing is changed then.
        """
        groups, sizes = state_dict["param_groups"], [len(g["params"]) for g in self.param_groups]
        if (got := [len(g["params"]) for g in groups]) != sizes:
            raise ValueError(
                f"{self._name}: load_state_dict needs groups of {sizes} parameters, got {got}"
            )
        params = list(self.params())
        made = {  # PyTorch's SGD keeps a velocity, but no count of steps
            params[i]: loaded(self._name, i, params[i], {"step": 1.0, **saved})
            for i, saved in state_dict["state"].items()
        }
        share_counters(made)
        self.state, self._last = made, None
        for mine, saved in zip(self.param_groups, groups, strict=True):
            mine.update({k: v for k, v in saved.items() if k in {*self.defaults, "initial_lr"}})

    def __repr__(self) -> str:
        options = [
            ", ".join(f"{k}={v}" for k, v in group.items() if k != "params")
            for group in self.param_groups
        ]
        return f"{self._name}({'; '.join(options)})"
