"""Fourier transforms of a few pixels as matrices: there and back, of real pixels along x and complex ones along y."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def half_transform(length: int, num_pixels: int) -> np.ndarray:
    """(2 half, pixels): from real pixels, with zeros behind them, to real parts and then imaginary parts."""
    angles = 2 * np.pi / length * np.outer(np.arange(length // 2 + 1), np.arange(num_pixels))
    return np.concatenate([np.cos(angles), -np.sin(angles)])


def half_inverse(length: int, num_pixels: int) -> np.ndarray:
    """(pixels, 2 half): back to the first real pixels."""
    frequencies = np.arange(length // 2 + 1)
    times = np.where((frequencies == 0) | (2 * frequencies == length), 1, 2) / length
    return half_transform(length, num_pixels).T * np.tile(times, 2)


def whole_transform(length: int, num_pixels: int) -> np.ndarray:
    """(2 frequencies, pixels 2): of complex pixels, whose two parts lie side by side, to real and then imaginary."""
    angles = 2 * np.pi / length * np.outer(np.arange(length), np.arange(num_pixels))
    cosine, sine = np.cos(angles), np.sin(angles)
    both = np.stack([np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)])
    return both.reshape(2 * length, 2 * num_pixels)


def whole_inverse(length: int, num_pixels: int) -> np.ndarray:
    """(pixels 2, 2 frequencies): back to the first complex pixels."""
    return whole_transform(length, num_pixels).T / length


@lru_cache(maxsize=1024)
def matrix(make: Callable[[int, int], np.ndarray], length: int, num_pixels: int, dtype: torch.dtype) -> Tensor:
    """One of the four matrices above, as a tensor."""
    return torch.from_numpy(make(length, num_pixels)).to(dtype)
