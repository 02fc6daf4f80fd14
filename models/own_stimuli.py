"""Rates of neurons for stimuli of their own, and for grey, and what they tell of suppression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.model import CorePlusReadoutModel
from models.progress import Progress
from models.repeats import MIN_SD


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
