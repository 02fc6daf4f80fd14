"""The readouts: each neuron sees the core's maps through a spatial mask and a vector of feature weights.

All share one mechanism and differ in their penalty; the transfer readout also in what reaches the core.
Source: Ecker et al., ICLR 2019, sections 3.2, 4.2 and 4.5; Klindt et al., NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.layers import softplus
from models.masks import through_masks
from models.penalties import joint_l1, separate_l1, sparse_dense, sparse_dense_separate
from models.start_values import truncated_normal_

START_SD = 0.01  # of masks and feature weights
SILENT_BIAS = -30.0  # stands for the minus infinity that a neuron without spikes would have
INIT_MASKS = ("rand", "sta")


class SpatialReadout(nn.Module):
    """softplus(sum over channels and pixels of weight * |mask| * map + bias).

    input_shape: (channels, height, width) of the maps.
    positive_feature_weights: the weights enter as their absolute values.
    init_masks: 'rand', truncated normal, or 'sta', from spike-triggered averages.
    weights: of the penalty, named as the class tells, 0 where they are not given.

    A neuron that never fires starts at a bias of -30, where the original has minus infinity and leaves it there.
    """

    weight_names: tuple[str, ...]
    penalty: Callable[..., Tensor]  # of masks, feature weights, and the weights by name
    sta_scale = (0.01, 0.001)  # largest value and SD of the noise of masks that start from spike-triggered averages

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        num_neurons: int,
        positive_feature_weights: bool = False,
        init_masks: str = "rand",
        *weights: float,
        **named_weights: float,
    ) -> None:
        super().__init__()
        given = dict(zip(self.weight_names, weights, strict=False)) | named_weights
        if len(given) < len(weights) + len(named_weights) or not given.keys() <= set(self.weight_names):
            raise TypeError(
                f"{type(self).__name__} takes each of {self.weight_names} once, not {weights} {named_weights}"
            )
        self.penalty_weights = dict.fromkeys(self.weight_names, 0.0) | given
        if init_masks not in INIT_MASKS:
            raise ValueError(f"init_masks is {init_masks!r}; allowed are {str(INIT_MASKS)[1:-1]}")
        channels, height, width = input_shape
        self.positive_feature_weights, self.init_masks = positive_feature_weights, init_masks
        self.masks = nn.Parameter(torch.empty(num_neurons, height, width))
        self.feature_weights = nn.Parameter(torch.empty(num_neurons, channels))
        self.biases = nn.Parameter(torch.zeros(num_neurons))
        self.initialize(torch.Generator().manual_seed(0), np.ones(num_neurons))

    def forward(self, maps: Tensor) -> Tensor:
        """Rates (batch, neurons) from maps (batch, channels, height, width)."""
        return softplus((self.seen(maps) * self._weights()).sum(dim=2) + self.biases)

    def seen(self, maps: Tensor) -> Tensor:
        """(batch, neurons, channels): the sum of each map over pixels, through each mask."""
        return through_masks(maps, self.masks.abs())

    def regularizer(self) -> Tensor:
        """The penalty on masks and feature weights, a scalar."""
        return self.penalty(self.masks, self.feature_weights, **self.penalty_weights)

    def initialize(
        self, generator: torch.Generator, mean_responses: np.ndarray, masks: np.ndarray | None = None
    ) -> None:
        """Random masks, unless they are given, and weights; biases at half the inverse softplus of the mean responses.

        mean_responses: (neurons,), of the training set. masks: (neurons, height, width).
        """
        truncated_normal_(self.masks, START_SD, generator)
        truncated_normal_(self.feature_weights, START_SD, generator)
        mean = np.asarray(mean_responses, dtype=np.float64)
        with np.errstate(divide="ignore"):
            biases = 0.5 * (mean + np.log(-np.expm1(-mean)))
        with torch.no_grad():
            self.biases.copy_(torch.from_numpy(np.maximum(biases, SILENT_BIAS)))
            if masks is not None:
                self.masks.copy_(torch.from_numpy(masks))

    def of(self, neurons: Tensor) -> SpatialXFeatureJointL1Readout:
        """A readout of these neurons (numbers) alone, which predicts the same.

        Gradients reach the maps from each of them, as they do not in the transfer readout.
        """
        state = {name: tensor[neurons.to(tensor.device)] for name, tensor in self.state_dict().items()}
        masks, weights = state["masks"], state["feature_weights"]
        shape = (weights.shape[1], *masks.shape[1:])
        part = SpatialXFeatureJointL1Readout(shape, len(masks), self.positive_feature_weights).to(masks)
        part.load_state_dict(state)
        return part

    def _weights(self) -> Tensor:
        return self.feature_weights.abs() if self.positive_feature_weights else self.feature_weights


class SpatialXFeatureJointL1Readout(SpatialReadout):
    """`readout_sparsity` weighs the sum over neurons of |mask|_1 |weights|_1 (eq. 6)."""

    weight_names = ("readout_sparsity",)
    penalty = staticmethod(joint_l1)


class SpatialXFeatureSeparateL1Readout(SpatialReadout):
    """`mask_sparsity` weighs the L1 norm of the masks, `feature_sparsity` that of the feature weights."""

    weight_names = ("mask_sparsity", "feature_sparsity")
    penalty = staticmethod(separate_l1)


class SpatialSparseXFeatureDenseReadout(SpatialReadout):
    """`mask_sparsity` weighs the sum over neurons of |mask|_1 |weights|_2: sparse in space, dense in features."""

    weight_names = ("mask_sparsity",)
    penalty = staticmethod(sparse_dense)
    sta_scale = (0.1, 0.01)


class SpatialSparseXFeatureDenseSeparateReadout(SpatialReadout):
    """`mask_sparsity` weighs the L1 norm of the masks, `feature_l2` the squared L2 norm of the feature weights."""

    weight_names = ("mask_sparsity", "feature_l2")
    penalty = staticmethod(sparse_dense_separate)
    sta_scale = (0.1, 0.01)


class SpatialXFeatureJointL1TransferReadout(SpatialXFeatureJointL1Readout):
    """Neurons 0, k, 2k, ... (k = `k_transfer`) train the core; the others are fitted to it without changing it."""

    def __init__(self, *arguments: Any, k_transfer: int, **keywords: Any) -> None:
        if k_transfer < 1:
            raise ValueError(f"k_transfer is {k_transfer}; allowed is 1 (all neurons train the core) or more")
        super().__init__(*arguments, **keywords)
        self.k_transfer = k_transfer

    @property
    def trains_core(self) -> Tensor:
        """(neurons,) bool: which neurons train the core."""
        return torch.arange(len(self.masks), device=self.masks.device) % self.k_transfer == 0

    def seen(self, maps: Tensor) -> Tensor:
        # The same numbers from both; only the gradients differ.
        return torch.where(self.trains_core[:, None], super().seen(maps), super().seen(maps.detach()))
