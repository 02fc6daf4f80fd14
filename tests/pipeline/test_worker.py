"""Workers: every declared task is done once, a failure is reported, an interrupted job goes back to the queue."""

from __future__ import annotations

import platform
import re
import signal
import subprocess
from datetime import timedelta

import pytest

from pipeline import status
from pipeline.tasks import declare_task
from pipeline.worker import work
from schemas.training import TrainedModel, TrainingTask

INTERRUPTED = "hypercolumn: interrupted; what was finished is kept"


@pytest.fixture
def declare(tiny, quick, trained):
    """Declare tasks that go when the test ends, and their jobs with them."""
    keys = []

    def declare(config: str, seed: int) -> dict:
        keys.append(declare_task(tiny, config, seed))
        return keys[-1]

    TrainedModel.jobs.delete()
    yield declare
    for key in keys:
        (TrainingTask & key).delete(prompt=False)
    TrainedModel.jobs.delete()


def counts() -> dict[str, int]:
    """Of trainings, without those that other tests have done on recordings of their own."""
    found = {name: number for name, number in status.table_status()[0].items() if name != "table"}
    elsewhere = len(TrainedModel & "training_set != 'tiny'")
    return found | {name: found[name] - elsewhere for name in ("declared", "done")}


def dead_process() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("arguments", [[], ["--once"], ["--table", "TrainedModel"], ["--once", "--device", "cpu"]])
def test_worker_does_what_is_declared(command, declare, arguments):
    keys = [declare("quick", seed) for seed in (21, 22)]
    assert counts() == {"declared": 3, "done": 1, "running": 0, "pending": 2, "failed": 0}
    code, out, err = command("worker", *arguments)
    assert (code, err) == (0, "")
    assert out.endswith("2 done, 0 failed, nothing left\n")
    assert all(len(TrainedModel & key) == 1 for key in keys)
    assert counts() == {"declared": 3, "done": 3, "running": 0, "pending": 0, "failed": 0}
    assert command("worker", *arguments) == (0, "0 done, 0 failed, nothing left\n", "")


def test_two_workers_do_every_task_once(start, declare):
    keys = [declare("quick", seed) for seed in range(30, 36)]
    workers = [start("worker", quick=True) for _ in range(2)]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [err for _, err in said] == ["", ""]
    assert sum(int(re.search(r"(\d+) done, 0 failed", out)[1]) for out, _ in said) == len(keys)
    assert all(len(TrainedModel & key) == 1 for key in keys)
    assert counts()["pending"] == counts()["failed"] == counts()["running"] == 0


def test_a_failure_is_reported_and_the_others_are_done(command, declare, monkeypatch):
    keys = [declare("quick", seed) for seed in (23, 24, 25)]
    compute = TrainedModel.make_compute

    def fail(self, key, task):
        if key["seed"] == 24:
            raise ValueError("this one fails\nin two lines")
        return compute(self, key, task)

    monkeypatch.setattr(TrainedModel, "make_compute", fail)
    code, out, err = command("worker")
    assert code == 1
    assert out.endswith("2 done, 1 failed, nothing left\n")
    assert err.startswith("failed: ValueError: this one fails")
    assert counts() == {"declared": 4, "done": 3, "running": 0, "pending": 0, "failed": 1}
    assert [len(TrainedModel & key) for key in keys] == [1, 0, 1]

    code, out, err = command("status")
    assert (code, err) == (0, "")
    assert "failures" in out
    assert "ValueError" in out

    # A failed job is not tried again by itself, but is when its row is deleted.
    monkeypatch.setattr(TrainedModel, "make_compute", compute)
    said = "failed before and left alone: 1; `hypercolumn status` says why"
    assert command("worker").out == f"0 done, 0 failed, nothing left\n{said}\n"
    TrainedModel.jobs.errors.delete()
    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & keys[1]) == 1


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


def _reserve(key: dict, **changes: object) -> None:
    """Make the job of a key look as if a process had taken it."""
    jobs = TrainedModel.jobs
    jobs.refresh()
    assert jobs.reserve(key)
    jobs.update1({name: key[name] for name in TrainedModel.primary_key} | changes)


def test_a_job_of_a_dead_process_is_put_back(command, declare):
    key = declare("quick", 26)
    _reserve(key, pid=dead_process(), host=platform.node())
    assert counts()["running"] == 1
    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & key) == 1
    assert counts()["running"] == 0


@pytest.mark.parametrize("where", ["a live process", "another machine"])
def test_a_job_of_others_is_left_to_them(command, declare, where):
    key = declare("quick", 27)
    if where == "a live process":
        _reserve(key, pid=1, host=platform.node())
    else:
        _reserve(key, pid=dead_process(), host="elsewhere")
    assert command("worker").out == "0 done, 0 failed, nothing left\n"
    assert not TrainedModel & key
    assert counts() == {"declared": 2, "done": 1, "running": 1, "pending": 0, "failed": 0}
    assert "workers" in command("status").out


def wait_for_training(process: subprocess.Popen) -> None:
    """Read until a training has had its first validation."""
    assert any("| step " in line for line in process.stdout)


def end(process: subprocess.Popen, number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_a_killed_worker_is_survived(start, declare, command):
    key = declare("endless", 28)
    worker = start("worker", quick=True)
    wait_for_training(worker)
    assert counts()["running"] == 1
    end(worker, signal.SIGKILL)
    assert counts()["running"] == 1
    (TrainingTask & key).delete(prompt=False)
    again = declare("quick", 28)
    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & again) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_worker_puts_its_job_back(start, declare, snapshot, number):
    key = declare("endless", 29)
    before = snapshot()
    worker = start("worker", quick=True)
    wait_for_training(worker)
    assert counts()["running"] == 1
    code, err = end(worker, number)
    assert code == 130
    assert err.strip() == INTERRUPTED
    assert snapshot() == before
    assert not TrainedModel & key
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
    assert status.failure_status() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_its_task(start, tiny, declare, snapshot, number):
    key = declare("endless", 40)
    before = snapshot()
    process = start("train", tiny, "--config", "endless", "--seed", 40, quick=True)
    wait_for_training(process)
    code, err = end(process, number)
    assert (code, err.strip()) == ((130, INTERRUPTED) if number == signal.SIGINT else (-signal.SIGTERM, ""))
    assert snapshot() == before
    assert len(TrainingTask & key) == 1
    assert counts()["pending"] == 1


def test_work_in_python(declare):
    declare("quick", 41)
    assert work() == (1, [])
    assert work("TrainedModel") == (0, [])
    row = (TrainedModel & {"seed": 41}).proj("started", "duration").fetch1()
    assert timedelta(seconds=row["duration"]) < timedelta(minutes=5)
