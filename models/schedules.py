"""How the learning rate goes down over a training."""

from __future__ import annotations

import math
from dataclasses import dataclass

STAGE_DECAY = 0.1


@dataclass(frozen=True)
class Stages:
    """A tenth of the learning rate from one stage to the next; early stopping ends a stage, as in the original."""

    learning_rate: float
    num_stages: int
    keeps_best = False  # where a limit of steps ends the training, the weights are the last ones

    def rate(self, stage: int, iteration: int) -> float:
        return self.learning_rate * STAGE_DECAY**stage


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the learning rate down to zero at `max_iter` steps. Source: Loshchilov & Hutter, ICLR 2017."""

    learning_rate: float
    max_iter: int
    num_stages = 1
    keeps_best = True

    def rate(self, stage: int, iteration: int) -> float:
        return self.learning_rate * (1 + math.cos(math.pi * iteration / self.max_iter)) / 2


def schedule_named(name: str, learning_rate: float, lr_decay_steps: int, max_iter: int | None) -> Stages | Cosine:
    """'stages' or 'cosine'; the latter needs `max_iter` and takes no `lr_decay_steps`."""
    if name == "stages":
        return Stages(learning_rate, lr_decay_steps)
    if name != "cosine":
        raise ValueError(f"schedule is {name!r}; allowed are 'stages', 'cosine'")
    if max_iter is None:
        raise ValueError("max_iter is None; schedule 'cosine' needs the number of steps over which the rate falls")
    return Cosine(learning_rate, max_iter)
