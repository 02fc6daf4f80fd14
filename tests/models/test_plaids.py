"""Plaids: what is shown, and suppression in neurons that are known to have it or not."""

from functools import partial

import numpy as np
import pytest

from models import GaborSet
from models.optimal_gabor import optimal_gabors
from models.plaids import orthogonal_plaids
from unknown_parameters import assert_unknown_stays_unknown

CONTRASTS = [0.0, 0.5, 2.0]


def parameters(neurons):
    phase = np.nan_to_num(neurons.phase)
    return [neurons.x, neurons.y, 4 * neurons.size, neurons.spatial_frequency, neurons.orientation, phase]


def plaids(model, parameters, contrasts=CONTRASTS, batch_size=64):
    options = {"contrasts": contrasts, "num_phases": 4, "batch_size": batch_size}
    return orthogonal_plaids(model, *parameters, image_size=(28, 32), **options)


def test_only_cross_orientation_suppressed_neurons_are_suppressed(v1_model):
    neurons = v1_model.neurons
    found = plaids(v1_model, parameters(neurons))
    suppressed = neurons.kind == "cross-orientation suppressed"
    assert found["suppression_index"][suppressed].min() > 0.5
    assert np.abs(found["suppression_index"][~suppressed]).max() < 0.1
    np.testing.assert_allclose(found["responses"], plaids(v1_model, parameters(neurons), batch_size=5)["responses"])


def test_rows_are_a_neurons_own_contrasts(v1_model):
    found = plaids(v1_model, parameters(v1_model.neurons))
    responses, grey = found["responses"], found["grey_response"]
    np.testing.assert_allclose(responses[:, 0, 0], grey)
    assert (responses[:, 2, 0] > responses[:, 1, 0]).all()
    orthogonal_alone = (responses[:, 0, 2] - grey) / (responses[:, 2, 0] - grey)
    assert np.abs(orthogonal_alone).max() < 0.05


def test_without_the_orthogonal_patch_it_is_the_optimal_gabor(v1_model):
    gabors = GaborSet((32, 28), (1, 32, 1, 28), [11.3], [1.4], [2.0], 4, 4, center_step=5)
    best, _ = optimal_gabors(v1_model, gabors, batch_size=500)
    names = ["x", "y", "size", "spatial_frequency", "orientation", "phase"]
    found = plaids(v1_model, [best[name] for name in names])
    np.testing.assert_allclose(found["responses"][:, 2, 0], best["response"], rtol=1e-9)


@pytest.mark.parametrize("unknown", range(6))
def test_unknown_stays_unknown(v1_model, unknown):
    assert_unknown_stays_unknown(partial(plaids, v1_model), parameters(v1_model.neurons), unknown, neuron=5)


def test_constant_rates_have_no_index(constant_neuron):
    given = [np.full(6, value) for value in (5.0, 4.0, 6.0, 0.2, 0.3, 0.0)]
    found = orthogonal_plaids(
        constant_neuron, *given, image_size=(9, 10), contrasts=[0, 1], num_phases=2, batch_size=50
    )
    assert np.isnan(found["suppression_index"][2])
    assert np.ptp(found["responses"][2]) == 0


def test_contrasts_without_zero_are_refused(v1_model):
    with pytest.raises(ValueError, match=r"contrasts are .*0 must be among them"):
        plaids(v1_model, parameters(v1_model.neurons), contrasts=[0.5, 1.0])
