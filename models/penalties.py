"""The penalties on kernels and readouts; every one is a plain sum. Source: Ecker et al., ICLR 2019, eqs. 4-6."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-8
LAPLACE = [[0.25, 0.5, 0.25], [0.5, -3.0, 0.5], [0.25, 0.5, 0.25]]


def smoothness(kernel: Tensor) -> Tensor:
    """Sum over output filters of |Laplace * filter|² / |filter|², for a kernel (out, in, k, k)."""
    laplace = torch.tensor(LAPLACE, dtype=kernel.dtype, device=kernel.device)
    slices = kernel.reshape(-1, 1, *kernel.shape[2:])
    roughness = F.conv2d(slices, laplace[None, None], padding=1).reshape(kernel.shape)
    return (roughness.square().sum(dim=(1, 2, 3)) / (EPSILON + kernel.square().sum(dim=(1, 2, 3)))).sum()


def group_sparsity(kernel: Tensor) -> Tensor:
    """Sum over output filters of (sum over inputs of |slice|) / |filter|, for a kernel (out, in, k, k).

    The gradient of a slice that is exactly zero is 0, the subgradient of least norm, where the original has
    NaN.
    """
    squares = kernel.square().sum(dim=(2, 3))  # (out, in)
    norms = torch.where(squares > 0, squares, 1.0).sqrt() * (squares > 0)
    return (norms.sum(dim=1) / (EPSILON + squares.sum(dim=1)).sqrt()).sum()


def joint_l1(masks: Tensor, weights: Tensor, readout_sparsity: float) -> Tensor:
    """readout_sparsity times the sum over neurons of |mask|_1 |weights|_1.

    Here and below, masks are (neurons, height, width) and feature weights (neurons, channels).
    """
    return readout_sparsity * (masks.abs().sum(dim=(1, 2)) * weights.abs().sum(dim=1)).sum()


def separate_l1(masks: Tensor, weights: Tensor, mask_sparsity: float, feature_sparsity: float) -> Tensor:
    """mask_sparsity |masks|_1 + feature_sparsity |weights|_1, each over all neurons."""
    return mask_sparsity * masks.abs().sum() + feature_sparsity * weights.abs().sum()


def sparse_dense(masks: Tensor, weights: Tensor, mask_sparsity: float) -> Tensor:
    """mask_sparsity times the sum over neurons of |mask|_1 |weights|_2.

    The gradient of weights that are all zero is 0, where the original has NaN.
    """
    return mask_sparsity * (masks.abs().sum(dim=(1, 2)) * torch.linalg.vector_norm(weights, dim=1)).sum()


def sparse_dense_separate(masks: Tensor, weights: Tensor, mask_sparsity: float, feature_l2: float) -> Tensor:
    """mask_sparsity |masks|_1 + feature_l2 |weights|², each over all neurons."""
    return mask_sparsity * masks.abs().sum() + feature_l2 * weights.square().sum()
