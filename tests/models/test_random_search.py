"""The random search, against recorded values."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.random_search import random_search

RECORDED = json.loads((Path(__file__).parents[1] / "reference" / "hashes_and_search.json").read_text())


@pytest.mark.parametrize("case", RECORDED["random_search"], ids=lambda case: str(case["seed"]))
def test_recorded_searches(case):
    found = list(random_search(case["seed"], case["bounds"], case["num_models"]))
    assert [seed for seed, _ in found] == [draw["reg_seed"] for draw in case["draws"]]
    for (_, draw), wanted in zip(found, case["draws"], strict=True):
        assert draw == pytest.approx({name: value for name, value in wanted.items() if name != "reg_seed"}, rel=1e-13)


def test_draws_fill_their_bounds_evenly_on_a_logarithmic_scale():
    draws = np.log10([draw["weight"] for _, draw in random_search(7, {"weight": (0.001, 10)}, 4000)])
    counts, _ = np.histogram(draws, bins=8, range=(-3, 1))
    assert counts.sum() == 4000
    assert counts.min() > 400
    assert counts.max() < 600


@pytest.mark.parametrize("bounds", [(0, 1), (-1, 1), (2, 1)])
def test_bounds_that_cannot_be(bounds):
    with pytest.raises(ValueError, match=f"bounds of weight are {bounds[0]} to {bounds[1]}; allowed is 0 < lower"):
        list(random_search(0, {"weight": bounds}))
