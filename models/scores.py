"""How well a model predicts, and how well any model could: per neuron, and over all neurons of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models import bootstrap
from models.explained_variance import explainable_variance, explainable_variance_interval, feve, feve_interval
from models.lazy import Rows
from models.repeats import MIN_SD, mean_over_images, mean_over_repeats, moments, noise_variance, ratio

MIN_EXPLAINABLE_VARIANCE = 0.15  # of neurons whose FEVE counts, as in Cadena et al., 2019


def correlation(predictions: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(neurons,): Pearson's correlation over images of two arrays (images, neurons).

    A neuron whose response or prediction does not vary counts as 0, as in the original, and so does one that was
    shown nothing; images where a response is NaN do not count for that neuron.
    """
    return bootstrap.estimate(_correlation, predictions, responses)


def correlation_interval(predictions: np.ndarray, responses: np.ndarray, seed: int = 0) -> bootstrap.Interval:
    """Lower and upper end (neurons,) of the 95 % interval of `correlation`, by bootstrap over images."""
    return bootstrap.interval(_correlation, predictions, responses, seed=seed)


def mean_correlation_interval(samples: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of the mean of `correlation` over neurons, by bootstrap over images.

    samples: predictions and responses of each recording, whose images are drawn for all of its neurons at once.
    """
    return bootstrap.interval_of_mean(_correlation, samples)


def ceiling(responses: Rows) -> np.ndarray:
    """(neurons,): the best correlation with the mean over repeats that any model can expect.

    It is the square root of the explainable fraction of the variance of that mean: one minus the variance of
    the noise that the mean still holds, estimated from repeats (repeats, images, neurons), over the variance of
    the mean over images (Ecker et al., ICLR 2019, section 4). NaN where no image has two repeats.
    """
    return bootstrap.estimate(_ceiling, *moments(responses))


def ceiling_interval(responses: np.ndarray, seed: int = 0) -> bootstrap.Interval:
    """Lower and upper end (neurons,) of the 95 % interval of the ceiling, by bootstrap over images."""
    return bootstrap.interval(_ceiling, *moments(responses), seed=seed)


class Predicted(NamedTuple):
    """What a model predicted, on the scale of the responses, and what was recorded; arrays (images, neurons)."""

    validation_predictions: np.ndarray
    validation_responses: np.ndarray
    test_predictions: np.ndarray
    test_responses: np.ndarray  # (repeats, images, neurons), NaN where a repeat was not shown


def repeat_scores(responses: np.ndarray) -> dict[str, np.ndarray]:
    """What `neuron_scores` tells of repeats (repeats, images, neurons) alone: no model changes it."""
    values = {"ceiling": ceiling(responses), "explainable_variance": explainable_variance(responses)}
    intervals = {
        "ceiling": ceiling_interval(responses),
        "explainable_variance": explainable_variance_interval(responses),
    }
    return values | _ends(intervals)


def neuron_scores(predicted: Predicted, repeat: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """All scores by name, each (neurons,), with the ends of their 95 % intervals as `..._lower` and `..._upper`.

    val_corr: correlation with the responses to the validation set.
    test_corr: correlation with the mean over repeats of the test set.
    ceiling, explainable_variance, feve: of the test set; NaN where unknown, see the functions of that name.

    repeat: `repeat_scores` of the test responses, where they are known already.
    """
    validation = predicted.validation_predictions, predicted.validation_responses
    predictions, repeats = predicted.test_predictions, predicted.test_responses
    mean = mean_over_repeats(repeats)
    values = {
        "val_corr": correlation(*validation),
        "test_corr": correlation(predictions, mean),
        "feve": feve(predictions, repeats),
    }
    intervals = {
        "val_corr": correlation_interval(*validation),
        "test_corr": correlation_interval(predictions, mean),
        "feve": feve_interval(predictions, repeats),
    }
    return values | _ends(intervals) | (repeat_scores(repeats) if repeat is None else repeat)


def model_scores(predicted: Sequence[Predicted], neurons: dict[str, np.ndarray]) -> dict[str, float]:
    """Scores over all neurons, from what was predicted of each recording and theirs as `neuron_scores` gives them.

    val_corr, test_corr: mean over neurons; `..._median` the median; `..._lower` and `..._upper` the 95 % interval of
        the mean by bootstrap over images, which are drawn for all neurons of a recording at once.
    ceiling: mean over the neurons whose ceiling is known.
    feve: mean over the neurons of an explainable variance of at least 0.15, since a fraction of next to nothing may be
        any number; `feve_median` the median over them. NaN where there are none.
    """
    pairs = {
        "val_corr": [(one.validation_predictions, one.validation_responses) for one in predicted],
        "test_corr": [(one.test_predictions, mean_over_repeats(one.test_responses)) for one in predicted],
    }
    found = mean_scores(neurons)
    for name, of_recordings in pairs.items():
        found[f"{name}_lower"], found[f"{name}_upper"] = mean_correlation_interval(of_recordings)
    return found


def mean_scores(neurons: dict[str, np.ndarray]) -> dict[str, float]:
    """Of `model_scores` those that follow from the neurons' alone: all but the ends of intervals."""
    found = {}
    for name in ("val_corr", "test_corr"):
        found[name], found[f"{name}_median"] = _mean_and_median(neurons[name])
    found["ceiling"], _ = _mean_and_median(neurons["ceiling"])
    enough = neurons["explainable_variance"] >= MIN_EXPLAINABLE_VARIANCE
    found["feve"], found["feve_median"] = _mean_and_median(neurons["feve"][enough])
    return found


def _ends(intervals: dict[str, bootstrap.Interval]) -> dict[str, np.ndarray]:
    lower = {f"{name}_lower": low for name, (low, _) in intervals.items()}
    return lower | {f"{name}_upper": high for name, (_, high) in intervals.items()}


def _mean_and_median(values: np.ndarray) -> tuple[float, float]:
    """Of the values that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return (float(known.mean()), float(np.median(known))) if len(known) else (np.nan, np.nan)


def _correlation(weights: np.ndarray, predictions: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(draws, neurons) for weights (draws, images): how often each image counts in each draw."""
    shown = np.isfinite(responses)
    counts = np.maximum(weights @ shown, 1)  # without images nothing varies
    # centred once over all images, so that the differences of squares below lose no digits
    x = np.where(shown, predictions - np.mean(predictions, axis=0, dtype=np.float64), 0.0)
    y = np.where(shown, responses - mean_over_images(responses), 0.0)
    mean_x, mean_y = weights @ x / counts, weights @ y / counts
    variance_x = weights @ np.square(x) / counts - np.square(mean_x)
    variance_y = weights @ np.square(y) / counts - np.square(mean_y)
    covariance = weights @ (x * y) / counts - mean_x * mean_y
    constant = (variance_x <= MIN_SD**2) | (variance_y <= MIN_SD**2)
    return np.where(constant, 0.0, covariance / np.sqrt(np.where(constant, 1.0, variance_x * variance_y)))


def _ceiling(weights: np.ndarray, mean: np.ndarray, squares: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """(draws, neurons) for weights (draws, images): how often each image counts in each draw."""
    shown = (repeats > 0).astype(np.float64)
    images = weights @ shown
    centred = np.where(repeats > 0, mean - mean_over_images(mean), 0.0)
    several = np.maximum(images, 2)
    variance = (weights @ np.square(centred) - np.square(weights @ centred) / several) / (several - 1)
    single = noise_variance(weights, squares, repeats)
    noise = single * (weights @ (shown / np.maximum(repeats, 1))) / several
    return np.sqrt(np.clip(1 - ratio(noise, variance, (images > 1) & (variance > 0)), 0, 1))
