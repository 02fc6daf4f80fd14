"""A factorised readout in its plainest form, for networks that bring none."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SPARSITY = 0.017  # about the paper's; its value takes no time


class FactorisedReadout(nn.Module):
    """softplus(sum over channels and pixels of weight * |mask| * map + bias), of maps (batch, channels, h, w)."""

    def __init__(self, channels: int, pixels: int, neurons: int) -> None:
        super().__init__()
        self.masks = nn.Parameter(0.01 * torch.randn(neurons, pixels))
        self.weights = nn.Parameter(0.01 * torch.randn(neurons, channels))
        self.biases = nn.Parameter(torch.zeros(neurons))

    def forward(self, maps: Tensor) -> Tensor:
        seen = maps.flatten(2) @ self.masks.abs().T  # (batch, channels, neurons)
        return F.softplus((seen * self.weights.T).sum(dim=1) + self.biases)

    def loss(self, rates: Tensor, responses: Tensor) -> Tensor:
        """Poisson loss and joint L1 penalty."""
        penalty = SPARSITY * (self.masks.abs().sum(dim=1) * self.weights.abs().sum(dim=1)).sum()
        return (rates - responses * torch.log(rates + 1e-5)).sum(dim=1).mean() + penalty
