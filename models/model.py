"""A model of a population: a core that all neurons share and a readout for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.cores import StackedCore
from models.data import Data
from models.readouts import SpatialReadout
from models.start_values import sta_masks


class CorePlusReadoutModel(nn.Module):
    """Rates (batch, neurons) of images (batch, 1, height, width).

    A new model is `fresh`: a trainer draws its weights from the trainer's own seed. Loading weights ends that.
    """

    def __init__(self, core: StackedCore, readout: SpatialReadout) -> None:
        super().__init__()
        self.core, self.readout = core, readout
        self.fresh = True

    def forward(self, images: Tensor) -> Tensor:
        return self.readout(self.core(images))

    def rates_of(self, images: Tensor, neurons: np.ndarray) -> Tensor:
        """(batch, len(neurons)): rates of these neurons (numbers) alone, at the cost of so few."""
        return self.readout.of(torch.from_numpy(neurons))(self.core(images))

    def regularizer(self) -> Tensor:
        """The sum of all penalties on kernels and readout."""
        return self.core.regularizer() + self.readout.regularizer()

    def initialize(self, seed: int, data: Data, noise: np.random.RandomState | None = None) -> None:
        """Draw new weights from `seed`; biases, and masks that start from averages, follow from the training set.

        noise: draws the noise on such masks; the original's is the generator that then orders the minibatches.
        """
        generator = torch.Generator().manual_seed(seed)
        self.core.initialize(generator)
        masks = None
        if self.readout.init_masks == "sta":
            masks = self._sta_masks(data, noise or np.random.RandomState(seed))
        self.readout.initialize(generator, data.mean_responses, masks)
        self.fresh = False

    def _sta_masks(self, data: Data, noise: np.random.RandomState) -> np.ndarray:
        """(neurons, height, width): on the pixels of the maps, drawn on those of the images as in the original."""
        images, responses = data.train_images[:, 0].cpu().numpy(), data.train_responses.cpu().numpy()
        masks = sta_masks(images, responses, *self.readout.sta_scale, noise)
        rows, columns = (self.core.centres(size) for size in data.image_size)
        return masks[:, rows[:, None], columns]

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        self.fresh = False
        return super().load_state_dict(state_dict, strict, assign)


def poisson_loss(rates: Tensor, responses: Tensor) -> Tensor:
    """Mean over images of the sum over neurons of rate - response log(rate), for arrays (batch, neurons)."""
    return (rates - responses * torch.log(rates + 1e-5)).sum(dim=1).mean()
