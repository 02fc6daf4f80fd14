"""How well a model predicts, and how well any model could: per neuron, from the test set and its repeats."""

from __future__ import annotations

import numpy as np

MIN_SD = 1e-5  # below it a response or a prediction counts as constant, as in the original
NUM_BOOTSTRAPS = 1000
INTERVAL = (2.5, 97.5)  # per cent


def mean_over_repeats(responses: np.ndarray) -> np.ndarray:
    """(images, neurons): mean of responses (repeats, images, neurons) over the repeats that were shown."""
    shown = np.isfinite(responses)
    total = np.where(shown, responses, 0).sum(axis=0, dtype=np.float64)
    count = shown.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def correlation(predictions: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(neurons,): Pearson's correlation over images of two arrays (images, neurons).

    A neuron whose response or prediction does not vary counts as 0, as in the original, and so does one that was
    shown nothing; images where a response is NaN do not count for that neuron.
    """
    return _correlation(np.ones((1, len(predictions))), predictions, responses)[0]


def correlation_interval(
    predictions: np.ndarray, responses: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end (neurons,) of the 95 % interval of `correlation`, by bootstrap over images."""
    return _interval(_correlation(_bootstrap_counts(len(predictions), seed), predictions, responses))


def ceiling(responses: np.ndarray) -> np.ndarray:
    """(neurons,): the best correlation with the mean over repeats that any model can expect.

    It is the square root of the explainable fraction of the variance of that mean: one minus the variance of
    the noise that the mean still holds, estimated from repeats (repeats, images, neurons), over the variance of
    the mean over images (Ecker et al., ICLR 2019, section 4). NaN where no image has two repeats.
    """
    return _ceiling(np.ones((1, responses.shape[1])), *_moments(responses))[0]


def ceiling_interval(responses: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end (neurons,) of the 95 % interval of the ceiling, by bootstrap over images."""
    return _interval(_ceiling(_bootstrap_counts(responses.shape[1], seed), *_moments(responses)))


def neuron_scores(predictions: np.ndarray, repeats: np.ndarray) -> dict[str, np.ndarray]:
    """All scores by name, each (neurons,), of predictions (images, neurons) and repeats (repeats, images, neurons)."""
    responses = mean_over_repeats(repeats)
    test_corr_lower, test_corr_upper = correlation_interval(predictions, responses)
    ceiling_lower, ceiling_upper = ceiling_interval(repeats)
    return {
        "test_corr": correlation(predictions, responses),
        "test_corr_lower": test_corr_lower,
        "test_corr_upper": test_corr_upper,
        "ceiling": ceiling(repeats),
        "ceiling_lower": ceiling_lower,
        "ceiling_upper": ceiling_upper,
    }


def _correlation(weights: np.ndarray, predictions: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(draws, neurons) for weights (draws, images): how often each image counts in each draw."""
    shown = np.isfinite(responses)
    counts = np.maximum(weights @ shown, 1)  # without images nothing varies
    # centred once over all images, so that the differences of squares below lose no digits
    x = np.where(shown, predictions - np.mean(predictions, axis=0, dtype=np.float64), 0.0)
    y = np.where(shown, responses - _mean_over_images(responses), 0.0)
    mean_x, mean_y = weights @ x / counts, weights @ y / counts
    variance_x = weights @ np.square(x) / counts - np.square(mean_x)
    variance_y = weights @ np.square(y) / counts - np.square(mean_y)
    covariance = weights @ (x * y) / counts - mean_x * mean_y
    constant = (variance_x <= MIN_SD**2) | (variance_y <= MIN_SD**2)
    return np.where(constant, 0.0, covariance / np.sqrt(np.where(constant, 1.0, variance_x * variance_y)))


def _moments(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per image and neuron: mean over repeats, sum of squares about it, number of repeats."""
    repeats = np.isfinite(responses).sum(axis=0)
    mean = mean_over_repeats(responses)
    squares = np.where(np.isfinite(responses), np.square(responses - mean), 0).sum(axis=0, dtype=np.float64)
    return mean, squares, repeats


def _ceiling(weights: np.ndarray, mean: np.ndarray, squares: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """(draws, neurons) for weights (draws, images): how often each image counts in each draw."""
    shown = (repeats > 0).astype(np.float64)
    images = weights @ shown
    centred = np.where(repeats > 0, mean - _mean_over_images(mean), 0.0)
    several = np.maximum(images, 2)
    variance = (weights @ np.square(centred) - np.square(weights @ centred) / several) / (several - 1)
    # one variance of single trials for all images, so that images with few repeats add no noise of their own
    freedom = weights @ np.maximum(repeats - 1, 0)
    known = (freedom > 0) & (images > 1) & (variance > 0)
    single = (weights @ squares) / np.where(known, freedom, 1)
    noise = single * (weights @ (shown / np.maximum(repeats, 1))) / several
    return np.where(known, np.sqrt(np.clip(1 - noise / np.where(known, variance, 1), 0, 1)), np.nan)


def _mean_over_images(responses: np.ndarray) -> np.ndarray:
    """(neurons,): mean of responses (images, neurons) over the images that were shown, 0 where none was."""
    shown = np.isfinite(responses)
    return np.where(shown, responses, 0).sum(axis=0, dtype=np.float64) / np.maximum(shown.sum(axis=0), 1)


def _bootstrap_counts(num_images: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.multinomial(num_images, np.full(num_images, 1 / num_images), size=NUM_BOOTSTRAPS).astype(float)


def _interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.percentile(draws, INTERVAL, axis=0)
    return low, high
