"""Sets of Gabor stimuli, against recorded values and by properties."""

import numpy as np
import pytest
import torch

from models import GaborSet

NOT_KEYWORDS = ("num_params", "total")


def gabor_set(recorded, name):
    meta = recorded("gabors")["meta"][name]
    return GaborSet(**{key: value for key, value in meta.items() if key not in NOT_KEYWORDS}), meta


@pytest.mark.parametrize("name", ["paper", "small"])
def test_recorded_sets(recorded, name):
    wanted = recorded("gabors")
    gabors, meta = gabor_set(recorded, name)
    assert list(gabors.num_params) == meta["num_params"]
    assert len(gabors) == np.prod(meta["num_params"])
    index = wanted["paper/idx"] if name == "paper" else np.arange(0, len(gabors), 4)
    np.testing.assert_allclose(gabors.images(index), wanted[f"{name}/images"], rtol=0, atol=1e-10)


def test_recorded_parameters(recorded):
    wanted = recorded("gabors")
    found = gabor_set(recorded, "paper")[0].parameters(wanted["paper/idx"])
    np.testing.assert_array_equal(np.stack([found["x"], found["y"]], axis=1), wanted["paper/location"])
    names = ["size", "spatial_frequency", "contrast", "orientation", "phase"]
    np.testing.assert_allclose(np.stack([found[n] for n in names], axis=1), wanted["paper/params"], rtol=1e-14)


def test_numbers_run_through_every_combination_once(recorded):
    gabors, _ = gabor_set(recorded, "small")
    rows = np.stack(list(gabors.parameters(np.arange(len(gabors))).values()), axis=1)
    assert len(np.unique(rows, axis=0)) == len(gabors)


def test_single_precision_is_near(recorded):
    gabors, _ = gabor_set(recorded, "paper")
    index = np.array([0, 123456, len(gabors) - 1])
    images = gabors.images(index, dtype=torch.float32)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images.double(), gabors.images(index), rtol=0, atol=1e-5)


def test_a_quarter_turn():
    keywords = {"canvas_size": (21, 21), "center_range": (10, 11, 10, 11), "sizes": [8.0], "contrasts": [1.0]}
    gabors = GaborSet(**keywords, spatial_frequencies=[1.0], orientations=2, phases=[0.4])
    upright, lying = gabors.images(np.arange(2))
    torch.testing.assert_close(torch.rot90(upright), lying)
