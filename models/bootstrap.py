"""Intervals of scores by bootstrap over images: all neurons share the draws, so the images are the unit.

A statistic takes weights (draws, images), how often each image counts in each draw, and arrays (images, neurons); it
gives (draws, neurons), NaN where a draw leaves it undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

NUM_DRAWS = 1000
INTERVAL = (2.5, 97.5)  # per cent
BLOCK = 256  # neurons at a time: a statistic's arrays are then 2 MB each, however many neurons there are

Statistic = Callable[..., np.ndarray]
Interval = tuple[np.ndarray, np.ndarray]


def estimate(statistic: Statistic, *arrays: np.ndarray) -> np.ndarray:
    """(neurons,): the statistic where every image counts once."""
    return statistic(np.ones((1, len(arrays[0]))), *arrays)[0]


def interval(statistic: Statistic, *arrays: np.ndarray, seed: int = 0) -> Interval:
    """Lower and upper end (neurons,) of the 95 % interval of the statistic.

    They are percentiles of the draws in which it is defined, and NaN where it is not in more than 2.5 % of them.
    """
    ends = [_percentiles(draws) for draws in _draws(statistic, arrays, seed)]
    low, high = np.concatenate(ends, axis=1)
    return low, high


def interval_of_mean(
    statistic: Statistic, samples: Sequence[tuple[np.ndarray, ...]], seed: int = 0
) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of the statistic's mean over neurons, for as many other images.

    samples: for each recording its arrays; they have images of their own, and each is drawn from by itself.

    The draws are shifted to have the estimate as their mean: what a statistic of a resample is too low or too high by
    is little beside a neuron's interval, but the mean over thousands of neurons scatters less than that.
    """
    total = sum(
        draws.sum(axis=1, keepdims=True)
        for number, arrays in enumerate(samples)
        for draws in _draws(statistic, arrays, seed + number)
    )
    estimates = np.concatenate([estimate(statistic, *arrays) for arrays in samples])
    mean = total / len(estimates)  # (draws, 1)
    low, high = _percentiles(mean - mean.mean() + estimates.mean())
    return float(low[0]), float(high[0])


def _draws(statistic: Statistic, arrays: tuple[np.ndarray, ...], seed: int) -> Iterator[np.ndarray]:
    """The statistic (draws, neurons) of one block of neurons after the other."""
    num_images, num_neurons = arrays[0].shape
    weights = _weights(num_images, seed)
    for start in range(0, num_neurons, BLOCK):
        yield statistic(weights, *(array[:, start : start + BLOCK] for array in arrays))


@lru_cache(maxsize=2)  # a model is scored on two sets of images, several times on each
def _weights(num_images: int, seed: int) -> np.ndarray:
    """(draws, images): how often each image counts in each draw."""
    chances = np.full(num_images, 1 / num_images)
    weights = np.random.default_rng(seed).multinomial(num_images, chances, size=NUM_DRAWS).astype(np.float64)
    weights.flags.writeable = False
    return weights


def _percentiles(draws: np.ndarray) -> np.ndarray:
    """(2, neurons): the ends of the interval, interpolated linearly between the draws (draws, neurons)."""
    ordered = np.sort(draws, axis=0)  # NaN comes last
    num_known = np.isfinite(ordered).sum(axis=0)
    position = np.array(INTERVAL)[:, None] / 100 * np.maximum(num_known - 1, 0)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, np.maximum(num_known - 1, 0))
    left, right = np.take_along_axis(ordered, below, 0), np.take_along_axis(ordered, above, 0)
    ends = left + (position - below) * (right - left)
    return np.where(num_known >= len(draws) * (1 - INTERVAL[0] / 100), ends, np.nan)
