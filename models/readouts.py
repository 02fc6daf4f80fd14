"""The readout: each neuron sees the core's maps through a spatial mask and a vector of feature weights.

Source: Ecker et al., ICLR 2019, section 3.2; Klindt et al., NeurIPS 2017.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.cores import truncated_normal_
from models.layers import softplus
from models.penalties import joint_l1

START_SD = 0.01  # of masks and feature weights
SILENT_BIAS = -30.0  # stands for the minus infinity that a neuron without spikes would have


class SpatialXFeatureJointL1Readout(nn.Module):
    """softplus(sum over channels and pixels of weight * |mask| * map + bias), penalised jointly.

    input_shape: (channels, height, width) of the maps.
    positive_feature_weights: the weights enter as their absolute values.
    init_masks: 'rand', truncated normal.
    readout_sparsity: weight of the sum over neurons of |mask|_1 |weights|_1.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        num_neurons: int,
        positive_feature_weights: bool = False,
        init_masks: str = "rand",
        readout_sparsity: float = 0.0,
    ) -> None:
        super().__init__()
        if init_masks != "rand":
            raise ValueError(f"init_masks is {init_masks!r}; allowed is 'rand'")
        channels, height, width = input_shape
        self.positive_feature_weights = positive_feature_weights
        self.readout_sparsity = readout_sparsity
        self.masks = nn.Parameter(torch.empty(num_neurons, height, width))
        self.feature_weights = nn.Parameter(torch.empty(num_neurons, channels))
        self.biases = nn.Parameter(torch.zeros(num_neurons))
        self.initialize(torch.Generator().manual_seed(0), np.ones(num_neurons))

    def forward(self, maps: Tensor) -> Tensor:
        """Rates (batch, neurons) from maps (batch, channels, height, width)."""
        seen = maps.flatten(2) @ self.masks.abs().flatten(1).T  # (batch, channels, neurons)
        return softplus((seen * self._weights().T).sum(dim=1) + self.biases)

    def regularizer(self) -> Tensor:
        return self.readout_sparsity * joint_l1(self.masks, self.feature_weights)

    def initialize(self, generator: torch.Generator, mean_responses: np.ndarray) -> None:
        """Random masks and weights; biases at half the inverse softplus of the mean responses (neurons,)."""
        truncated_normal_(self.masks, START_SD, generator)
        truncated_normal_(self.feature_weights, START_SD, generator)
        mean = np.asarray(mean_responses, dtype=np.float64)
        with np.errstate(divide="ignore"):
            biases = 0.5 * (mean + np.log(-np.expm1(-mean)))
        with torch.no_grad():
            self.biases.copy_(torch.from_numpy(np.maximum(biases, SILENT_BIAS)))

    def _weights(self) -> Tensor:
        return self.feature_weights.abs() if self.positive_feature_weights else self.feature_weights
