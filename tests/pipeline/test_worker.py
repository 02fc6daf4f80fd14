"""Workers: every declared task is done once, and a failure is reported."""

from __future__ import annotations

import gc
import re
import traceback
import weakref
from functools import cache

import datajoint as dj
import pytest

from models import evaluation
from pipeline.work import queue
from pipeline.work.worker import outcomes, work
from schemas import provenance
from schemas.experiment import Experiment
from schemas.training import TrainedModel, TrainingTask


@pytest.mark.parametrize("arguments", [[], ["--once"], ["--table", "TrainedModel"], ["--once", "--device", "cpu"]])
def test_worker_does_what_is_declared(command, declare, counts, arguments):
    keys = [declare("quick", seed) for seed in (21, 22)]
    assert counts() == {"declared": 3, "done": 1, "running": 0, "pending": 2, "failed": 0}
    code, out, err = command("worker", *arguments)
    assert (code, err) == (0, "")
    assert out.endswith("2 done, 0 failed, nothing left\n")
    assert all(len(TrainedModel & key) == 1 for key in keys)
    assert counts() == {"declared": 3, "done": 3, "running": 0, "pending": 0, "failed": 0}
    assert command("worker", *arguments) == (0, "0 done, 0 failed, nothing left\n", "")


def test_a_task_that_is_deleted_before_its_turn_is_skipped(hypercolumn, declare):
    keys = [declare("quick", seed) for seed in (26, 27)]
    queue.refresh(TrainedModel())
    (TrainingTask & keys[0]).delete(prompt=False)
    assert len(TrainedModel.jobs.pending) == 2
    code, out, err = hypercolumn("worker", "--device", "cpu", quick=True)
    assert (code, err) == (0, "")
    assert out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & keys[1]) == 1
    assert not len(TrainedModel.jobs)


@pytest.mark.parametrize("with_its_job", [False, True])
def test_a_task_that_is_deleted_while_it_is_worked_at_is_skipped(command, declare, monkeypatch, with_its_job):
    key = declare("quick", 26)
    compute = TrainedModel.make_compute

    def delete(self, key, task):
        computed = compute(self, key, task)
        (TrainingTask & key).delete(prompt=False)
        if with_its_job:  # as the next refresh of the queue does where it is older than an hour
            (TrainedModel.jobs & key).delete_quick()
        return computed

    monkeypatch.setattr(TrainedModel, "make_compute", delete)
    code, out, err = command("worker")
    assert (code, err) == (0, "")
    assert out.endswith("0 done, 0 failed, nothing left\n")
    assert not TrainedModel & key
    assert not len(TrainedModel.jobs)


def test_two_workers_of_one_device_do_every_task_once(start, declare, counts):
    keys = [declare("quick", seed) for seed in range(30, 36)]
    workers = [start("worker", "--device", "cpu", quick=True) for _ in range(2)]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [err for _, err in said] == ["", ""]
    assert sum(int(re.search(r"(\d+) done, 0 failed", out)[1]) for out, _ in said) == len(keys)
    assert all(len(TrainedModel & key) == 1 for key in keys)
    assert counts()["pending"] == counts()["failed"] == counts()["running"] == 0


def test_a_failure_is_reported_and_the_others_are_done(command, declare, counts, monkeypatch):
    keys = [declare("quick", seed) for seed in (23, 24, 25)]
    compute = TrainedModel.make_compute

    def fail(self, key, task):
        if key["seed"] == 24:
            raise ValueError("this one fails\nin [/two] \x1b[31mlines")
        return compute(self, key, task)

    monkeypatch.setattr(TrainedModel, "make_compute", fail)
    code, out, err = command("worker")
    assert code == 1
    assert out.endswith("2 done, 1 failed, nothing left\n")
    assert err.startswith("failed: ValueError: this one fails\nin [/two] \\x1b[31mlines")
    assert counts() == {"declared": 4, "done": 3, "running": 0, "pending": 0, "failed": 1}
    assert [len(TrainedModel & key) for key in keys] == [1, 0, 1]

    code, out, err = command("status")
    assert (code, err) == (0, "")
    assert "failures" in out
    assert "ValueError" in out
    assert "\x1b" not in out

    out = command("status", "--tracebacks").out
    assert 'raise ValueError("this one fails' in out

    # A failed job is tried again when that is asked for.
    monkeypatch.setattr(TrainedModel, "make_compute", compute)
    said = "failed before and left alone: 1; `hypercolumn status` says why, `hypercolumn worker --retry` tries again"
    assert command("worker").out == f"0 done, 0 failed, nothing left\n{said}\n"
    out = command("worker", "--retry").out
    assert out.startswith("failed before and tried again: 1\n")
    assert out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & keys[1]) == 1


def test_without_a_store_no_job_fails(command, declare, counts, monkeypatch, tmp_path):
    for seed in (23, 24):
        declare("quick", seed)
    compute, place = TrainedModel.make_compute, tmp_path / "mounted" / "store"
    with monkeypatch.context() as patch:

        def go_away(self, key, task):
            (tmp_path / "mounted").touch()
            patch.setitem(dj.config["stores"]["main"], "location", str(place))
            return compute(self, key, task)

        patch.setattr(TrainedModel, "make_compute", go_away)
        code, _, err = command("worker")
    assert code == 2
    assert err == (
        f"hypercolumn: {place}: the store does not answer (it is not there); check stores.main in DataJoint's "
        "configuration, its server or disk, and your permissions\n"
    )
    assert counts() == {"declared": 3, "done": 1, "running": 0, "pending": 2, "failed": 0}
    assert command("worker").out.endswith("2 done, 0 failed, nothing left\n")


