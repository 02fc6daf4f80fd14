"""A training that is interrupted goes on from its saved state, without a server if need be, to the same row."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import datajoint as dj
import pytest
import torch

from models.training import Trainer
from pipeline.tasks import declare_task
from same_tensors import same_tensors
from schemas import provenance
from schemas.training import SavedState, TrainedModel, TrainingTask, saved_state

PROVENANCE = {"started", "duration", "weights"}


@contextmanager
def task(tiny, seed=900):
    """The key of a declared task; in the end it is gone, with all that depends on it."""
    key = declare_task(tiny, "quick-equivariant", seed)
    try:
        yield key
    finally:
        (SavedState & key).discard()
        (TrainingTask & key).delete(prompt=False)


def row_of(key):
    """All of a trained model that a second training must give again, with its weights."""
    row = {name: value for name, value in (TrainedModel & key).fetch1().items() if name not in PROVENANCE}
    parts = [(part & key).to_dicts(order_by="KEY") for part in (TrainedModel.Neuron, TrainedModel.Curve)]
    return row, parts, (TrainedModel & key).fetch1("weights").load()


def same(first, second):
    assert same_tensors(first[2], second[2])
    assert first[:2] == second[:2]


def interrupt(monkeypatch, key, step):
    """Train until a step, which Ctrl-C ends."""
    original, taken = Trainer._step, []

    def interrupted(self, *arguments):
        taken.append(1)
        if len(taken) == step:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            TrainedModel.populate(key)


def count_steps(monkeypatch):
    original, taken = Trainer._step, []

    def counting(self, *arguments):
        taken.append(1)
        return original(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", counting)
    return taken


@pytest.fixture
def undisturbed(tiny, quick, monkeypatch):
    """What comes of the task; from then on every validation is saved, however short a training is."""
    with task(tiny) as key:
        TrainedModel.populate(key)
        assert not SavedState & key
        monkeypatch.setattr(saved_state, "LARGEST_SHARE", 1.0)
        return row_of(key)


def test_a_training_goes_on_from_its_last_validation(tiny, undisturbed, monkeypatch, store):
    with task(tiny) as key:
        interrupt(monkeypatch, key, step=6)  # behind the second validation
        assert (SavedState & key).fetch1("steps_taken") == 4
        saved = (SavedState & key).proj("started", "duration", "state").fetch1()
        assert (store / saved["state"].path).exists()
        assert len(list((store / saved["state"].path).parent.iterdir())) == 1  # the first one's file is gone
        taken = count_steps(monkeypatch)
        TrainedModel.populate(key)
        assert len(taken) == 2
        same(row_of(key), undisturbed)
        row = (TrainedModel & key).proj("started", "duration").fetch1()
        assert abs(row["started"] - saved["started"]) < timedelta(seconds=1)
        assert row["duration"] > saved["duration"] > 0
        assert not SavedState & key
        assert not (store / saved["state"].path).exists()


@pytest.mark.parametrize("reason", ["another version", "another commit", "a damaged file", "no file"])
def test_a_state_that_cannot_be_used_is_left(tiny, undisturbed, monkeypatch, store, reason, caplog):
    with task(tiny) as key:
        interrupt(monkeypatch, key, step=6)
        path = store / (SavedState & key).fetch1("state").path
        taken = count_steps(monkeypatch)
        with monkeypatch.context() as patch:
            if reason == "another version":
                patch.setattr(provenance, "versions", lambda _: {"python": "2.7"})
            elif reason == "another commit":
                patch.setattr(provenance, "git_commit", lambda: ("0" * 40, False))
            elif reason == "a damaged file":
                path.write_bytes(path.read_bytes()[:-1] + b"?")
            else:
                path.unlink()
            TrainedModel.populate(key)
        assert len(taken) == 6
        assert "begins anew" in caplog.text
        assert torch.equal(row_of(key)[2]["readout.masks"], undisturbed[2]["readout.masks"])


def test_a_large_state_is_saved_less_often_and_always_in_the_end(tiny, quick, monkeypatch):
    keeper = saved_state.DatabaseKeeper
    now, kept = [0.0], []
    monkeypatch.setattr(saved_state.time, "monotonic", lambda: now[0])

    def slowly(self, state):
        kept.append(now[0])
        now[0] += 2.0  # seconds that it takes to save

    monkeypatch.setattr(keeper, "_replace", slowly)
    with task(tiny) as key:
        states = keeper(key, torch.device("cpu"))
        for _ in range(40):
            states.save(dict)
            now[0] += 1.0
        states.save(dict, last=True)
    assert kept == [0.0, 20.0, 40.0, now[0] - 2.0]


def test_another_process_saves_at_the_same_moment(tiny, quick, monkeypatch):
    insert = SavedState.insert1

    def second(self, row):
        insert(row)  # as the other process does
        insert(row)

    with task(tiny) as key:
        states = saved_state.DatabaseKeeper(key, torch.device("cpu"))
        with monkeypatch.context() as patch:
            patch.setattr(SavedState, "insert1", second)
            states.save(lambda: {"standing.steps_taken": torch.tensor(3)})
        assert not SavedState & key
        states.save(lambda: {"standing.steps_taken": torch.tensor(4)}, last=True)
        assert (SavedState & key).fetch1("steps_taken") == 4


def end_connection(connection):
    """What a server does that is restarted."""
    kill = {"mysql": "KILL {}", "postgresql": "SELECT pg_terminate_backend({})"}[connection.adapter.backend]
    this = connection.adapter.get_connection_id(connection._conn)
    info = connection.conn_info
    other = dj.Connection(
        info["host"], info["user"], info["passwd"], info["port"], info["ssl_input"], database_name=info["database_name"]
    )
    other.query(kill.format(this))
    other.close()


@pytest.mark.parametrize("last", [False, True])
def test_who_is_interrupted_starts_no_server(tiny, quick, monkeypatch, last):
    started = []
    monkeypatch.setattr(saved_state.server, "_start_server", lambda: started.append(True))
    with task(tiny) as key:
        end_connection(SavedState.connection)
        steps = {"standing.steps_taken": torch.tensor(3)}
        saved_state.DatabaseKeeper(key, torch.device("cpu")).save(lambda: steps, last=last)
        assert (SavedState & key).fetch1("steps_taken") == 3
        assert bool(started) is not last


@pytest.mark.parametrize("validations", [{2}, {6}, {2, 4, 6}], ids=str)
def test_a_lost_connection_does_not_train_again(tiny, undisturbed, monkeypatch, validations):
    def lose(key, validation):
        if validation.iteration in validations:
            end_connection(TrainedModel.connection)

    monkeypatch.setattr(TrainedModel, "on_validation", staticmethod(lose))
    taken = count_steps(monkeypatch)
    with task(tiny) as key:
        TrainedModel.populate(key, reserve_jobs=True)
        assert len(taken) == 6
        same(row_of(key), undisturbed)
        assert not TrainedModel.jobs & key
