"""Rates of neurons for stimuli of their own, and the gratings and windows that these are made of.

Places, orientations and phases are those of `models.v1_neurons`: orientation is that of the stripes, and a grating
is cos(2 pi frequency u - phase), u the distance from (x, y) across the stripes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.model import CorePlusReadoutModel
from models.progress import Progress
from models.scores import MIN_SD


@torch.no_grad()
def own_rates(
    model: CorePlusReadoutModel,
    shown: np.ndarray,
    shape: tuple[int, ...],
    draw: Callable[..., Tensor],
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """(neurons, *shape) float64: the rate of each neuron for each of its own stimuli, NaN where it is not shown any.

    shown: (neurons,) bool. draw: images (n, height, width), on the model's device, from the numbers (n,) of neurons
    and those along each axis of `shape`.
    """
    model.eval()
    neurons = np.flatnonzero(shown)
    rates = np.empty((len(neurons), *shape))
    for start in range(0, rates.size, batch_size):
        end = min(start + batch_size, rates.size)
        row, *others = np.unravel_index(np.arange(start, end), rates.shape)
        asked, own = np.unique(neurons[row], return_inverse=True)
        predicted = model.rates_of(draw(neurons[row], *others)[:, None], asked)  # (n, asked)
        rates.reshape(-1)[start:end] = predicted.cpu().numpy()[np.arange(end - start), own]
        if progress:
            progress(end, rates.size)
    everywhere = np.full((len(shown), *shape), np.nan)
    everywhere[neurons] = rates
    return everywhere


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


@torch.no_grad()
def grey_response(model: CorePlusReadoutModel, image_size: tuple[int, int]) -> np.ndarray:
    """(neurons,) float64: the rates for an image of the mean grey."""
    model.eval()
    grey = torch.zeros(1, 1, *image_size).to(next(model.parameters()))
    return model(grey)[0].double().cpu().numpy()


def suppression_index(alone: np.ndarray, suppressed: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """(neurons,): 1 - (suppressed - grey) / (alone - grey), of rates; NaN where `alone` is no more than `grey`."""
    driven = alone - grey > MIN_SD
    return np.where(driven, 1 - (suppressed - grey) / np.where(driven, alone - grey, 1), np.nan)


def all_known(*parameters: np.ndarray) -> np.ndarray:
    """(neurons,) bool: where none of the parameters (neurons,) is NaN."""
    return np.isfinite(np.stack([np.asarray(values, dtype=float) for values in parameters])).all(axis=0)


def _offsets(image_size: tuple[int, int], like: Tensor, x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
    """(n, 1, width) and (n, height, 1): of each pixel from (x, y)."""
    rows, columns = (torch.arange(size, device=like.device, dtype=like.dtype) for size in image_size)
    return columns - stacked(x, like), rows[:, None] - stacked(y, like)
