"""Where a training stands between two steps, as tensors by name, so that it can go on elsewhere with the same bits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

State = dict[str, Tensor]


@dataclass(frozen=True)
class Validation:
    """One point of the learning curve. `iteration` counts all steps taken; losses are per image.

    `steps_left` is how many steps follow at least, if no later validation is better.
    """

    iteration: int
    learning_rate: float
    train_loss: float
    val_loss: float
    val_corr: float
    is_best: bool
    steps_left: int


@dataclass
class Standing:
    """How far a training is, and the best state that it had.

    iteration: steps whose effect the weights hold; steps_taken: those included that were taken back.
    failures: validations without a new best, in this stage. best: weights and optimiser, empty without a best.
    """

    stage: int = 0
    failures: int = 0
    iteration: int = 0
    steps_taken: int = 0
    best_iteration: int = 0
    best_loss: float = math.inf
    best: State = field(default_factory=dict)
    curve: list[Validation] = field(default_factory=list)

    def state_dict(self) -> State:
        counts = {name: torch.tensor(getattr(self, name)) for name in COUNTS}
        points = [dataclasses.astuple(point) for point in self.curve]
        curve = torch.tensor(points, dtype=torch.float64).reshape(len(points), len(POINT))
        best_loss = torch.tensor(self.best_loss, dtype=torch.float64)
        return counts | {"best_loss": best_loss, "curve": curve} | prefixed("best.", self.best)

    @classmethod
    def from_state(cls, state: State) -> Standing:
        counts = {name: int(state[name]) for name in COUNTS}
        curve = [
            Validation(**{point.name: CASTS[point.type](value) for point, value in zip(POINT, row, strict=True)})
            for row in state["curve"].tolist()
        ]
        return cls(**counts, best_loss=float(state["best_loss"]), best=under("best.", state), curve=curve)


COUNTS = ("stage", "failures", "iteration", "steps_taken", "best_iteration")
POINT = dataclasses.fields(Validation)
CASTS: dict = {"int": int, "float": float, "bool": bool}  # by the annotations, which are strings here


def prefixed(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def under(prefix: str, state: State) -> State:
    """What `prefixed` was given."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """Copies of what the optimiser holds of each parameter, as `0.m`, ..."""
    return {name: tensor.clone() for name, tensor in _tensors(optimizer).items()}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: State) -> None:
    """The optimiser's tensors stay where they are, if it has any: a captured step knows them by their place."""
    tensors = _tensors(optimizer)
    if tensors.keys() == state.keys():
        for name, tensor in state.items():
            tensors[name].copy_(tensor)
        return
    held: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        index, _, kind = name.partition(".")
        held.setdefault(int(index), {})[kind] = tensor.clone()
    optimizer.load_state_dict({"state": held, "param_groups": optimizer.state_dict()["param_groups"]})


def _tensors(optimizer: torch.optim.Optimizer) -> State:
    """What the optimiser holds of each parameter, by number and name."""
    return {
        f"{index}.{name}": tensor
        for index, held in optimizer.state_dict()["state"].items()
        for name, tensor in held.items()
    }
