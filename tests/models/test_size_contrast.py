"""Tuning to size and contrast: what is shown, and suppression in neurons that are known to have it or not."""

from functools import partial

import numpy as np
import pytest
import torch

from models.size_contrast import size_contrast_tuning
from unknown_parameters import assert_unknown_stays_unknown

SIZES, CONTRASTS = [4.0, 8.0, 12.0, 28.0], [2.0, 0.5]


class Camera(torch.nn.Module):
    """Each pixel is a neuron."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, images):
        return images.flatten(1)

    def rates_of(self, images, neurons):
        return self(images)[:, neurons]


def parameters(neurons):
    phase = np.nan_to_num(neurons.phase)
    return [neurons.x, neurons.y, neurons.spatial_frequency, neurons.orientation, phase]


def tuning(model, parameters, num_phases=4, batch_size=64):
    options = {"sizes": SIZES, "contrasts": CONTRASTS, "num_phases": num_phases, "batch_size": batch_size}
    return size_contrast_tuning(model, *parameters, image_size=(28, 32), **options)


def test_patches_are_discs_of_a_grating_on_grey():
    rows, columns = np.indices((28, 32))
    x, y, frequency, orientation, phase = 14.3, 12.8, 0.13, 0.4, 1.1
    given = [np.full(28 * 32, value) for value in (x, y, frequency, orientation, phase)]
    curves = tuning(Camera(), given, num_phases=1)["curves"].reshape(28, 32, 4, 2)
    across = (columns - x) * np.sin(orientation) + (rows - y) * np.cos(orientation)
    wave = np.cos(2 * np.pi * frequency * across - phase)
    distance = np.hypot(columns - x, rows - y)
    for i, size in enumerate(SIZES):
        for j, contrast in enumerate(CONTRASTS):
            inside, outside = distance < size / 2 - 0.5, distance > size / 2 + 0.5
            np.testing.assert_allclose(curves[inside, i, j], contrast / 2 * wave[inside], rtol=0, atol=1e-12)
            assert not curves[outside, i, j].any()


def test_end_stopped_neurons_are_suppressed(v1_model):
    neurons = v1_model.neurons
    found = tuning(v1_model, parameters(neurons))
    stopped = neurons.kind == "end-stopped"
    assert found["suppression_index"][stopped].min() > 0.5
    assert np.abs(found["suppression_index"][~stopped]).max() < 0.1
    assert found["preferred_size"][stopped].max() < 28
    # rates do not depend on how they were batched, and grow with contrast for what nothing suppresses
    np.testing.assert_allclose(tuning(v1_model, parameters(neurons), batch_size=7)["curves"], found["curves"])
    high, low = np.moveaxis(found["curves"][~stopped], 2, 0)
    assert (high >= low).all()
    grey = v1_model(torch.zeros(1, 1, 28, 32, dtype=torch.float64))[0].numpy()
    np.testing.assert_allclose(found["grey_response"], grey)


def test_a_cycle_of_phases_leaves_no_phase(v1_model):
    first, turned = parameters(v1_model.neurons), parameters(v1_model.neurons)
    turned[4] = turned[4] + np.pi / 2
    found = tuning(v1_model, first)["curves"]
    np.testing.assert_allclose(found, tuning(v1_model, turned)["curves"])
    simple = v1_model.neurons.kind == "simple"
    assert (tuning(v1_model, first, num_phases=1)["curves"][simple, 2, 0] > 1.5 * found[simple, 2, 0]).all()


@pytest.mark.parametrize("unknown", range(5))
def test_unknown_stays_unknown(v1_model, unknown):
    assert_unknown_stays_unknown(partial(tuning, v1_model), parameters(v1_model.neurons), unknown, neuron=3)


def test_constant_rates_have_no_index(constant_neuron):
    given = [np.full(6, value) for value in (5.0, 4.0, 0.2, 0.3, 0.0)]
    found = size_contrast_tuning(
        constant_neuron, *given, image_size=(9, 10), sizes=[3, 8], contrasts=[1, 3], num_phases=2, batch_size=50
    )
    assert np.isnan(found["suppression_index"][2])
    assert np.isnan(found["preferred_size"][2])
    assert np.ptp(found["curves"][2]) == 0
