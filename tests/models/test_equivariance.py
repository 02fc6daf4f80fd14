"""Turning images by 45 degrees: the bound that docs/background/equivariance.md states, and that it can be broken."""

import numpy as np
import pytest
import torch

from models.equivariance import equivariance_errors
from models.hermite import HermiteBasis
from pipeline.published import PAPER


@pytest.fixture
def core(small_core):
    """Three layers of the paper's kernels, with random coefficients of the lowest share of all ranks."""

    def build(share, num_rotations=8, upsampling=2):
        layers = PAPER.layers | {"num_filters": [4, 4, 4]}
        built = small_core(num_rotations=num_rotations, upsampling=upsampling, shared_biases=True, **layers).double()
        built.initialize(torch.Generator().manual_seed(1))
        for layer in built.layers:
            ranks = HermiteBasis.build(layer.kernel.filter_size, upsampling).ranks
            layer.kernel.weights.data[ranks >= np.ceil(share * layer.kernel.filter_size)] = 0
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
