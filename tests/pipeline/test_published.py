"""The paper's models: settings, hashes and draws as published, and searches of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.random_search import random_search
from pipeline import configs
from pipeline.configs import CONFIGS
from pipeline.errors import UserError
from pipeline.published import PUBLISHED
from pipeline.published_search import model_hash, published_search
from pipeline.tasks import content_hash, declare_search
from schemas.training import Regularization, TrainedModel, TrainingTask

REFERENCE = Path(__file__).parents[1] / "reference" / "published_chain.json"
CHAIN = {recorded["log_hash"]: recorded for recorded in json.loads(REFERENCE.read_text())}


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.named.config)
def test_recorded_chain(published):
    """From the settings alone come the published weights and log hash."""
    wanted = CHAIN[published.log_hash]
    assert model_hash(published.named) == wanted["model_hash"]
    draw = dict(published_search(published.named))[published.log_hash]
    assert draw == pytest.approx(wanted["found"]["draw"], rel=1e-13)
    assert published.named.weights == wanted["published"]
    assert {name: float(f"{value:.6g}") for name, value in draw.items()} == published.named.weights


def test_every_recorded_model_is_here():
    assert {published.log_hash for published in PUBLISHED} == set(CHAIN)
    assert all(CONFIGS[published.named.config] is published.named for published in PUBLISHED)


def test_a_core_that_the_original_has_not_can_be_searched():
    names = ("StackedConv2dCore", "StackedScaledConv2dCore", "AnotherCore")
    found = {model_hash(CONFIGS["cnn"].derived("new", "", core={"core_class": name})) for name in names}
    assert len(found) == 3


@pytest.fixture
def searched(tiny, quick):
    keys = declare_search(tiny, "quick", num_draws=3, search_seed=4294967294, seed=7)
    yield keys
    (TrainingTask & keys).delete(prompt=False)
    (Regularization & keys).delete(prompt=False)


def test_a_search_is_rows(searched, tiny):
    bounds = configs.CONFIGS["quick"].search_bounds
    draws = list(random_search(4294967294, bounds, 3))
    assert [seed for seed, _ in draws] == [4294967294, 4294967295, 0]
    for key, (seed, draw) in zip(searched, draws, strict=True):
        assert key["regularization"] == content_hash(draw)
        row = (Regularization & key).fetch1()
        assert {name: row[name] for name in draw} == draw
        assert row["search_seed"] == seed
        kept = (Regularization.Bound & key).to_dicts()
        assert {bound["weight"]: (bound["lower"], bound["upper"]) for bound in kept} == bounds
    assert len(TrainingTask & searched) == 3


def test_a_search_again_adds_nothing_and_a_longer_one_the_rest(searched, tiny):
    assert declare_search(tiny, "quick", num_draws=3, search_seed=4294967294, seed=7) == searched
    longer = declare_search(tiny, "quick", num_draws=4, search_seed=4294967294, seed=7)
    assert longer[:3] == searched
    (TrainingTask & longer[3]).delete(prompt=False)
    (Regularization & longer[3]).delete(prompt=False)


def test_what_was_drawn_is_trained(searched):
    TrainedModel.populate(searched[0])
    task = (TrainingTask & searched[0]).keywords()
    assert task["readout"]["readout_sparsity"] == (Regularization & searched[0]).fetch1("readout_sparsity")
    assert len(TrainedModel & searched[0]) == 1


def test_a_search_of_nothing_known(tiny):
    with pytest.raises(UserError, match="configuration 'unknown' is unknown"):
        declare_search(tiny, "unknown")
