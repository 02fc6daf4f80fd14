"""The penalties on kernels and readouts; every one is a plain sum. Source: Ecker et al., ICLR 2019, eqs. 4-6."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-8
LAPLACE = [[0.25, 0.5, 0.25], [0.5, -3.0, 0.5], [0.25, 0.5, 0.25]]


def smoothness(kernel: Tensor) -> Tensor:
    """Sum over output filters of |Laplace * filter|² / |filter|², for a kernel (out, in, k, k)."""
    slices = kernel.flatten(2)
    roughness = slices @ _laplace_matrix(kernel.shape[2], kernel.shape[3], kernel.dtype, kernel.device)
    return (roughness.square().sum(dim=(1, 2)) / (EPSILON + slices.square().sum(dim=(1, 2)))).sum()


@lru_cache
@torch.inference_mode(False)  # it is kept for trainings, too
def _laplace_matrix(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(pixels, pixels): what turns the pixels of a filter, with zeros around them, into those of Laplace * filter."""
    pixels = height * width
    each = torch.eye(pixels, dtype=dtype).view(pixels, 1, height, width)
    laplace = torch.tensor(LAPLACE, dtype=dtype)
    return F.conv2d(each, laplace[None, None], padding=1).view(pixels, pixels).to(device)


def group_sparsity(kernel: Tensor) -> Tensor:
    """Sum over output filters of (sum over inputs of |slice|) / |filter|, for a kernel (out, in, k, k).

    The gradient of a slice that is exactly zero is 0, the subgradient of least norm, where the original has
    NaN.
    """
    squares = kernel.square().sum(dim=(2, 3))  # (out, in)
    norms = squares.masked_fill(~(squares > 0), 1.0).sqrt() * (squares > 0)
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
