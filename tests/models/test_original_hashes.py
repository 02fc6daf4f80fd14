"""The original's hashes and seeds, against recorded values."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.original_hashes import key_hash, training_seed

RECORDED = json.loads((Path(__file__).parents[1] / "reference" / "hashes_and_search.json").read_text())


@pytest.mark.parametrize("case", RECORDED["key_hash"], ids=lambda case: str(case["key"]))
def test_recorded_hashes(case):
    # one value was recorded of a tuple, which JSON does not know
    key = {name: tuple(value) if name == "pad" else value for name, value in case["key"].items()}
    assert key_hash(key) == case["hash"]


def test_recorded_seeds():
    assert {name: training_seed(name) for name in RECORDED["log_hash_seed"]} == RECORDED["log_hash_seed"]
    for name, wanted in RECORDED["numpy_after_seed"].items():
        np.testing.assert_array_equal(np.random.RandomState(training_seed(name)).permutation(10), wanted)
