"""Scores: against numpy, against simulated data of known noise, and at the edges."""

import numpy as np
import pytest

from models import scores

NUM_NEURONS = 300
NAMES = ("val_corr", "test_corr", "ceiling", "explainable_variance", "feve")


def simulated(num_images, num_repeats, noise_sd=1.5, seed=0):
    """Noise-free signals (images, neurons) and noisy repeats (repeats, images, neurons)."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(3, 1, size=(num_images, NUM_NEURONS))
    return signal, signal + noise_sd * rng.normal(size=(num_repeats, num_images, NUM_NEURONS))


def predicted(signal, repeats):
    """The signal predicts the repeats, and the first of them as a validation set."""
    return scores.Predicted(signal, repeats[0], signal, repeats)


def neuron_scores(signal, repeats):
    return scores.neuron_scores(predicted(signal, repeats))


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(50, 8))
    return predictions, 0.5 * predictions + rng.normal(size=(50, 8))


def test_correlation_is_pearsons(pair):
    predictions, responses = pair
    wanted = [np.corrcoef(predictions[:, n], responses[:, n])[0, 1] for n in range(8)]
    np.testing.assert_allclose(scores.correlation(predictions, responses), wanted, rtol=1e-10)
    np.testing.assert_allclose(scores.correlation(predictions, predictions), 1, rtol=1e-10)
    np.testing.assert_allclose(scores.correlation(predictions, -predictions), -1, rtol=1e-10)


def test_correlation_does_not_depend_on_scale_or_offset(pair):
    predictions, responses = pair
    wanted = scores.correlation(predictions, responses)
    np.testing.assert_allclose(scores.correlation(1e3 + predictions, 7 * responses - 1e4), wanted, rtol=1e-6)


def test_far_offsets_cost_no_digits(pair):
    """Of each neuron its own."""
    predictions, responses = pair
    far = 1e7 * np.arange(8)
    wanted = scores.correlation(predictions, responses)
    np.testing.assert_allclose(scores.correlation(predictions + far, responses - far), wanted, rtol=1e-6)
    _, repeats = simulated(50, 4)
    np.testing.assert_allclose(scores.ceiling(repeats + 1e7), scores.ceiling(repeats), rtol=1e-6)


def test_single_precision_is_summed_in_double_precision(pair):
    predictions, responses = (1e3 + array.astype(np.float32) for array in pair)
    wanted = scores.correlation(predictions.astype(np.float64), responses.astype(np.float64))
    np.testing.assert_allclose(scores.correlation(predictions, responses), wanted, rtol=1e-12)


def test_correlation_leaves_out_images_that_were_not_shown(pair):
    predictions, responses = pair
    responses[3, 2] = responses[7, 2] = np.nan
    shown = np.isfinite(responses[:, 2])
    wanted = np.corrcoef(predictions[shown, 2], responses[shown, 2])[0, 1]
    assert scores.correlation(predictions, responses)[2] == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("which", ["prediction", "response", "both"])
def test_a_constant_neuron_counts_as_zero(pair, which):
    predictions, responses = pair
    if which != "response":
        predictions[:, 1] = 2 + 1e-6 * predictions[:, 1]
    if which != "prediction":
        responses[:, 1] = 0
    found = scores.correlation(predictions, responses)
    assert found[1] == 0
    assert np.all(np.delete(found, 1) != 0)


def test_recorded_limit_of_constancy(pair):
    predictions, _ = pair
    predictions = (predictions - predictions.mean(axis=0)) / predictions.std(axis=0)
    assert np.all(scores.correlation(1.01e-5 * predictions, predictions) > 0.99)
    assert np.all(scores.correlation(0.99e-5 * predictions, predictions) == 0)
    assert np.all(scores.correlation(predictions, 1.01e-5 * predictions) > 0.99)
    assert np.all(scores.correlation(predictions, 0.99e-5 * predictions) == 0)


@pytest.mark.parametrize("num_repeats", [2, 4, 10])
def test_ceiling_is_what_the_noise_free_signal_reaches(num_repeats):
    signal, repeats = simulated(200, num_repeats)
    reached = scores.correlation(signal, scores.mean_over_repeats(repeats)).mean()
    assert scores.ceiling(repeats).mean() == pytest.approx(reached, abs=0.01)
    assert reached == pytest.approx(np.sqrt(1 / (1 + 1.5**2 / num_repeats)), abs=0.01)


def test_ceiling_with_missing_repeats():
    signal, repeats = simulated(200, 6)
    missing = np.random.default_rng(1).random(repeats.shape) < 0.5
    missing[0] = False
    repeats[missing] = np.nan
    reached = scores.correlation(signal, scores.mean_over_repeats(repeats)).mean()
    assert scores.ceiling(repeats).mean() == pytest.approx(reached, abs=0.01)


def test_ceiling_is_one_without_noise_and_near_zero_without_signal():
    _, repeats = simulated(200, 3, noise_sd=0)
    np.testing.assert_allclose(scores.ceiling(repeats), 1)
    noise = np.random.default_rng(0).normal(size=(4, 200, NUM_NEURONS))
    assert np.median(scores.ceiling(noise)) < 0.2


def test_no_ceiling_from_single_repeats():
    _, repeats = simulated(60, 1)
    assert np.all(np.isnan(scores.ceiling(repeats)))
    assert np.all(np.isnan(scores.ceiling_interval(repeats)))
    _, repeats = simulated(60, 3)
    repeats[1:, :, 0] = np.nan
    assert np.flatnonzero(np.isnan(scores.ceiling(repeats))).tolist() == [0]


def test_an_image_that_was_not_shown_does_not_count():
    signal, repeats = simulated(30, 4)
    repeats[:, 20:] = np.nan
    for score in ("ceiling", "explainable_variance"):
        np.testing.assert_allclose(getattr(scores, score)(repeats), getattr(scores, score)(repeats[:, :20]), rtol=1e-12)
    for score, wanted in (("correlation", repeats[0]), ("feve", repeats)):
        whole, part = (getattr(scores, score)(signal[:n], wanted[..., :n, :]) for n in (30, 20))
        np.testing.assert_allclose(whole, part, rtol=1e-12)


@pytest.mark.parametrize("score", ["correlation", "ceiling", "explainable_variance", "feve"])
def test_draws_of_an_interval_are_scores_of_images_drawn_with_repetition(score):
    signal, repeats = simulated(12, 4)
    signal, repeats = signal[:, :20], repeats[:, :, :20]
    repeats[:, 6:, :10] = np.nan  # in some draws one or two of the images were shown, or only one, several times
    repeats[2:, ::2, ::2] = np.nan
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=1000)

    def of(rows):
        given = {"correlation": (signal[rows], repeats[0, rows]), "feve": (signal[rows], repeats[:, rows])}
        return given.get(score, [repeats[:, rows]])

    draws = np.array([getattr(scores, score)(*of(np.repeat(np.arange(12), times))) for times in weights])
    known = np.isfinite(draws).mean(axis=0) >= 0.975
    assert known.any()
    found = np.array(getattr(scores, f"{score}_interval")(*of(np.arange(12))))
    np.testing.assert_array_equal(np.isfinite(found), [known, known])
    np.testing.assert_allclose(found[:, known], np.nanpercentile(draws[:, known], [2.5, 97.5], axis=0), rtol=1e-9)


def test_intervals_bracket_the_estimate_and_shrink_with_more_images():
    widths = {}
    for num_images in (40, 160):
        signal, repeats = simulated(num_images, 4)
        found = neuron_scores(signal, repeats)
        for name in NAMES:
            known = np.isfinite(found[f"{name}_lower"])  # FEVE has no interval where the noise may be all there is
            assert known.mean() > (0.5 if name == "feve" else 0.99)
            value, low, high = (found[f"{name}{end}"][known] for end in ("", "_lower", "_upper"))
            assert np.all(low < value)
            assert np.all(value < high)
            widths[name, num_images] = np.median(high - low)
    for name in NAMES:
        assert 0.2 < widths[name, 160] / widths[name, 40] < 0.6  # about one half, less where it is cut at 0 or 1


def test_interval_of_the_correlation_holds_the_true_one_in_95_of_100():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(100, 1000))
    responses = 0.6 * predictions + 0.8 * rng.normal(size=(100, 1000))  # correlated by 0.6
    low, high = scores.correlation_interval(predictions, responses)
    assert np.mean((low < 0.6) & (high > 0.6)) == pytest.approx(0.95, abs=0.03)


def test_scores_are_deterministic_and_those_of_their_functions():
    signal, repeats = simulated(50, 3)
    found, again = neuron_scores(signal, repeats), neuron_scores(signal, repeats)
    assert set(found) == {f"{name}{end}" for name in NAMES for end in ("", "_lower", "_upper")}
    for name in found:
        assert found[name].shape == (NUM_NEURONS,)
        np.testing.assert_array_equal(found[name], again[name])
    responses = scores.mean_over_repeats(repeats)
    np.testing.assert_array_equal(found["val_corr"], scores.correlation(signal, repeats[0]))
    np.testing.assert_array_equal(found["val_corr_lower"], scores.correlation_interval(signal, repeats[0])[0])
    np.testing.assert_array_equal(found["test_corr"], scores.correlation(signal, responses))
    np.testing.assert_array_equal(found["ceiling"], scores.ceiling(repeats))
    np.testing.assert_array_equal(found["test_corr_lower"], scores.correlation_interval(signal, responses)[0])
    np.testing.assert_array_equal(found["ceiling_upper"], scores.ceiling_interval(repeats)[1])
    np.testing.assert_array_equal(found["feve"], scores.feve(signal, repeats))
    np.testing.assert_array_equal(found["feve_upper"], scores.feve_interval(signal, repeats)[1])
    variance_interval = scores.explainable_variance_interval(repeats)
    np.testing.assert_array_equal(found["explainable_variance"], scores.explainable_variance(repeats))
    np.testing.assert_array_equal(found["explainable_variance_lower"], variance_interval[0])
    assert np.any(scores.correlation_interval(signal, responses, seed=1)[0] != found["test_corr_lower"])


@pytest.mark.parametrize("interval", ["correlation", "ceiling", "explainable_variance", "feve"])
def test_draws_of_an_interval_follow_from_its_seed_alone(interval):
    signal, repeats = simulated(30, 3)
    given = {"feve": (signal, repeats), "correlation": (signal, repeats[0])}
    found = getattr(scores, f"{interval}_interval")
    plain, first, other = (found(*given.get(interval, [repeats]), **seed) for seed in ({}, {"seed": 0}, {"seed": 1}))
    np.testing.assert_array_equal(plain, first)
    for end, other_end in zip(first, other, strict=True):
        assert np.any((end != other_end) & np.isfinite(end) & np.isfinite(other_end))


def test_scores_of_repeats_that_are_known_are_taken_as_they_are():
    signal, repeats = simulated(50, 3)
    known = {"ceiling": np.zeros(NUM_NEURONS)}
    found = scores.neuron_scores(predicted(signal, repeats), known)
    assert found["ceiling"] is known["ceiling"]
    assert "explainable_variance" not in found


def test_a_neuron_that_was_never_shown_spoils_no_other():
    signal, repeats = simulated(50, 3)
    whole = neuron_scores(signal, repeats)
    repeats[:, :, 0] = np.nan
    found = neuron_scores(signal, repeats)
    for name in found:
        np.testing.assert_allclose(found[name][1:], whole[name][1:], rtol=1e-12)
    assert (found["test_corr"][0], found["val_corr"][0]) == (0, 0)
    for name in ("ceiling", "explainable_variance", "feve"):
        assert np.all(np.isnan([found[name][0], found[f"{name}_lower"][0], found[f"{name}_upper"][0]]))


@pytest.mark.parametrize("num_images", [1, 2])
def test_a_neuron_that_was_shown_few_images_spoils_no_other(num_images):
    signal, repeats = simulated(50, 3)
    whole = neuron_scores(signal, repeats)
    repeats[:, num_images:, 0] = np.nan
    found = neuron_scores(signal, repeats)
    for name in found:
        np.testing.assert_allclose(found[name][1:], whole[name][1:], rtol=1e-12)
    assert found["test_corr"][0] == pytest.approx([0, 0, 1][num_images])
    assert np.isnan(found["ceiling"][0]) == (num_images == 1)


def test_scores_of_a_model_are_those_of_its_neurons():
    signal, repeats = simulated(80, 4, noise_sd=np.geomspace(0.5, 8, NUM_NEURONS))
    repeats[1:, :, 7] = np.nan  # no ceiling and no FEVE
    given = predicted(signal, repeats)
    neurons = scores.neuron_scores(given)
    found = scores.model_scores([given], neurons)
    for name in ("val_corr", "test_corr"):
        assert found[name] == pytest.approx(neurons[name].mean())
        assert found[f"{name}_median"] == np.median(neurons[name])
        assert found[f"{name}_lower"] < found[name] < found[f"{name}_upper"]
        width = found[f"{name}_upper"] - found[f"{name}_lower"]
        assert width < 0.2 * (neurons[f"{name}_upper"] - neurons[f"{name}_lower"]).mean()
    assert found["ceiling"] == pytest.approx(np.nanmean(neurons["ceiling"]))
    enough = neurons["explainable_variance"] >= 0.15
    assert 50 < enough.sum() < 250
    assert found["feve"] == pytest.approx(neurons["feve"][enough].mean())
    assert found["feve_median"] == np.median(neurons["feve"][enough])


def test_a_neuron_right_at_the_limit_counts_for_feve():
    """The limit itself is enough, as in the paper: 0.15."""
    known = np.full(4, 0.5)
    neurons = dict.fromkeys(("val_corr", "test_corr", "ceiling"), known) | {
        "explainable_variance": np.array([0.149, 0.15, 0.4, 0.5]),
        "feve": np.array([0.1, 0.2, 0.4, 0.9]),
    }
    found = scores.mean_scores(neurons)
    assert (found["feve"], found["feve_median"]) == (pytest.approx(0.5), 0.4)


def test_a_model_without_repeats_has_no_ceiling_and_no_feve():
    signal, repeats = simulated(60, 1)
    given = predicted(signal, repeats)
    found = scores.model_scores([given], scores.neuron_scores(given))
    assert {name for name in found if np.isnan(found[name])} == {"ceiling", "feve", "feve_median"}


def test_a_model_that_predicts_nothing():
    signal, repeats = simulated(60, 4)
    given = predicted(np.full_like(signal, 3.0), repeats)
    neurons = scores.neuron_scores(given)
    assert not neurons["val_corr"].any()
    assert not neurons["test_corr_upper"].any()
    found = scores.model_scores([given], neurons)
    assert [found[f"test_corr{end}"] for end in ("", "_median", "_lower", "_upper")] == [0, 0, 0, 0]
    assert found["feve"] == pytest.approx(0, abs=0.1)
