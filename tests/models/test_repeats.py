"""Repeats of the same images: means and noise, against numpy."""

from functools import partial

import numpy as np
import pytest

from models import repeats
from models.lazy import LazyArray, chunks


@pytest.fixture
def responses():
    """(repeats, images, neurons) with repeats that were not shown."""
    rng = np.random.default_rng(0)
    responses = rng.gamma(1.0, size=(5, 12, 3))
    responses[rng.random(responses.shape) < 0.3] = np.nan
    responses[0] = 1.0
    responses[1:, 4] = np.nan
    return responses


def test_mean_over_repeats_leaves_out_what_was_not_shown():
    responses = np.array([[[1.0, 2], [3, 4]], [[5, np.nan], [np.nan, np.nan]], [[np.nan, 6], [np.nan, np.nan]]])
    np.testing.assert_array_equal(repeats.mean_over_repeats(responses), [[3, 4], [3, 4]])
    responses[0, 1, 1] = np.nan
    np.testing.assert_array_equal(repeats.mean_over_repeats(responses), [[3, 4], [3, np.nan]])


def test_moments(responses):
    found = repeats.moments(responses)
    np.testing.assert_allclose(found.mean, np.nanmean(responses, axis=0))
    np.testing.assert_array_equal(found.repeats, np.isfinite(responses).sum(axis=0))
    np.testing.assert_allclose(found.squares, np.nanvar(responses, axis=0) * found.repeats, atol=1e-15)


def test_moments_of_more_than_a_chunk(monkeypatch):
    responses = np.random.default_rng(0).gamma(1.0, size=(3, 40, 5)).astype(np.float32)
    responses[1:, ::3] = np.nan
    in_parts = LazyArray(responses.shape, responses.dtype, lambda start, stop: responses[start:stop])
    monkeypatch.setattr(repeats, "chunks", partial(chunks, most_bytes=800))
    found = repeats.moments(in_parts)
    monkeypatch.undo()
    for part, whole in zip(found, repeats.moments(responses), strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-12)


def test_mean_over_images_leaves_out_what_was_not_shown():
    responses = np.full((3, 4), np.nan, dtype=np.float32)
    responses[:2, 0], responses[1, 1], responses[:, 2] = [1, 2], 5, [2**24, 1, 1]  # which single precision cannot add
    np.testing.assert_array_equal(repeats.mean_over_images(responses), [1.5, 5, (2**24 + 2) / 3, 0])


def test_noise_variance_is_pooled_over_images(responses):
    _, squares, number = repeats.moments(responses)
    weights = np.array([np.ones(12), np.eye(12)[4], 3 * np.eye(12)[2] + np.eye(12)[5]])
    found = repeats.noise_variance(weights, squares, number)
    np.testing.assert_allclose(found[0], squares.sum(axis=0) / (number - 1).sum(axis=0))
    assert np.all(np.isnan(found[1]))  # an image that was shown once
    drawn = responses[:, [2, 2, 2, 5]]
    wanted = (np.nanvar(drawn, axis=0) * np.isfinite(drawn).sum(axis=0)).sum(axis=0)
    np.testing.assert_allclose(found[2], wanted / (np.isfinite(drawn).sum(axis=0) - 1).sum(axis=0))


def test_noise_variance_of_a_single_pair():
    _, squares, number = repeats.moments(np.array([[[1.0], [5]], [[3], [np.nan]]]))
    assert repeats.noise_variance(np.ones((1, 2)), squares, number) == 2


def test_noise_variance_of_equal_repeats_is_the_mean_variance():
    responses = np.random.default_rng(0).normal(size=(4, 30, 7))
    found = repeats.noise_variance(np.ones((1, 30)), *repeats.moments(responses)[1:])
    np.testing.assert_allclose(found[0], responses.var(axis=0, ddof=1).mean(axis=0))
