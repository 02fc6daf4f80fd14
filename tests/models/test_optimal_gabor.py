"""Optimal Gabors and orientation tuning: against all rates at once, and of neurons whose optimum is known."""

import numpy as np
import pytest
import torch

from models import GaborSet
from models.gratings import gaussian, grating
from models.optimal_gabor import optimal_gabors, tuning_orientations

GABORS = GaborSet((10, 9), (3, 7, 2, 7), [4.0, 7.0], [1.0, 1.5], [1.0, 4.0], 4, 3, center_step=2)
V1_GABORS = GaborSet((32, 28), (1, 32, 1, 28), [8.0, 14.0], [1.5], [2.0], 8, 4, center_step=3)


@pytest.fixture(scope="module")
def of_v1(v1_model):
    return optimal_gabors(v1_model, V1_GABORS, batch_size=2000)


@torch.no_grad()
def test_maxima_and_means_of_all_rates(double, small_model):
    model = small_model().eval()
    rates = model(GABORS.images(np.arange(len(GABORS)))[:, None]).numpy()
    shown = []
    found, curves = optimal_gabors(model, GABORS, batch_size=50, progress=lambda *counts: shown.append(counts))
    index = rates.argmax(axis=0)
    np.testing.assert_array_equal(found["gabor_index"], index)
    np.testing.assert_allclose(found["response"], rates.max(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["mean_response"], rates.mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(found["x"], GABORS.parameters(index)["x"])
    by_parameter = rates.reshape(*GABORS.num_params, 6)
    for neuron, number in enumerate(index):
        place, size, frequency, contrast, _, _ = np.unravel_index(number, GABORS.num_params)
        tuning = by_parameter[place, size, frequency, contrast, :, :, neuron].mean(axis=1)
        np.testing.assert_allclose(curves[neuron], np.roll(tuning, 2), rtol=1e-12)  # stripes lie across the wave
    assert shown[-1] == (6 * 12, 6 * 12)
    assert (len(GABORS), len(GABORS)) in shown


def test_batches_change_nothing(double, small_model):
    model = small_model()
    whole, curves = optimal_gabors(model, GABORS, batch_size=10**6)
    parts, curves_of_parts = optimal_gabors(model, GABORS, batch_size=1)
    np.testing.assert_allclose(curves, curves_of_parts, rtol=1e-12)
    for name, values in whole.items():
        np.testing.assert_allclose(values, parts[name], rtol=1e-9, err_msg=name)


def test_parameters_draw_the_optimal_gabor_again(of_v1):
    found, _ = of_v1
    place = found["x"], found["y"]
    like = torch.zeros(1, dtype=torch.float64)
    waves = grating((28, 32), like, *place, found["orientation"], found["spatial_frequency"], found["phase"])
    again = waves * gaussian((28, 32), like, *place, found["size"])
    torch.testing.assert_close(again, V1_GABORS.images(found["gabor_index"]), rtol=0, atol=1e-12)
    assert ((found["orientation"] >= 0) & (found["orientation"] < np.pi)).all()


def test_places_and_orientations_of_known_neurons(v1_model, of_v1):
    found, curves = of_v1
    neurons = v1_model.neurons
    assert np.hypot(found["centre_x"] - neurons.x, found["centre_y"] - neurons.y).max() < 0.5
    apart = np.angle(np.exp(2j * (found["preferred_orientation"] - neurons.orientation))) / 2
    assert np.abs(apart).max() < np.radians(3)
    nearest = tuning_orientations(V1_GABORS)[curves.argmax(axis=1)]
    assert np.abs(np.angle(np.exp(2j * (nearest - neurons.orientation))) / 2).max() < np.radians(22.5)
    assert ((found["orientation_selectivity"] > 0.1) & (found["orientation_selectivity"] < 1)).all()


def test_neurons_that_do_not_vary(double, small_model):
    model = small_model()
    with torch.no_grad():
        model.readout.feature_weights[1] = 0
        model.readout.masks[4] = 0
    found, curves = optimal_gabors(model, GABORS, batch_size=64)
    constant = np.isin(np.arange(6), [1, 4])
    np.testing.assert_array_equal(found.pop("gabor_index") == -1, constant)
    assert np.isfinite(found.pop("mean_response")).all()
    np.testing.assert_array_equal(np.isnan(curves).all(axis=1), constant)
    for name, values in found.items():
        np.testing.assert_array_equal(np.isnan(values), constant, err_msg=name)


def test_one_place(v1_model):
    gabors = GaborSet((32, 28), (9, 10, 8, 9), [11.3], [1.4], [2.0], 2, 1)
    found, _ = optimal_gabors(v1_model, gabors, batch_size=8)
    near = found["gabor_index"] >= 0
    assert near.any()
    np.testing.assert_array_equal(found["centre_x"][near], 9)
    np.testing.assert_array_equal(found["centre_y"][near], 8)
