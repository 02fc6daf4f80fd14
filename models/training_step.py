"""One step of a training: rates, loss, penalties, gradients, optimiser.

What the host decides on in each step (minibatch, noise, learning rate) goes to the device beforehand, so that a step is
work for the device alone, and the host never waits for it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.model import CorePlusReadoutModel, poisson_loss
from models.optimizers import set_rate
from models.precision import Precision


class Minibatch(NamedTuple):
    images: Tensor  # (batch, 1, height, width)
    responses: Tensor  # (batch, neurons)
    kept: Tensor | None = None  # (batch, channels): what each map counts, 0 for one that is dropped


class Step:
    """Takes a step and gives its loss, penalties included, on the device."""

    def __init__(self, model: CorePlusReadoutModel, optimizer: torch.optim.Optimizer, precision: Precision) -> None:
        self._model, self._optimizer, self._precision = model, optimizer, precision

    def __call__(self, minibatch: Minibatch, rate: float) -> Tensor:
        self.begin(rate)
        return self.compute(minibatch)

    def begin(self, rate: float) -> None:
        """What the host does in a step."""
        set_rate(self._optimizer, rate)

    def compute(self, minibatch: Minibatch) -> Tensor:
        """What the device does."""
        (images, responses, kept), core, readout = minibatch, self._model.core, self._model.readout
        self._optimizer.zero_grad()
        kernels = core.kernels()
        penalty = core.regularizer(kernels) + readout.regularizer()
        with self._precision.settings(images.device):
            with self._precision.autocast(images.device):
                maps = core(images, kernels)
                rates = readout(maps if kept is None else maps * kept[:, :, None, None])
            loss = poisson_loss(rates, responses) + penalty
            loss.backward()
        self._optimizer.step()
        return loss.detach()
