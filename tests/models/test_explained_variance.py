"""Explainable variance and its explained fraction: against their formulas, and against simulations of known truth."""

import numpy as np
import pytest

from models.explained_variance import explainable_variance, explainable_variance_interval, feve, feve_interval

NUM_NEURONS = 400


def poisson(num_images, num_repeats, seed=0, mean_rate=4.0):
    """Rates (images, neurons), gamma over images with variance mean_rate^2 / 2, and counts (repeats, images, neurons).

    A count's variance is its rate, so the explainable variance is (mean_rate^2 / 2) / (mean_rate^2 / 2 + mean_rate).
    """
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, mean_rate / 2, size=(num_images, NUM_NEURONS))
    return rates, rng.poisson(rates, (num_repeats, num_images, NUM_NEURONS)).astype(np.float64)


def share_held(interval, truth):
    low, high = interval
    return np.mean((low < truth) & (truth < high))


def test_formulas():
    rates, counts = poisson(30, 4)
    noise = counts.var(axis=0, ddof=1).mean(axis=0)
    total = counts.var(axis=(0, 1))
    error = np.square(counts - rates).mean(axis=(0, 1))
    np.testing.assert_allclose(explainable_variance(counts), 1 - noise / total)
    np.testing.assert_allclose(feve(rates, counts), 1 - (error - noise) / (total - noise))


def test_formulas_with_missing_repeats():
    rates, counts = poisson(30, 6)
    counts[np.random.default_rng(1).random(counts.shape) < 0.5] = np.nan
    found, explained = explainable_variance(counts), feve(rates, counts)
    assert np.isnan(counts).all(axis=0).any()  # an image that was not shown at all
    for neuron in range(5):
        shown = [
            (rate, trials[np.isfinite(trials)]) for rate, trials in zip(rates.T[neuron], counts.T[neuron], strict=True)
        ]
        trials = np.concatenate([trials for _, trials in shown])
        noise = sum(np.square(trials - trials.mean()).sum() for _, trials in shown if len(trials))
        noise /= sum(len(trials) - 1 for _, trials in shown if len(trials))
        error = np.concatenate([np.square(trials - rate) for rate, trials in shown]).mean()
        assert found[neuron] == pytest.approx(1 - noise / trials.var())
        assert explained[neuron] == pytest.approx(1 - (error - noise) / (trials.var() - noise))


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_known_truth_of_poisson_counts(missing):
    rates, counts = poisson(400, 6)
    counts[np.random.default_rng(1).random(counts.shape) < missing] = np.nan
    truth = 8 / (8 + 4)
    assert explainable_variance(counts).mean() == pytest.approx(truth, abs=0.005)
    assert share_held(explainable_variance_interval(counts), truth) == pytest.approx(0.94, abs=0.04)
    # a model whose predictions go only half as far from the mean leaves a quarter of the explainable variance
    for predictions, truth in ((rates, 1.0), (2 + rates / 2, 0.75), (rates + np.sqrt(8), 0.0)):
        assert np.median(feve(predictions, counts)) == pytest.approx(truth, abs=0.01)
        assert share_held(feve_interval(predictions, counts), truth) == pytest.approx(0.94, abs=0.04)


def test_a_perfect_prediction_and_the_mean():
    rates, counts = poisson(50, 4)
    noiseless = np.repeat(rates[None], 3, axis=0)
    np.testing.assert_allclose(explainable_variance(noiseless), 1)
    np.testing.assert_allclose(feve(rates, noiseless), 1)
    mean = np.broadcast_to(counts.mean(axis=(0, 1)), rates.shape)
    np.testing.assert_allclose(feve(mean, counts), 0, atol=1e-12)
    assert np.all(feve(mean + 10, counts) < 0)


def test_scale_and_offset():
    rates, counts = poisson(50, 4)
    np.testing.assert_allclose(explainable_variance(1e3 + 7 * counts), explainable_variance(counts))
    np.testing.assert_allclose(feve(1e3 + 7 * rates, 1e3 + 7 * counts), feve(rates, counts))
    assert np.all(feve(7 * rates, counts) < feve(rates, counts))  # unlike a correlation


def test_far_offsets_cost_no_digits():
    rates, counts = poisson(50, 4)
    np.testing.assert_allclose(explainable_variance(1e7 + counts), explainable_variance(counts), rtol=1e-6)
    np.testing.assert_allclose(feve(1e7 + rates, 1e7 + counts), feve(rates, counts), rtol=1e-6)


def test_limit_of_constancy():
    """The SD over all trials, as that of a correlation."""
    rates, counts = poisson(50, 4)
    sd = counts.std(axis=(0, 1))
    for factor, known in ((1.01e-5, True), (0.99e-5, False)):
        scaled = factor / sd * counts
        assert np.all(np.isfinite(explainable_variance(scaled)) == known)
        assert np.all(np.isfinite(feve(factor / sd * rates, scaled)) == known)


def test_as_much_noise_as_variance():
    responses = np.array([[[2.0], [0]], [[0], [-2]]])  # V = S = 2
    assert explainable_variance(responses) == 0
    assert np.isnan(feve(np.array([[1.0], [-1]]), responses))


def test_no_signal_to_explain():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 100, NUM_NEURONS))
    found, explained = explainable_variance(noise), feve(np.zeros((100, NUM_NEURONS)), noise)
    assert found.mean() == pytest.approx(0, abs=0.01)
    np.testing.assert_array_equal(np.isnan(explained), found <= 0)
    low, _ = explainable_variance_interval(noise)
    ends = np.array(feve_interval(np.zeros((100, NUM_NEURONS)), noise))
    known = np.isfinite(ends)
    np.testing.assert_array_equal(known[0], known[1])
    np.testing.assert_array_equal(known[0], low > 0)


def test_what_is_unknown_is_nan():
    rates, counts = poisson(40, 3)
    counts[1:, :, 0] = np.nan  # no repeats
    counts[:, :, 1] = 2.1  # constant
    counts[:, :, 2] = np.nan  # not shown
    counts[:, 1:, 3] = np.nan  # shown one image
    for found in (
        explainable_variance(counts),
        feve(rates, counts),
        *explainable_variance_interval(counts),
        *feve_interval(rates, counts),
    ):
        assert found.shape == (NUM_NEURONS,)
        assert np.all(np.isnan(found[:3]))
        assert np.all(np.isfinite(found[4:]))
    assert np.isnan(feve_interval(rates, counts)[0][3])
    single = counts[:1]
    assert np.all(np.isnan([explainable_variance(single), feve(rates, single), *feve_interval(rates, single)]))
