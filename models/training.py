"""Training with early stopping in stages, as the original does it.

Every `val_steps` steps the Poisson loss of the validation set is taken; the best state is kept. After
`patience` validations without a new best, that state comes back, optimiser included, and the next stage goes
on with a tenth of the learning rate. Source: Ecker et al., ICLR 2019, section 3.4. A cosine schedule and AdamW
stand beside that.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import evaluation
from models.data import Data
from models.model import CorePlusReadoutModel, poisson_loss
from models.optimizers import optimizer_named
from models.schedules import schedule_named

MAX_SEED = 2**32 - 1


class TrainingDivergedError(ValueError):
    """No validation loss of a training was finite."""


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


@dataclass(frozen=True)
class TrainingResult:
    """What `Trainer.fit` gives. `num_iterations` leaves out the steps that were taken back, as in the original.

    test_corr: (neurons,), correlation with the mean over repeats of the test set.
    """

    num_iterations: int
    val_loss: float
    test_corr: np.ndarray
    curve: list[Validation]


class Trainer:
    """Trains a model on data.

    Everything random (start values of a fresh model, order of the minibatches, shifts, dropout) follows from
    `seed`, 0 to 2³² - 1; no global state is read or changed. The model moves to `device` and `dtype`.
    """

    def __init__(
        self,
        model: CorePlusReadoutModel,
        data: Data,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ValueError(f"seed is {seed}; allowed is 0 to {MAX_SEED}")
        self._order = np.random.RandomState(seed)  # the original's order of minibatches
        if model.fresh:
            model.initialize(seed, data, self._order)
        self.model = model.to(device, dtype)
        self.data = data.to(device, dtype)
        self._noise = torch.Generator().manual_seed(seed)

    def fit(
        self,
        val_steps: int = 50,
        learning_rate: float = 0.002,
        batch_size: int = 256,
        patience: int = 5,
        lr_decay_steps: int = 2,
        max_iter: int | None = None,
        map_dropout: float = 0.0,
        max_shift: int = 0,
        optimizer: str = "adam",
        weight_decay: float = 0.0,
        schedule: str = "stages",
        progress: Callable[[Validation], None] = lambda _: None,
    ) -> TrainingResult:
        """Train until each of `lr_decay_steps` stages has stopped, or for `max_iter` steps.

        map_dropout: share of the core's maps that a training image is read without.
        max_shift: largest shift of a training image in pixels, along either axis.
        optimizer, weight_decay: 'adam' or 'adamw' (see `models.optimizers`).
        schedule: 'stages', or 'cosine' over `max_iter` steps (see `models.schedules`).
        progress: called at each validation.

        When `max_iter` ends the training in stages, the weights are those of the last step, as in the original;
        after a cosine they are the best ones.
        """
        if batch_size > len(self.data.train_images):
            raise ValueError(
                f"batch_size is {batch_size}; allowed is at most the {len(self.data.train_images)} training images"
            )
        self.optimizer = optimizer_named(optimizer, self.model.parameters(), weight_decay)
        rates = schedule_named(schedule, learning_rate, lr_decay_steps, max_iter)
        batches = self._minibatches(batch_size)
        best_loss, best_state, best_iteration = math.inf, None, 0
        curve: list[Validation] = []
        iteration, steps_taken = 0, 0
        for stage in range(rates.num_stages):
            failures = 0
            while failures < patience and (max_iter is None or iteration < max_iter):
                rate = rates.rate(stage, iteration)
                train_loss = self._step(next(batches), rate, map_dropout, max_shift)
                iteration, steps_taken = iteration + 1, steps_taken + 1
                if iteration % val_steps:
                    continue
                val_loss, val_corr = evaluation.validate(self.model, self.data)
                improved = val_loss < best_loss
                failures = 0 if improved else failures + 1
                if improved:
                    best_loss, best_state, best_iteration = val_loss, self._state(), iteration
                steps_left = ((rates.num_stages - stage) * patience - failures) * val_steps
                curve.append(
                    Validation(
                        iteration=steps_taken,
                        learning_rate=rate,
                        train_loss=float(train_loss),
                        val_loss=val_loss,
                        val_corr=val_corr,
                        is_best=improved,
                        steps_left=steps_left if max_iter is None else min(steps_left, max_iter - iteration),
                    )
                )
                progress(curve[-1])
            if best_state is None and curve:
                raise TrainingDivergedError(
                    f"the validation loss was {curve[-1].val_loss} at each of {len(curve)} validations; "
                    f"a learning rate below {learning_rate:g} may help"
                )
            if best_state is not None and (failures == patience or rates.keeps_best):
                self._restore(best_state)
                iteration = best_iteration
        return TrainingResult(iteration, best_loss, evaluation.test_correlation(self.model, self.data), curve)

    def _step(self, rows: np.ndarray, rate: float, map_dropout: float, max_shift: int) -> Tensor:
        self.model.train()
        images, responses = self.data.train_images[rows], self.data.train_responses[rows]
        if max_shift:
            images = self._shifted(images, max_shift)
        kernels = self.model.core.kernels()
        maps = self.model.core(images, kernels)
        if map_dropout:
            kept = torch.rand(maps.shape[:2], generator=self._noise) >= map_dropout
            maps = maps * (kept.to(maps) / (1 - map_dropout))[:, :, None, None]
        penalty = self.model.core.regularizer(kernels) + self.model.readout.regularizer()
        loss = poisson_loss(self.model.readout(maps), responses) + penalty
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        return loss.detach()

    def _shifted(self, images: Tensor, max_shift: int) -> Tensor:
        """Each image moved by its own whole number of pixels; what enters is a repeat of the border."""
        height, width = images.shape[2:]
        shifts = torch.randint(-max_shift, max_shift + 1, (2, len(images), 1), generator=self._noise)
        rows = (torch.arange(height) + shifts[0]).clamp(0, height - 1).to(images.device)
        columns = (torch.arange(width) + shifts[1]).clamp(0, width - 1).to(images.device)
        which = torch.arange(len(images), device=images.device)[:, None, None]
        return images[which, 0, rows[:, :, None], columns[:, None, :]][:, None]

    def _minibatches(self, batch_size: int) -> Iterator[np.ndarray]:
        """Rows of the training set, a permutation each epoch; the incomplete rest of an epoch is dropped."""
        count = len(self.data.train_images)
        while True:
            permutation = self._order.permutation(count)
            for start in range(0, count - batch_size + 1, batch_size):
                yield permutation[start : start + batch_size]

    def _state(self) -> dict[str, dict]:
        return copy.deepcopy({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()})

    def _restore(self, state: dict[str, dict]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
