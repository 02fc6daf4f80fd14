"""Masks from spike-triggered averages, against recorded values and where the original breaks."""

import numpy as np
import pytest
import torch

import models
from models import Trainer
from models.start_values import envelopes, sta_masks, truncated_normal_


def test_normal_values_are_drawn_in_double_precision_whatever_takes_them():
    fine, coarse = (torch.empty(20, dtype=dtype) for dtype in (torch.float64, torch.float32))
    for tensor in (fine, coarse):
        truncated_normal_(tensor, 0.01, torch.Generator().manual_seed(0))
    assert torch.equal(fine.float(), coarse)
    assert (fine != coarse.double()).all()


def test_recorded_masks(recorded):
    wanted = recorded("sta_init")
    images, responses = wanted["15x20/x"][..., 0], wanted["15x20/y"]

    def check(masks, key):
        np.testing.assert_allclose(masks, wanted[f"15x20/{key}"], rtol=0, atol=1e-10)

    noise = np.random.RandomState(42)
    check(sta_masks(images, responses, 0.1, 0.01, noise), "sta_init_seed42")
    check(sta_masks(images, responses, 0.1, 0, noise), "sta_init_nonoise")
    check(sta_masks(images, responses, 0.1, 0, noise, window=11, sharpness=3), "sta_init_k11_alpha3")
    average = np.einsum("tn,thw->nhw", responses, images)
    np.testing.assert_allclose(envelopes(average), wanted["15x20/envelope"], rtol=0, atol=1e-10)


def test_masks_find_the_receptive_field():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2000, 24, 30))
    responses = np.maximum(np.stack([images[:, 5, 22], images[:, 18, 7]], axis=1), 0)
    masks = sta_masks(images, responses, 1, 0, np.random.RandomState(0), window=5)
    for mask, (row, column) in zip(masks, [(5, 22), (18, 7)], strict=True):
        found = np.unravel_index(mask.argmax(), mask.shape)
        assert np.abs(np.subtract(found, (row, column))).max() <= 1
        assert mask.max() == 1


def test_masks_reach_their_largest_value_however_few_the_images():
    rng = np.random.default_rng(0)
    masks = sta_masks(rng.normal(size=(5, 8, 9)), rng.gamma(1, size=(5, 3)), 0.1, 0, np.random.RandomState(0))
    np.testing.assert_allclose(masks.max(axis=(1, 2)), 0.1)


def test_a_silent_neuron_gets_noise_alone():
    rng = np.random.default_rng(0)
    responses = np.stack([np.zeros(50), rng.gamma(1, size=50)], axis=1)
    masks = sta_masks(rng.normal(size=(50, 8, 9)), responses, 0.1, 0.01, np.random.RandomState(3))
    np.testing.assert_array_equal(masks[0], np.random.RandomState(3).normal(size=(2, 8, 9))[0] * 0.01)
    assert np.isfinite(masks).all()


@pytest.mark.parametrize(
    ("core", "shape"),
    [
        ({}, (9, 10)),
        ({"padding": ["VALID", "VALID"]}, (3, 4)),
        ({"filter_size": [4, 3], "padding": ["VALID", "SAME"]}, (6, 7)),
        ({"stride": [2, 1]}, (5, 5)),
        ({"rate": [1, 2], "padding": ["SAME", "VALID"]}, (5, 6)),
    ],
)
@pytest.mark.parametrize("readout", ["SpatialXFeatureJointL1Readout", "SpatialSparseXFeatureDenseReadout"])
def test_masks_of_a_model_lie_over_their_pixels(small_core, small_data, readout, core, shape):
    built = small_core("conv2d", **core)
    masks = getattr(models, readout)(built.output_shape(9, 10), 6, init_masks="sta")
    model = models.CorePlusReadoutModel(built, masks)
    assert tuple(masks.masks.shape[1:]) == shape
    Trainer(model, small_data, seed=5)
    images, responses = small_data.train_images[:, 0].numpy(), small_data.train_responses.numpy()
    scale = {"SpatialXFeatureJointL1Readout": (0.01, 0.001), "SpatialSparseXFeatureDenseReadout": (0.1, 0.01)}[readout]
    whole = sta_masks(images, responses, *scale, np.random.RandomState(5)).astype(np.float32)
    rows, columns = built.centres(9), built.centres(10)
    np.testing.assert_array_equal(masks.masks.detach().numpy(), whole[:, rows][:, :, columns])
    if core.get("stride") is None and core.get("filter_size") is None:  # the original's crop
        k = (9 - shape[0]) // 2
        np.testing.assert_array_equal(rows, np.arange(k, k + shape[0]))
        np.testing.assert_array_equal(columns, np.arange(k, k + shape[1]))


def test_noise_comes_before_the_minibatches(small_core, small_data, batches):
    """As in the original, where both draw from one generator."""
    core = small_core("conv2d")
    model = models.CorePlusReadoutModel(
        core, models.SpatialXFeatureJointL1Readout(core.output_shape(9, 10), 6, init_masks="sta")
    )
    seen = batches(model)
    Trainer(model, small_data, seed=5).fit(batch_size=40, max_iter=1)
    order = np.random.RandomState(5)
    order.normal(size=(6, 9, 10))
    assert torch.equal(seen[0], small_data.train_images[order.permutation(40)])


def test_a_model_with_such_masks_learns(small_core, small_data):
    core = small_core()
    readout = models.SpatialXFeatureJointL1Readout(core.output_shape(9, 10), 6, init_masks="sta")
    model = models.CorePlusReadoutModel(core, readout)
    result = Trainer(model, small_data, seed=5).fit(
        val_steps=5, batch_size=40, learning_rate=0.01, max_iter=60, patience=100
    )
    assert result.curve[-1].train_loss < result.curve[0].train_loss - 0.5
