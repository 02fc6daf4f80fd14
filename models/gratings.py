"""Gratings, and the windows that make patches of them.

Places, orientations and phases are those of `models.v1_neurons`: orientation is that of the stripes, and a grating
is cos(2 pi frequency u - phase), u the distance from (x, y) across the stripes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def grating(
    image_size: tuple[int, int],
    like: Tensor,
    x: np.ndarray,
    y: np.ndarray,
    orientation: np.ndarray,
    spatial_frequency: np.ndarray,
    phase: np.ndarray,
) -> Tensor:
    """(n, height, width): gratings from -1 to 1, of parameters (n,), on the device and in the precision of `like`."""
    across_x, across_y = spatial_frequency * np.sin(orientation), spatial_frequency * np.cos(orientation)
    dx, dy = _offsets(image_size, like, x, y)
    cycles = stacked(across_x, like) * dx + stacked(across_y, like) * dy
    return torch.cos(2 * math.pi * cycles - stacked(phase, like))


def gaussian(image_size: tuple[int, int], like: Tensor, x: np.ndarray, y: np.ndarray, size: np.ndarray) -> Tensor:
    """(n, height, width): Gaussian windows of height 1; `size` is 4 SD, as in `models.gabors`."""
    dx, dy = _offsets(image_size, like, x, y)
    precision = 1 / (2 * (stacked(size, like) / 4).square())
    return torch.exp(-dx.square() * precision) * torch.exp(-dy.square() * precision)


def disc(image_size: tuple[int, int], like: Tensor, x: np.ndarray, y: np.ndarray, diameter: np.ndarray) -> Tensor:
    """(n, height, width): 1 inside a disc, 0 outside, linear over the one pixel that its edge crosses."""
    dx, dy = _offsets(image_size, like, x, y)
    distance = (dx.square() + dy.square()).sqrt()
    return (stacked(diameter, like) / 2 + 0.5 - distance).clamp(0, 1)


def stacked(values: np.ndarray, like: Tensor) -> Tensor:
    """(n, 1, 1): a number for each image, from (n,), on the device and in the precision of `like`."""
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


def _offsets(image_size: tuple[int, int], like: Tensor, x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
    """(n, 1, width) and (n, height, 1): of each pixel from (x, y)."""
    rows, columns = (torch.arange(size, device=like.device, dtype=like.dtype) for size in image_size)
    return columns - stacked(x, like), rows[:, None] - stacked(y, like)
