"""Turning images by 45 degrees: the bound that docs/equivariance.md states, and that it can be broken."""

import numpy as np
import pytest
import torch

from models import StackedRotEquiHermiteConv2dCore
from models.equivariance import equivariance_errors


@pytest.fixture
def core():
    """The paper's layers with random coefficients of the Hermite functions below a share of all ranks."""

    def build(share, num_rotations=8, filter_size=(13, 5, 5), **kwargs):
        options = {"upsampling": 2, "shared_biases": True} | kwargs
        built = StackedRotEquiHermiteConv2dCore(
            num_rotations=num_rotations, filter_size=filter_size, num_filters=[4, 4, 4], stride=[1] * 3, rate=[1] * 3,
            padding=["SAME"] * 3, activation_fn=["soft", "soft", "none"], rel_smooth_weight=[1, 0.5, 0.5],
            rel_sparse_weight=[0, 1, 1], conv_smooth_weight=0.01, conv_sparse_weight=0.01, **options,
        ).double()  # fmt: skip
        built.initialize(torch.Generator().manual_seed(1))
        with torch.no_grad():
            for layer in built.layers:
                size = layer.kernel.filter_size
                ranks = np.repeat(np.arange(size), np.arange(1, size + 1))
                layer.kernel.weights[torch.from_numpy(ranks >= np.ceil(share * size))] = 0
        return built

    return build


@pytest.mark.parametrize("max_frequency", [0.05, 0.1, 0.25])
def test_the_stated_bound(core, max_frequency):
    errors = equivariance_errors(core(0.5), max_frequency)
    assert errors[0] < 0.005
    assert errors[1:].max() < 0.05


def test_high_ranks_and_plain_pixels_break_it(core):
    assert equivariance_errors(core(1.0), 0.1)[0] > 0.05
    assert equivariance_errors(core(0.5, upsampling=1), 0.1)[0] > 0.005


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_quarter_turns_are_exact(core, share):
    assert equivariance_errors(core(share, num_rotations=4), 0.3).max() < 1e-12


def test_maps_that_do_not_turn_along_are_far_off(core):
    """So that the measure is known to see what it measures."""
    built = core(0.5)
    for layer in built.layers[1:]:
        layer.kernel.rolled = 0
    assert equivariance_errors(built, 0.1)[1:].min() > 0.1
