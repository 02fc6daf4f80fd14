"""Statistics of feature weights: against weights that are set by hand, and against a core that turns."""

import numpy as np
import pytest
import torch

from models.feature_weights import feature_weights, readout_vectors

NUM_ROTATIONS, NUM_FEATURES = 4, 2  # of the small model
PER_NEURON = ("num_features", "dominant_feature", "dominant_share", "preferred_orientation")


@pytest.fixture
def model(double, small_model):
    """Six neurons whose weights, (rotations, features), are set by neuron; others have none."""

    def build(weights, kind="hermite", **readout):
        built = small_model(kind, readout=readout)
        values = torch.zeros_like(built.readout.feature_weights)
        for neuron, vector in weights.items():
            values[neuron] = torch.tensor(vector, dtype=values.dtype).flatten()
        built.readout.feature_weights.data = values
        return built

    return build


def one(*entries):
    """A vector (rotations, features) with those (rotation, feature, value)."""
    vector = np.zeros((NUM_ROTATIONS, NUM_FEATURES))
    for rotation, feature, value in entries:
        vector[rotation, feature] = value
    return vector


def test_by_hand(model):
    weights = {
        0: one((3, 1, -2.0)),
        1: one((0, 0, 3.0), (1, 0, 4.0), (2, 1, -4.9)),  # the largest weight is not of the dominant feature
        3: one((2, 0, 1.0), (2, 1, 0.2)),
        4: one((0, 0, 1e-200), (0, 1, 3e-200)),
    }
    found = feature_weights(model(weights))
    np.testing.assert_allclose(found["share"][[0, 3, 4]], [[0, 1], [1 / 1.04, 0.04 / 1.04], [0.1, 0.9]])
    np.testing.assert_array_equal(found["num_features"], [1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(found["dominant_feature"], [1, 0, -1, 0, 1, -1])
    np.testing.assert_allclose(found["dominant_share"], found["share"].max(axis=1))
    np.testing.assert_allclose(
        found["preferred_orientation"], np.array([3, 1, np.nan, 2, 0, np.nan]) * 2 * np.pi / NUM_ROTATIONS
    )
    np.testing.assert_array_equal(feature_weights(model(weights), min_share=0.03)["num_features"], [1, 2, 0, 2, 2, 0])


def test_same_sign_counts_weights_that_are_not_about_zero(model):
    found = feature_weights(model({0: one((0, 0, 1.0), (1, 0, -0.02)), 1: one((2, 0, 0.5), (3, 0, -0.009))}))
    np.testing.assert_allclose(found["same_sign"], [2 / 3, np.nan])
    lower = feature_weights(model({0: one((0, 1, -1.0), (1, 1, -0.02), (2, 1, 0.005))}), min_weight=0.001)
    np.testing.assert_allclose(lower["same_sign"], [np.nan, 2 / 3])


def test_positive_weights_enter_as_absolute_values(model):
    weights = {0: one((0, 0, 1.0), (1, 0, -2.0)), 1: one((0, 1, -1.0))}
    found = feature_weights(model(weights, positive_feature_weights=True))
    np.testing.assert_array_equal(found["same_sign"], [1, 1])
    assert (readout_vectors(model(weights, positive_feature_weights=True)) >= 0).all()


def test_the_mask_counts_only_where_it_is_zero(model):
    weights = {0: one((0, 0, 1.0), (1, 1, -2.0)), 1: one((0, 1, -1.0))}
    built = model(weights)
    before = feature_weights(built)
    built.readout.masks.data[0] *= -7
    built.readout.masks.data[1] = 0
    after = feature_weights(built)
    for name in PER_NEURON:
        np.testing.assert_array_equal(after[name][0], before[name][0])
    assert after["dominant_feature"][1] == -1
    assert np.isnan(after["share"][1]).all()
    assert after["same_sign"][1] == 1  # of one weight, and not of two


def test_a_core_without_rotations_has_no_orientation(model):
    found = feature_weights(model({0: [1.0, -1.5], 1: [0.0, 2.0]}, "conv2d"))
    np.testing.assert_allclose(found["share"][:2], [[1 / 3.25, 2.25 / 3.25], [0, 1]])
    assert np.isnan(found["preferred_orientation"]).all()


def test_the_preferred_orientation_turns_with_the_image(model):
    """A neuron at the centre that reads rotation r sees what the one of rotation 0 saw before the image turned."""
    built = model({r: one((r, 1, 1.0)) for r in range(NUM_ROTATIONS)})
    image = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        built.eval()
        maps = [built.core(image.rot90(turns, dims=(2, 3)))[0, :, 4, 4] for turns in range(NUM_ROTATIONS)]
    responses = (
        readout_vectors(built)[:NUM_ROTATIONS].reshape(NUM_ROTATIONS, -1) @ np.array([m.numpy() for m in maps]).T
    )
    angles = feature_weights(built)["preferred_orientation"][:NUM_ROTATIONS]
    for neuron, angle in enumerate(angles):
        turns = round(angle / (np.pi / 2))  # torch turns from the rows to the columns: counter-clockwise as seen
        np.testing.assert_allclose(responses[neuron, turns], responses[0, 0], rtol=1e-10)
    assert np.ptp(responses[0]) > 1e-3


@pytest.mark.parametrize("options", [{"min_share": 1.0}, {"min_share": -0.1}, {"min_weight": -1.0}])
def test_refusals(model, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        feature_weights(model({}), **options)
