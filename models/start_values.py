"""Start values of weights: truncated normal, and masks from spike-triggered averages."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import convolve1d
from torch import Tensor, nn


def truncated_normal_(tensor: Tensor, sd: float, generator: torch.Generator) -> None:
    """Fill in place from a normal distribution cut at two `sd`, drawn on the CPU so that no device differs."""
    drawn = torch.empty(tensor.shape, dtype=torch.float64)
    nn.init.trunc_normal_(drawn, std=sd, a=-2 * sd, b=2 * sd, generator=generator)
    with torch.no_grad():
        tensor.copy_(drawn)


def envelopes(maps: np.ndarray, window: int = 51) -> np.ndarray:
    """(n, height, width): the local variance of each map (n, height, width), in a Gaussian window of 51 pixels.

    The window is cut at 2.5 SD. What lies outside a map counts as its mean.
    """
    gaussian = np.exp(-(np.linspace(-2.5, 2.5, window) ** 2) / 2) / window
    squares = np.square(maps - maps.mean(axis=(1, 2), keepdims=True)).astype(np.float64)
    return convolve1d(convolve1d(squares, gaussian, axis=1, mode="constant"), gaussian, axis=2, mode="constant")


def sta_masks(
    images: np.ndarray,
    responses: np.ndarray,
    max_value: float,
    noise_sd: float,
    noise: np.random.RandomState,
    *,
    window: int = 51,
    sharpness: float = 10,
) -> np.ndarray:
    """(neurons, height, width): masks that are large where a neuron's spike-triggered average varies.

    images: (n, height, width); responses: (n, neurons). The envelope of each average, to the power of
    `sharpness`, is scaled to `max_value`; normal noise of `noise_sd` is added. A neuron that never fires gets
    noise alone, where the original gives NaN.
    """
    pixels = (images - images.mean()) / images.std()
    sd = responses.std(axis=0)
    scaled = (responses - responses.mean(axis=0)) / np.where(sd > 0, sd, 1)
    # Not a matrix product: the order of its sum, and so its rounding, would be another on each machine.
    power = envelopes(np.einsum("tn,thw->nhw", scaled, pixels), window)
    largest = power.max(axis=(1, 2), keepdims=True)
    masks = max_value * (power / np.where(largest > 0, largest, 1)) ** sharpness
    return masks + noise.normal(size=masks.shape) * noise_sd