@pytest.mark.parametrize("odd", ["\0", "\udc80", "\u2192"])
def test_a_failure_that_no_server_can_spell(command, declare, counts, monkeypatch, odd):
    """A zero byte, which PostgreSQL takes in no text, a byte of a path that is not UTF-8, what Latin-1 has not."""
    declare("quick", 24)

    def fail(self, key, task):
        raise ValueError(f"file {odd} is missing")

    monkeypatch.setattr(TrainedModel, "make_compute", fail)
    code, out, _ = command("worker")
    assert code == 1
    assert out.endswith("0 done, 1 failed, nothing left\n")
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 0, "failed": 1}
    said = TrainedModel.jobs.errors.fetch1("error_message")
    assert said.replace(odd, ascii(odd)[1:-1]) == f"ValueError: file {ascii(odd)[1:-1]} is missing"
    assert "raise ValueError(f" in command("status", "--tracebacks").out


def test_jobs_of_what_was_deleted_or_done_otherwise_are_not_counted(command, declare, counts, monkeypatch):
    keys = [declare("quick", seed) for seed in (23, 24)]

    def fail(self, key, task):
        raise ValueError("this one fails")

    with monkeypatch.context() as patch:
        patch.setattr(TrainedModel, "make_compute", fail)
        assert command("worker").code == 1
    assert counts() == {"declared": 3, "done": 1, "running": 0, "pending": 0, "failed": 2}
    (TrainingTask & keys[0]).delete(prompt=False)
    TrainedModel.populate(keys[1])
    assert len(TrainedModel.jobs.errors) == 2
    assert counts() == {"declared": 2, "done": 2, "running": 0, "pending": 0, "failed": 0}
    assert "failures" not in command("status").out


@pytest.mark.parametrize("kept", ["the error", "one that it came from"])
def test_a_failed_job_holds_no_memory(declare, monkeypatch, kept):
    """Its error does, as long as somebody has it, unless the frames in its traceback are empty."""
    keys = [declare("quick", seed) for seed in (26, 27)]
    held = []

    def fail(model):
        held.append(weakref.ref(model))
        raise ValueError("this one fails")

    def measure(model, data):
        try:
            fail(model)
        except ValueError as error:
            if kept == "the error":
                raise
            raise RuntimeError("it fails") from error

    monkeypatch.setattr(evaluation, "score", measure)
    told = list(outcomes([TrainedModel()], [keys]))
    gc.collect()
    assert len(told) == len(held) == 2
    assert [one() for one in held] == [None, None]
    for outcome in told:
        assert any(frame.name == "measure" for frame in traceback.extract_tb(outcome.error.__traceback__))


def test_rows_name_the_commit_that_a_worker_began_with(declare, monkeypatch):
    key, commit = declare("quick", 26), ["a" * 40]
    monkeypatch.setattr(provenance, "git_commit", cache(lambda: (commit[0], False)))
    refresh = queue.refresh

    def checked_out(*arguments):
        commit[0] = "b" * 40
        refresh(*arguments)

    monkeypatch.setattr(queue, "refresh", checked_out)
    assert len(list(outcomes([TrainedModel()], [key]))) == 1
    assert (TrainedModel & key).fetch1("git_commit") == "a" * 40


def test_status_of_nothing_special(command, trained):
    code, out, err = command("status")
    assert (code, err) == (0, "")
    assert "TrainedModel" in out
    assert "failures" not in out


def test_unknown_table(refused, connection):
    line = refused("worker", "--table", "Dataset")
    assert line.startswith("hypercolumn: table 'Dataset' is not computed; allowed are TrainedModel, FeatureWeights, ")


def test_unknown_device(refused, connection):
    assert "device 'cuda:99' is not there" in refused("worker", "--device", "cuda:99")


@pytest.mark.parametrize("option", ["--dataset", "--experiment"])
def test_a_restricted_worker(command, refused, declare, option):
    key = declare("quick", 61)
    line = refused("worker", option, "other")
    assert f"there is no {'recording' if option == '--dataset' else 'experiment'} 'other'" in line
    if option == "--dataset":
        assert command("worker", "--dataset", "tiny").out.endswith("1 done, 0 failed, nothing left\n")
        return
    others = declare("quick", 62)
    Experiment.insert1({"experiment_name": "mine", "summary": ""})
    try:
        Experiment.Member.insert1(
            key | {"experiment_name": "mine", "family": "small", "series": "", "label": "", "value": 0, "position": 0},
            ignore_extra_fields=True,
        )
        assert command("worker", "--experiment", "mine").out.endswith("1 done, 0 failed, nothing left\n")
        assert [len(TrainedModel & one) for one in (key, others)] == [1, 0]
    finally:
        (Experiment & "experiment_name = 'mine'").delete(prompt=False)


def test_once_or_for_ever(refused):
    assert "exclude each other" in refused("worker", "--once", "--poll", 1)


def test_work_in_python(declare):
    declare("quick", 41)
    assert work() == (1, [])
    assert work("TrainedModel") == (0, [])
    assert len(TrainedModel & {"seed": 41}) == 1
