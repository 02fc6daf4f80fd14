"""What goes wrong with a training or its files leaves nothing half there, and damaged files are refused."""

from __future__ import annotations

from dataclasses import replace

import datajoint as dj
import pytest

from declared_tasks import task
from pipeline.datasets import add_recording
from schemas.codecs import CorruptFileError
from schemas.dataset import Dataset, TrainingSet
from schemas.training import SavedState, TrainedModel


@pytest.mark.parametrize("part", [TrainedModel.Neuron, TrainedModel.Curve])
def test_a_failing_insert_leaves_no_row_and_no_part(tiny, quick, snapshot, monkeypatch, part):
    with task(tiny) as key:
        before = snapshot()

        def fail(self, rows, **_):
            raise dj.DataJointError("the server said no")

        with monkeypatch.context() as patch:
            patch.setattr(part, "insert", fail)
            with pytest.raises(dj.DataJointError, match="the server said no"):
                TrainedModel.populate(key)
        state = {"files": 0, "SavedState": 0}  # from which it goes on
        assert snapshot() | state == before | state
        TrainedModel.populate(key)
        assert len(TrainedModel & key) == 1


def test_a_store_that_cannot_be_written_leaves_nothing(tiny, quick, snapshot, store):
    # A file where the folder of the weights should be: not even root can write there.
    with task(tiny, "quick-equivariant") as key:
        TrainedModel.populate(key)
        written = store / (TrainedModel & key).fetch1("weights").path
        (TrainedModel & key).delete(prompt=False)
        folder = next(parent for parent in written.parents if "trained_model" in parent.name)
        aside = folder.with_name("aside")
        folder.rename(aside)
        folder.write_text("in the way")
        before = snapshot()
        try:
            with pytest.raises((dj.DataJointError, OSError)):
                TrainedModel.populate(key)
            (SavedState & key).discard()  # from which it would go on
            assert snapshot() == before
        finally:
            folder.unlink()
            aside.rename(folder)
        TrainedModel.populate(key)
        assert len(TrainedModel & key) == 1


def test_a_corrupted_recording_is_not_trained_on(connection, recording, quick, snapshot, store):
    add_recording("rotten", recording)
    try:
        path = store / (Dataset & {"dataset_name": "rotten"}).fetch1("recording").path
        content = bytearray(path.read_bytes())
        replace(recording, train_images=recording.train_images[::-1]).write(path)
        with task("rotten") as key:
            before = snapshot()
            with pytest.raises(CorruptFileError, match=r"rotten are not those that were ingested"):
                TrainedModel.populate(key)
            assert snapshot() == before
            path.write_bytes(content)
            TrainedModel.populate(key)
            assert len(TrainedModel & key) == 1
    finally:
        (TrainingSet & {"training_set": "rotten"}).delete(prompt=False)
        (Dataset & {"dataset_name": "rotten"}).delete(prompt=False)


@pytest.mark.parametrize("damage", ["one bit", "cut", "empty"])
def test_corrupted_weights_are_refused(tiny, quick, store, damage):
    with task(tiny) as key:
        TrainedModel.populate(key)
        path = store / (TrainedModel & key).fetch1("weights").path
        content = bytearray(path.read_bytes())
        if damage == "one bit":
            content[-1] ^= 1
        path.write_bytes(content if damage == "one bit" else content[: {"cut": len(content) // 2, "empty": 0}[damage]])
        with pytest.raises(CorruptFileError, match="SHA-256 differs"):
            (TrainedModel & key).load_model()


def test_weights_take_only_tensors(trained):
    row = (TrainedModel & trained).proj(..., "-weights").fetch1()
    with pytest.raises(Exception, match="takes a mapping of names to tensors, not list"):
        TrainedModel.insert1(row | {"seed": 99, "weights": [1, 2]}, allow_direct_insert=True)
    assert not TrainedModel & {"seed": 99}
