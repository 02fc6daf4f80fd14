"""What repeats of the same images tell: the mean response, and the noise about it.

Responses are (repeats, images, neurons), NaN where a repeat was not shown; only a chunk of repeats is in memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.lazy import Rows, chunks

MIN_SD = 1e-5  # below it a response or a prediction counts as constant, as in the original


class Moments(NamedTuple):
    """Of each image and neuron, each (images, neurons)."""

    mean: np.ndarray  # over the repeats that were shown; NaN where none was
    squares: np.ndarray  # sum over those repeats of the squared difference from that mean
    repeats: np.ndarray  # their number


def mean_over_repeats(responses: Rows) -> np.ndarray:
    """(images, neurons): mean of responses (repeats, images, neurons) over the repeats that were shown."""
    return _mean_and_number(responses)[0]


def moments(responses: Rows) -> Moments:
    """Mean, sum of squares about it and number of repeats, of responses (repeats, images, neurons)."""
    mean, number = _mean_and_number(responses)
    squares = np.zeros(mean.shape)
    for _, part in chunks(responses):
        squares += np.where(np.isfinite(part), np.square(part - mean), 0).sum(axis=0, dtype=np.float64)
    return Moments(mean, squares, number)


def mean_over_images(responses: np.ndarray) -> np.ndarray:
    """(neurons,): mean of responses (images, neurons) over the images that were shown, 0 where none was."""
    shown = np.isfinite(responses)
    return np.where(shown, responses, 0).sum(axis=0, dtype=np.float64) / np.maximum(shown.sum(axis=0), 1)


def noise_variance(weights: np.ndarray, squares: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """(draws, neurons): variance of single trials about their image's mean; NaN where no image has two repeats.

    weights (draws, images): how often each image counts in each draw. It is one variance for all images, so that
    images with few repeats add no noise of their own.
    """
    freedom = weights @ np.maximum(repeats - 1, 0)
    return ratio(weights @ squares, freedom, freedom > 0)


def ratio(numerator: np.ndarray, denominator: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Their quotient where it is known, NaN elsewhere."""
    return np.where(known, numerator / np.where(known, denominator, 1), np.nan)


def _mean_and_number(responses: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the repeats that were shown, NaN where none was, and their number; each (images, neurons)."""
    total = np.zeros(responses.shape[1:])
    number = np.zeros(responses.shape[1:], np.int64)
    for _, part in chunks(responses):
        shown = np.isfinite(part)
        total += np.where(shown, part, 0).sum(axis=0, dtype=np.float64)
        number += shown.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan), number
