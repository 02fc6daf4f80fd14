"""Where kernels (out, in, k, k) of a core's layers come from: weights, or coefficients in a basis that is turned."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.hermite import HermiteBasis


class PlainKernel(nn.Module):
    """A free kernel (out, in, k, k)."""

    start_sd = 0.01

    def __init__(self, filter_size: int, num_inputs: int, num_filters: int) -> None:
        super().__init__()
        self.filter_size = filter_size
        self.weights = nn.Parameter(torch.empty(num_filters, num_inputs, filter_size, filter_size))

    def forward(self) -> Tensor:
        return self.weights


class RotatedHermiteKernel(nn.Module):
    """One kernel in `num_rotations` orientations, from coefficients (functions, inputs, filters).

    An input channel of a later layer is itself one of the rotations, so turning a filter also rolls its input
    channels by as many rotations: that makes the whole stack equivariant.
    """

    basis: Tensor
    start_sd = 0.1

    def __init__(
        self, filter_size: int, num_inputs: int, num_filters: int, *, num_rotations: int, upsampling: int, first: bool
    ) -> None:
        super().__init__()
        self.filter_size = filter_size
        self.num_rotations = num_rotations
        self.rolled = 0 if first else num_inputs // num_rotations  # channels by which one rotation rolls the inputs
        self._exact_basis = torch.from_numpy(HermiteBasis.build(filter_size, upsampling).rotated(num_rotations))
        self.register_buffer("basis", self._exact_basis.to(torch.get_default_dtype()), persistent=False)
        self.weights = nn.Parameter(torch.empty(self.basis.shape[1], num_inputs, num_filters))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> RotatedHermiteKernel:
        """Also in a model that moves from single to double precision, the basis is exact."""
        super()._apply(fn, recurse)
        self.basis = fn(self._exact_basis).to(self.weights.dtype)  # a move to a device alone leaves the precision
        return self

    def forward(self) -> Tensor:
        """(rotations * filters, inputs, k, k)."""
        turned = torch.einsum("rbyx,bio->roiyx", self.basis, self.weights)
        if self.rolled:
            turned = torch.stack([kernel.roll(i * self.rolled, dims=1) for i, kernel in enumerate(turned)])
        return turned.flatten(0, 1)
