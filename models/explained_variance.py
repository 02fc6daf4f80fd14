"""How much of the variance of single trials the images explain, and how much of that a model does.

Both as in Cadena et al., "Deep convolutional models improve predictions of macaque V1 responses to natural images",
PLOS Computational Biology 15 (2019), doi:10.1371/journal.pcbi.1006897, Methods. For a neuron's responses r_ij to image
i in repeat j, their mean m_i over the n_i repeats that were shown, N trials in all and their mean m,

    total variance      V = sum_ij (r_ij - m)^2 / N
    noise variance      S = sum_ij (r_ij - m_i)^2 / sum_i (n_i - 1)

where every image has as many repeats, S is the mean over images of the variance over repeats, as in the paper.
"""

from __future__ import annotations

import numpy as np

from models import bootstrap
from models.lazy import Rows
from models.repeats import MIN_SD, mean_over_images, moments, noise_variance, ratio


def explainable_variance(responses: Rows) -> np.ndarray:
    """(neurons,): (V - S) / V, the fraction of the variance of single trials that is not noise.

    responses: (repeats, images, neurons), NaN where a repeat was not shown. It is an estimate that is not cut at 0, so
    that a neuron of pure noise may have a negative one. NaN where no image has two repeats, and of constant neurons.
    """
    return bootstrap.estimate(_explainable, *moments(responses))


def explainable_variance_interval(responses: np.ndarray, seed: int = 0) -> bootstrap.Interval:
    """Lower and upper end (neurons,) of the 95 % interval of the explainable variance, by bootstrap over images."""
    return bootstrap.interval(_explainable, *moments(responses), seed=seed)


def feve(predictions: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(neurons,): 1 - (E - S) / (V - S), E = sum_ij (r_ij - p_i)^2 / N: fraction of explainable variance explained.

    predictions: (images, neurons), on the scale of responses (repeats, images, neurons). 1 is a perfect model, 0 the
    mean response, and there is no lower bound. NaN where V - S is not positive or not known; where it is close to 0
    the fraction says little, so look at neurons of some explainable variance (at least 0.15 in the paper).
    """
    return bootstrap.estimate(_feve, predictions, *moments(responses))


def feve_interval(predictions: np.ndarray, responses: np.ndarray, seed: int = 0) -> bootstrap.Interval:
    """Lower and upper end (neurons,) of the 95 % interval of `feve`, by bootstrap over images.

    NaN where V - S is not positive in more than 2.5 % of the draws: then the fraction has no bound.
    """
    return bootstrap.interval(_feve, predictions, *moments(responses), seed=seed)


def _explainable(weights: np.ndarray, mean: np.ndarray, squares: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    total = _total_variance(weights, mean, squares, repeats)
    return ratio(total - noise_variance(weights, squares, repeats), total, total > MIN_SD**2)


def _feve(
    weights: np.ndarray, predictions: np.ndarray, mean: np.ndarray, squares: np.ndarray, repeats: np.ndarray
) -> np.ndarray:
    noise = noise_variance(weights, squares, repeats)
    total = _total_variance(weights, mean, squares, repeats)
    # r - p = (r - m_i) + (m_i - p), and the two are orthogonal within an image
    away = repeats * np.square(np.where(repeats > 0, mean - predictions, 0.0))
    error = weights @ (squares + away) / np.maximum(weights @ repeats, 1)
    known = (total > MIN_SD**2) & (total > noise)
    return 1 - ratio(error - noise, total - noise, known)


def _total_variance(weights: np.ndarray, mean: np.ndarray, squares: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    trials = np.maximum(weights @ repeats, 1)
    # centred once over all images, so that the difference of squares loses no digits
    centred = np.where(repeats > 0, mean - mean_over_images(mean), 0.0)
    between = weights @ (squares + repeats * np.square(centred)) / trials
    return between - np.square(weights @ (repeats * centred) / trials)
