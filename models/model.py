"""A model of a population: a core that all neurons share and a readout for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.cores import StackedCore
from models.readouts import SpatialXFeatureJointL1Readout


class CorePlusReadoutModel(nn.Module):
    """Rates (batch, neurons) of images (batch, 1, height, width).

    A new model is `fresh`: a trainer draws its weights from the trainer's own seed. Loading weights ends that.
    """

    def __init__(self, core: StackedCore, readout: SpatialXFeatureJointL1Readout) -> None:
        super().__init__()
        self.core, self.readout = core, readout
        self.fresh = True

    def forward(self, images: Tensor) -> Tensor:
        return self.readout(self.core(images))

    def regularizer(self) -> Tensor:
        """The sum of all penalties on kernels and readout."""
        return self.core.regularizer() + self.readout.regularizer()

    def initialize(self, seed: int, mean_responses: np.ndarray) -> None:
        """Draw new weights from `seed`; `mean_responses` (neurons,) of the training set set the biases."""
        generator = torch.Generator().manual_seed(seed)
        self.core.initialize(generator)
        self.readout.initialize(generator, mean_responses)
        self.fresh = False

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        self.fresh = False
        return super().load_state_dict(state_dict, strict, assign)


def poisson_loss(rates: Tensor, responses: Tensor) -> Tensor:
    """Mean over images of the sum over neurons of rate - response log(rate), for arrays (batch, neurons)."""
    return (rates - responses * torch.log(rates + 1e-5)).sum(dim=1).mean()
