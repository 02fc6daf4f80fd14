"""Predictions and scores of a model on data, against their formulas."""

import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from models import evaluation, scores
from models.precision import PRECISIONS, Precision


@pytest.fixture
def model(small_model, small_data):
    built = small_model()
    built.initialize(3, small_data)
    return built


def test_predictions_do_not_depend_on_batches(model, small_data):
    whole = evaluation.predict(model, small_data.train_images)
    assert whole.shape == (40, 6)
    assert not whole.requires_grad
    for size in (1, 7, 40):
        torch.testing.assert_close(evaluation.predict(model, small_data.train_images, size), whole, rtol=1e-5, atol=0)


def test_predictions_are_not_rounded_to_tf32(model, small_data, monkeypatch):
    opened = []
    monkeypatch.setattr(Precision, "settings", lambda one, device: opened.append((one, device)) or nullcontext())
    evaluation.predict(model, small_data.test_images)
    assert opened == [(PRECISIONS["float32"], torch.device("cpu"))]
    assert not PRECISIONS["float32"].tf32


def test_validation(model, small_data):
    loss, correlation = evaluation.validate(model, small_data)
    rates = evaluation.predict(model, small_data.validation_images).double().numpy()
    responses = small_data.validation_responses.double().numpy()
    assert loss == pytest.approx((rates - responses * np.log(rates + 1e-5)).sum(axis=1).mean(), rel=1e-5)
    each = [np.corrcoef(rates[:, n], responses[:, n])[0, 1] for n in range(6)]
    assert correlation == pytest.approx(np.mean(each), abs=1e-5)


def test_the_test_set_is_compared_with_the_mean_over_the_repeats_shown(model, small_data):
    responses = small_data.test_responses.clone()
    responses[1, 4] = torch.nan  # a repeat that was not shown
    responses[:, :, 5] = 0  # a neuron without variance counts as 0
    data = dataclasses.replace(small_data, test_responses=responses)
    found = evaluation.test_correlation(model, data)
    rates, mean = evaluation.predict(model, data.test_images).numpy(), np.nanmean(responses.numpy(), axis=0)
    np.testing.assert_allclose(found[:5], [np.corrcoef(rates[:, n], mean[:, n])[0, 1] for n in range(5)], atol=1e-5)
    assert found[5] == 0
    np.testing.assert_allclose(evaluation.score(model, data)[1]["test_corr"], found, atol=1e-12)


def test_the_correlation_of_tensors_is_that_of_the_scores():
    rng = np.random.default_rng(0)
    predictions, responses = rng.normal(30, 1, size=(2, 50, 6)).astype(np.float32)
    responses += predictions
    responses[rng.random(responses.shape) < 0.2] = np.nan
    predictions[:, 1], responses[:, 2], responses[:, 3] = 3, 3, np.nan
    found = evaluation.correlation(torch.from_numpy(predictions), torch.from_numpy(responses))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, scores.correlation(predictions, responses), rtol=1e-9)
    assert (found[1:4] == 0).all()
    assert (found[[0, 4, 5]] > 0.3).all()


@pytest.mark.parametrize(("sd", "expected"), [(1e-5, 0), (1.01e-5, 1)])
def test_what_hardly_varies_counts_as_constant(double, sd, expected):
    one, other = sd * torch.tensor([[1.0], [-1]]), torch.tensor([[1.0], [-1]])
    for predictions, responses in ((one, other), (other, one)):
        assert evaluation.correlation(predictions, responses).item() == pytest.approx(expected, rel=1e-9)


def test_one_image_alone_correlates_with_nothing(double):
    assert evaluation.correlation(torch.tensor([[3.0], [5]]), torch.tensor([[1], [torch.nan]])).item() == 0


def test_scores_of_model_and_neurons(model, small_data):
    found, neurons = evaluation.score(model, small_data)
    assert (found["val_loss"], found["val_corr"]) == pytest.approx(evaluation.validate(model, small_data), rel=1e-12)
    assert found["test_corr"] == pytest.approx(evaluation.test_correlation(model, small_data).mean(), rel=1e-12)
    predictions = evaluation.predict(model, small_data.validation_images).numpy()
    responses = small_data.validation_responses.numpy()
    low, high = scores.correlation_interval(predictions, responses)
    np.testing.assert_array_equal([neurons["val_corr_lower"], neurons["val_corr_upper"]], [low, high])
    predictions = evaluation.predict(model, small_data.test_images).numpy()
    np.testing.assert_array_equal(neurons["feve"], scores.feve(predictions, small_data.test_responses.numpy()))
    assert all(isinstance(value, float) for value in found.values())


def test_a_model_whose_masks_are_zero_has_scores(model, small_data):
    with torch.no_grad():
        model.readout.masks.zero_()
    found, neurons = evaluation.score(model, small_data)
    assert (found["val_corr"], found["test_corr"]) == (0, 0)
    assert np.isfinite(neurons["explainable_variance"]).any()
