"""Intervals by bootstrap: against numpy's percentiles, and by how often they hold the truth."""

import numpy as np
import pytest

from models import bootstrap
from models.scores import correlation, mean_correlation_interval


def mean(weights, values):
    return weights @ values / weights.sum(axis=1, keepdims=True)


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(60, 11))


def test_every_image_counts_once_in_the_estimate(values):
    np.testing.assert_allclose(bootstrap.estimate(mean, values), values.mean(axis=0))


def test_ends_are_percentiles_of_the_draws(values):
    weights = np.random.default_rng(4).multinomial(60, np.full(60, 1 / 60), size=1000)
    wanted = np.percentile(mean(weights, values), [2.5, 97.5], axis=0)
    np.testing.assert_allclose(bootstrap.interval(mean, values, seed=4), wanted)
    half_width = 1.96 * values.std(axis=0) / np.sqrt(60)
    np.testing.assert_allclose(values.mean(axis=0) - wanted[0], half_width, rtol=0.15)
    assert np.any(bootstrap.interval(mean, values, seed=5) != wanted)


def test_blocks_of_neurons_change_nothing(values, monkeypatch):
    whole, whole_mean = bootstrap.interval(mean, values), bootstrap.interval_of_mean(mean, [(values,)])
    monkeypatch.setattr(bootstrap, "BLOCK", 4)
    np.testing.assert_allclose(bootstrap.interval(mean, values), whole, rtol=1e-12)
    np.testing.assert_allclose(bootstrap.interval_of_mean(mean, [(values,)]), whole_mean, rtol=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.04])
def test_draws_without_a_value_are_left_out_if_they_are_few(values, share):
    def sometimes(weights, values):
        draws = mean(weights, values)
        draws[: int(share * len(draws)), 3] = np.nan
        return draws

    whole, found = np.array(bootstrap.interval(mean, values)), np.array(bootstrap.interval(sometimes, values))
    np.testing.assert_array_equal(np.delete(found, 3, axis=1), np.delete(whole, 3, axis=1))
    if share < 0.025:
        np.testing.assert_allclose(found[:, 3], whole[:, 3], atol=0.02)
    else:
        assert np.all(np.isnan(found[:, 3]))


def test_neurons_share_the_draws(values):
    width, width_of_mean = (
        np.diff(ends, axis=0)
        for ends in (
            bootstrap.interval(mean, values[:, :1]),
            bootstrap.interval_of_mean(mean, [(np.repeat(values[:, :1], 50, axis=1),)]),
        )
    )
    np.testing.assert_allclose(width_of_mean, width[:, 0])  # not less by the square root of 50


def test_interval_of_the_mean_holds_what_other_images_give_in_95_of_100():
    rng = np.random.default_rng(0)

    def drawn(num_sets):
        """Predictions and responses (sets, images, neurons) of neurons that see the same three features."""
        features = rng.normal(size=(num_sets, 60, 3))
        predictions = features @ mixture
        return predictions, predictions + rng.normal(size=predictions.shape)

    mixture = 0.5 * rng.normal(size=(3, 40))
    expected = np.mean([correlation(*pair).mean() for pair in zip(*drawn(1000), strict=True)])
    intervals = np.array([mean_correlation_interval([pair]) for pair in zip(*drawn(150), strict=True)])
    held = (intervals[:, 0] < expected) & (expected < intervals[:, 1])
    assert np.mean(held) == pytest.approx(0.94, abs=0.05)


def test_interval_of_the_mean_holds_the_mean_of_many_neurons():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(30, 3000))
    responses = predictions + rng.normal(size=(30, 3000))
    low, high = mean_correlation_interval([(predictions, responses)])
    assert low < correlation(predictions, responses).mean() < high
    assert high - low < 0.02
