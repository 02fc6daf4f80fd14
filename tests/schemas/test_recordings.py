"""A process reads and checks a recording once, and never goes on with one that the database has no more."""

from __future__ import annotations

from dataclasses import replace

import datajoint as dj
import numpy as np
import pytest
import torch
from datajoint.errors import MissingExternalFile

from models.lazy import LazyArray
from pipeline.datasets import add_recording
from pipeline.tasks import declare_task
from pipeline.work.worker import work
from schemas import recordings, stored_recording
from schemas.codecs import CorruptFileError
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel

KEYS = [{"training_set": "kept"}, {"training_set": "other"}]


@pytest.fixture
def kept(connection, recording, quick):
    """Two recordings; the first is `recording`."""
    recordings.forget()
    add_recording("kept", recording)
    add_recording("other", replace(recording, train_images=recording.train_images[::-1]))
    yield
    forget_rows()


def forget_rows():
    (TrainingSet & KEYS).delete(prompt=False)
    (Dataset & [{"dataset_name": key["training_set"]} for key in KEYS]).delete(prompt=False)
    TrainedModel.jobs.delete()


def file_of(store, name):
    return store / (Dataset & {"dataset_name": name}).fetch1("recording").path


def test_a_worker_reads_a_recording_once(kept, store):
    path = file_of(store, "kept")
    aside = path.with_name("aside")
    declare_task("kept", "quick", 0)
    assert work("TrainedModel") == (1, [])
    path.rename(aside)
    key = declare_task("kept", "quick", 1)
    assert work("TrainedModel") == (1, [])
    from_memory = (TrainedModel & key).fetch1("weights")
    recordings.forget()
    with pytest.raises(MissingExternalFile):
        recordings.load(key)
    aside.rename(path)
    (TrainedModel & key).delete(prompt=False)
    assert work("TrainedModel") == (1, [])
    assert (TrainedModel & key).fetch1("weights").sha256 == from_memory.sha256


def test_another_recording_of_the_name_is_not_the_one_before(kept, recording):
    key = declare_task("kept", "quick", 0)
    TrainedModel.populate(key)
    before = (TrainedModel & key).fetch1("recording_sha256")
    assert before == recording.content_sha256()
    forget_rows()
    with pytest.raises(dj.DataJointError, match="this one has 0"):
        recordings.load(KEYS[0])
    fewer = replace(
        recording,
        train_responses=recording.train_responses[:, :4],
        validation_responses=recording.validation_responses[:, :4],
        test_responses=recording.test_responses[:, :, :4],
        neurons={name: column[:4] for name, column in recording.neurons.items()},
    )
    add_recording("kept", fewer)
    key = declare_task("kept", "quick", 0)
    TrainedModel.populate(key)
    assert (TrainedModel & key).fetch1("recording_sha256") == fewer.content_sha256() != before
    assert len(TrainedModel.Neuron & key) == 4


def test_other_trials_are_not_those_before(kept):
    whole = recordings.load(KEYS[0])
    (TrainingSet & KEYS[0]).delete(prompt=False)
    TrainingSet.insert1(KEYS[0])
    TrainingSet.Member.insert1(KEYS[0] | {"dataset_name": "kept", "trials_per_mille": 500})
    half = recordings.load(KEYS[0])
    assert len(whole.data.train_images) == 2 * len(half.data.train_images)
    assert half.content_sha256 == (TrainingSet & KEYS[0]).load().content_sha256() != whole.content_sha256


@pytest.mark.parametrize("part", [{}, {"trials_per_mille": 500, "subset_seed": 3}])
def test_a_large_one_stays_in_the_store_and_trains_to_the_same_bits(kept, store, monkeypatch, part):
    if part:
        (TrainingSet & KEYS[0]).delete(prompt=False)
        TrainingSet.insert1(KEYS[0])
        TrainingSet.Member.insert1(KEYS[0] | {"dataset_name": "kept"} | part)
    found = []
    for share in (1.0, 0.0):
        monkeypatch.setattr(stored_recording, "SHARE_IN_MEMORY", share)
        recordings.forget()
        assert isinstance((TrainingSet & KEYS[0]).load().train_responses, np.ndarray if share else LazyArray)
        key = declare_task("kept", "quick", 0)
        assert work("TrainedModel") == (1, [])
        row = (TrainedModel & key).fetch1()
        found.append((row["weights"].sha256, row["recording_sha256"], row["test_corr"], row["val_loss"]))
        (TrainedModel & key).delete(prompt=False)
    assert found[0] == found[1]
    recordings.forget()
    path = file_of(store, "kept")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CorruptFileError, match="damaged"):
        recordings.load(KEYS[0])


@pytest.mark.parametrize("room", [True, False])
def test_as_many_are_kept_as_there_is_room_for(kept, store, monkeypatch, room):
    first, second = (recordings.load(key) for key in KEYS)
    both = first.data.nbytes + second.data.to("cpu", torch.float64).nbytes + second.data.nbytes
    monkeypatch.setattr(recordings, "MOST_BYTES", both if room else first.data.nbytes - 1)
    assert recordings.load(KEYS[1]) is second
    file_of(store, "kept").unlink()
    if room:
        assert recordings.load(KEYS[0]) is first
    else:
        with pytest.raises(MissingExternalFile):
            recordings.load(KEYS[0])
    file_of(store, "other").unlink()
    assert recordings.load(KEYS[1]) is second  # the last used is kept, however large it is
