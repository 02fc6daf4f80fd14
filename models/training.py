"""Training with early stopping in stages, as the original does it.

Every `val_steps` steps the Poisson loss of the validation set is taken; the best state is kept. After
`patience` validations without a new best, that state comes back, optimiser included, and the next stage goes
on with a tenth of the learning rate. Source: Ecker et al., ICLR 2019, section 3.4. A cosine schedule and AdamW
stand beside that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import evaluation
from models.choices import MAX_SEED, check_fit
from models.data import Data
from models.early_stopping import EarlyStopping
from models.interrupts import deferred
from models.keeper import Keeper
from models.loading import Loader
from models.minibatches import JointMinibatches, Minibatches, orders
from models.model import ModelOfParts
from models.optimizers import optimizer_named
from models.precision import precision_named
from models.schedules import schedule_named
from models.shared_data import SharedData
from models.training_state import (
    Standing,
    State,
    Validation,
    load_optimizer_state,
    optimizer_state,
    prefixed,
    under,
)
from models.training_step import CapturedStep, CudaGraph, Step


class TrainingDivergedError(ValueError):
    """No validation loss of a training was finite."""


@dataclass(frozen=True)
class TrainingResult:
    """What `Trainer.fit` gives. `num_iterations` leaves out the steps that were taken back, as in the original.

    val_loss: per image, summed over recordings. test_corr: (neurons of all recordings,), correlation with the mean
        over repeats of the test set.
    """

    num_iterations: int
    val_loss: float
    test_corr: np.ndarray
    curve: list[Validation]


class Trainer:
    """Trains a model on data: a `CorePlusReadoutModel` on `Data`, a `SharedCoreModel` on `SharedData`.

    A step takes a minibatch of each recording. Its loss is the sum over recordings of the Poisson losses per image, and
    the penalties; that of the validation sets, by which it stops, is a sum over recordings, too. Of a core that is
    frozen only the readouts are trained.

    Everything random (start values of a fresh model, order of the minibatches, shifts, dropout) follows from
    `seed`, 0 to 2³² - 1; no global state is read or changed. The model moves to `device`, and to the parameters' type
    of `precision` (see `models.precision`). On CUDA its steps are `captured` (see `models.training_step`).
    """

    def __init__(
        self,
        model: ModelOfParts,
        data: Data | SharedData,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        captured: bool = True,
    ) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ValueError(f"seed is {seed}; allowed is 0 to {MAX_SEED}")
        self._orders = orders(seed, len(data.parts))
        if model.fresh:
            model.initialize(seed, data, self._orders)
        self._device, self._precision = torch.device(device), precision_named(precision)
        self._captured = captured and self._device.type == "cuda"
        self.model = model.to(self._device, self._precision.dtype)
        self.data = data.to(self._device, self._precision.dtype)
        self._loader = Loader(self.data, model.core.channels, seed, self._device, self._precision.dtype)

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
        keeper: Keeper | None = None,
    ) -> TrainingResult:
        """Train until each of `lr_decay_steps` stages has stopped, or for `max_iter` steps.

        map_dropout: share of the core's maps that a training image is read without.
        max_shift: largest shift of a training image in pixels, along either axis.
        optimizer, weight_decay: 'adam' or 'adamw' (see `models.optimizers`).
        schedule: 'stages', or 'cosine' over `max_iter` steps (see `models.schedules`).
        progress: called at each validation.
        keeper: has the state from which to go on, if there is one, and takes those to come. A training that goes
            on ends with the same bits as one that was never interrupted.

        When `max_iter` ends the training in stages, the weights are those of the last step, as in the original;
        after a cosine they are the best ones. Ctrl-C and SIGTERM take effect after the step, with its state kept.

        Raises ValueError where a setting is out of range, before anything is changed, and TrainingDivergedError.
        """
        check_fit(
            val_steps=val_steps,
            learning_rate=learning_rate,
            batch_size=batch_size,
            patience=patience,
            lr_decay_steps=lr_decay_steps,
            max_iter=max_iter,
            map_dropout=map_dropout,
            max_shift=max_shift,
            weight_decay=weight_decay,
        )
        counts = [len(recording.train_images) for recording in self.data.parts]
        if batch_size > min(counts):
            raise ValueError(f"batch_size is {batch_size}; allowed is at most the {min(counts)} training images")
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = optimizer_named(optimizer, trained, weight_decay)
        rates = schedule_named(schedule, learning_rate, lr_decay_steps, max_iter)
        stopping = EarlyStopping(rates.num_stages, val_steps, patience, max_iter)
        keeper = keeper or Keeper()
        self._batches = JointMinibatches(
            [Minibatches(count, batch_size, order) for count, order in zip(counts, self._orders, strict=True)]
        )
        step = Step(self.model, self.optimizer, self._precision)
        self._take = CapturedStep(step, CudaGraph(self._device)) if self._captured else step
        self._at = Standing()
        if state := keeper.load():
            self._go_on(state)
        at = self._at
        with deferred() as interrupted:
            while at.stage < rates.num_stages:
                while stopping.goes_on(at):
                    if interrupted():
                        keeper.save(self._state, last=True)
                        raise KeyboardInterrupt
                    rate = rates.rate(at.stage, at.iteration)
                    train_loss = self._step(next(self._batches), rate, map_dropout, max_shift)
                    at.iteration, at.steps_taken = at.iteration + 1, at.steps_taken + 1
                    if at.iteration % val_steps == 0:
                        self._validate(rate, float(train_loss), stopping)
                        progress(at.curve[-1])
                        keeper.save(self._state)
                if not at.best and at.curve:
                    raise TrainingDivergedError(
                        f"the validation loss was {at.curve[-1].val_loss} at each of {len(at.curve)} validations; "
                        f"a learning rate below {learning_rate:g} may help"
                    )
                if at.best and (at.failures == patience or rates.keeps_best):
                    self._restore(at.best)
                    at.iteration = at.best_iteration
                at.stage, at.failures = at.stage + 1, 0
        test_corr = evaluation.test_correlation(self.model, self.data)
        return TrainingResult(at.iteration, at.best_loss, test_corr, at.curve)

    def _validate(self, rate: float, train_loss: float, stopping: EarlyStopping) -> None:
        """Add a point to the learning curve, and take the state if it is the best."""
        at = self._at
        val_loss, val_corr = evaluation.validate(self.model, self.data)
        is_best = val_loss < at.best_loss
        at.failures = 0 if is_best else at.failures + 1
        if is_best:
            at.best_loss, at.best, at.best_iteration = val_loss, self._weights(), at.iteration
        left = stopping.steps_left(at)
        at.curve.append(Validation(at.steps_taken, rate, train_loss, val_loss, val_corr, is_best, left))

    def _step(self, rows: Sequence[np.ndarray], rate: float, map_dropout: float, max_shift: int) -> Tensor:
        self.model.train()
        return self._take(self._loader.minibatch(rows, map_dropout, max_shift), rate)

    def _weights(self) -> State:
        """Copies of the weights and of the optimiser's state."""
        model = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        return prefixed("model.", model) | prefixed("optimizer.", optimizer_state(self.optimizer))

    def _restore(self, weights: State) -> None:
        self.model.load_state_dict(under("model.", weights))
        load_optimizer_state(self.optimizer, under("optimizer.", weights))

    def _state(self) -> State:
        """All that decides on what is to come."""
        return (
            prefixed("standing.", self._at.state_dict())
            | prefixed("weights.", self._weights())
            | prefixed("minibatches.", self._batches.state_dict())
            | {"noise": self._loader.noise.get_state()}
        )

    def _go_on(self, state: State) -> None:
        self._at = Standing.from_state(under("standing.", state))
        self._restore(under("weights.", state))
        self._batches.load_state_dict(under("minibatches.", state))
        self._loader.noise.set_state(state["noise"])
