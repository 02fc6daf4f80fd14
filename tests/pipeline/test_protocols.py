"""Protocols: their settings are there, those called `paper` are the original's, a name stands for one thing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import protocols
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.protocols import PROTOCOLS, SETTINGS, declare_protocol
from pipeline.tasks import declare_task
from pipeline.work.status import table_status
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico import FeatureWeights, GaborParameters, InSilicoTask, MEIParameters, Protocol
from schemas.training import TrainingTask

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture
def task(tiny, quick):
    key = declare_task(tiny, "quick-equivariant", 77)
    yield key
    (TrainingTask & key).delete(prompt=False)


def test_the_gabors_of_the_paper():
    with np.load(REFERENCE / "gabors.npz") as recorded:
        wanted = json.loads(str(recorded["meta"]))["paper"]
    settings = SETTINGS[GaborParameters]["paper"]
    gabors = GaborParameters.gabor_set(settings, (36, 64))
    assert len(gabors) == wanted["total"]
    assert list(gabors.num_params) == wanted["num_params"]
    assert list(gabors.center_range) == wanted["center_range"]
    for name in ("sizes", "spatial_frequencies", "contrasts"):
        np.testing.assert_allclose(getattr(gabors, name), wanted[name], rtol=1e-12)


def test_the_images_of_the_paper_have_a_norm_of_12():
    assert SETTINGS[MEIParameters]["paper"]["contrast"] * np.sqrt(36 * 64) == 12


def test_the_standard_gabors_cover_any_image():
    gabors = GaborParameters.gabor_set(SETTINGS[GaborParameters]["standard"], (40, 30))
    assert gabors.center_range == (0, 30, 0, 40)


@pytest.fixture
def as_in_the_paper(connection, recording, quick):
    """A task on images of 36 x 64 pixels."""
    splits = ("train_images", "validation_images", "test_images")
    wide = {name: np.pad(getattr(recording, name), ((0, 0), (10, 10), (24, 24))) for name in splits}
    add_recording("wide", replace(recording, **wide))
    yield declare_task("wide", "quick-equivariant", 77)
    (TrainingSet & {"training_set": "wide"}).delete(prompt=False)
    (Dataset & {"dataset_name": "wide"}).delete(prompt=False)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_is_declared_once(as_in_the_paper, protocol):
    for _ in range(2):
        declare_protocol(as_in_the_paper, protocol)
    assert (InSilicoTask & as_in_the_paper).fetch1("protocol") == protocol
    settings = (Protocol & {"protocol": protocol}).fetch1()
    assert {name: value for name, value in settings.items() if value is not None} == {
        "protocol": protocol,
        **PROTOCOLS[protocol],
    }


def test_the_places_of_the_paper_are_not_on_any_image(task):
    with pytest.raises(UserError, match=r"protocol 'paper' does not suit 'tiny': places from \(27, 5\) to before "):
        declare_protocol(task, "paper")


def test_an_unknown_protocol(task):
    with pytest.raises(UserError, match="protocol 'none' is unknown; allowed are full, weights, paper"):
        declare_protocol(task, "none")


def test_a_name_stands_for_the_same_settings_for_ever(task, monkeypatch):
    declare_protocol(task, "full")
    changed = {"standard": SETTINGS[MEIParameters]["standard"] | {"max_iter": 7}}
    monkeypatch.setitem(protocols.SETTINGS, MEIParameters, changed)
    with pytest.raises(UserError, match="mei_parameters 'standard' is in this database with other values"):
        declare_protocol(task, "full")


def test_results_of_an_experiment_that_is_asked_for_no_more_are_not_pending(command, task):
    def status() -> dict[str, int]:
        row = next(row for row in table_status() if row["table"] == "FeatureWeights")
        return {name: row[name] - before.get(name, 0) for name in ("declared", "done", "pending")}

    before: dict[str, int] = {}
    before = status()
    declare_protocol(task, "weights")
    assert command("worker").code == 0
    assert status() == {"declared": 1, "done": 1, "pending": 0}
    (InSilicoTask & task).delete_quick()
    assert len(FeatureWeights & task) == 1
    assert status() == {"declared": 0, "done": 0, "pending": 0}
