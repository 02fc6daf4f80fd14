"""A model of a population: a core that all neurons share and a readout for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.cores import StackedCore
from models.data import Data
from models.minibatches import orders
from models.readouts import SpatialReadout
from models.shared_data import SharedData
from models.start_values import sta_masks


class ModelOfParts(nn.Module, ABC):
    """A core, and parts that read it: one for each recording.

    A new model is `fresh`: a trainer draws its weights from the trainer's own seed. Loading weights ends that.
    """

    def __init__(self, core: StackedCore) -> None:
        super().__init__()
        self.core, self.fresh = core, True

    @property
    @abstractmethod
    def parts(self) -> Sequence[CorePlusReadoutModel]:
        """The model of each recording, on the same core."""

    def regularizer(self) -> Tensor:
        """The sum of all penalties on kernels and readouts."""
        return total([self.core.regularizer(), *(part.readout.regularizer() for part in self.parts)])

    def initialize(
        self, seed: int, data: Data | SharedData, noise: Sequence[np.random.RandomState] | None = None
    ) -> None:
        """Draw new weights from `seed`; biases, and masks that start from averages, follow from the training set.

        A core that is frozen keeps its weights. noise: for each recording what draws the noise on such masks; the
        original's is the generator that then orders the minibatches.
        """
        generator = torch.Generator().manual_seed(seed)
        if not self.core.frozen:
            self.core.initialize(generator)
        noise = noise or orders(seed, len(data.parts))
        for part, recording, order in zip(self.parts, data.parts, noise, strict=True):
            masks = part.sta_masks(recording, order) if part.readout.init_masks == "sta" else None
            part.readout.initialize(generator, recording.mean_responses, masks)
        self.fresh = False

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        self.fresh = False
        return super().load_state_dict(state_dict, strict, assign)


class CorePlusReadoutModel(ModelOfParts):
    """Rates (batch, neurons) of images (batch, 1, height, width)."""

    def __init__(self, core: StackedCore, readout: SpatialReadout) -> None:
        super().__init__(core)
        self.readout = readout

    @property
    def parts(self) -> Sequence[CorePlusReadoutModel]:
        return [self]

    def forward(self, images: Tensor) -> Tensor:
        return self.readout(self.core(images))

    def rates_of(self, images: Tensor, neurons: np.ndarray) -> Tensor:
        """(batch, len(neurons)): rates of these neurons (numbers) alone, at the cost of so few."""
        return self.readout.of(torch.from_numpy(neurons))(self.core(images))

    def sta_masks(self, data: Data, noise: np.random.RandomState) -> np.ndarray:
        """(neurons, height, width): on the pixels of the maps, drawn on those of the images as in the original."""
        images, responses = data.train_images[:, 0].cpu().numpy(), data.train_responses.cpu().numpy()
        masks = sta_masks(images, responses, *self.readout.sta_scale, noise)
        rows, columns = (self.core.centres(size) for size in data.image_size)
        return masks[:, rows[:, None], columns]


def total(terms: Sequence[Tensor]) -> Tensor:
    """The sum of scalars, the first first; of one it is that one itself."""
    return reduce(add, terms)


def poisson_loss(rates: Tensor, responses: Tensor) -> Tensor:
    """Mean over images of the sum over neurons of rate - response log(rate), for arrays (batch, neurons)."""
    return (rates - responses * torch.log(rates + 1e-5)).sum(dim=1).mean()
