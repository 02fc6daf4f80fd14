"""Workers: every declared task is done once, a failure is reported, an interrupted job goes back to the queue."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from pipeline import lease as leases
from pipeline import queue, status
from pipeline.lease import process_space
from pipeline.tasks import declare_task
from pipeline.worker import work
from schemas.experiment import Experiment
from schemas.training import SavedState, Seed, TrainedModel, TrainingTask
from schemas.work import Lease

HERE = platform.node()
LONGER = 400  # steps of the configuration of that name
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
    (SavedState & keys).discard()
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


def reserve(key: dict, *, pid: int, host: str = HERE, lease: str | None = None, silent: float = 0) -> None:
    """Make the job of a key look as if a process had taken it.

    lease: its space of processes, None for none. silent: seconds since that was renewed.
    """
    jobs = TrainedModel.jobs
    jobs.refresh()
    assert jobs.reserve(key)
    jobs.update1({name: key[name] for name in TrainedModel.primary_key} | {"host": host, "pid": pid})
    if lease is None:
        return
    row = {"host": host, "pid": pid, "connection_id": Lease.connection.connection_id}
    Lease.insert1(row | {"process_space": lease, "device": "cpu"})
    interval = Lease.connection.adapter.interval_expr(silent, "second")
    Lease.connection.query(
        f"UPDATE {Lease.full_table_name} SET renewed = CURRENT_TIMESTAMP(3) - {interval} WHERE pid = {pid}"
    )


@pytest.fixture
def server_up(monkeypatch):
    """The server has been up for longer than a lease takes to run out, which that of a test has not."""
    seconds_up = [1e6]
    monkeypatch.setattr(leases, "_seconds_up", lambda _: seconds_up[0])
    yield seconds_up
    Lease.delete_quick()


@pytest.mark.parametrize(
    "taken",
    [
        {"pid": "dead"},
        {"pid": "dead", "lease": process_space()},
        {"pid": "live", "lease": "another machine", "silent": 61},
        {"pid": "live", "host": "elsewhere", "lease": "another machine", "silent": 61},
    ],
    ids=["dead, without a lease", "dead", "silent, on another machine of that name", "silent, elsewhere"],
)
def test_a_job_of_a_dead_process_is_put_back(command, declare, server_up, taken):
    key = declare("quick", 26)
    reserve(key, **taken | {"pid": os.getppid() if taken["pid"] == "live" else dead_process()})
    TrainedModel.jobs.update1({name: key[name] for name in TrainedModel.primary_key} | {"priority": 3})
    assert counts()["running"] == 1
    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & key) == 1
    assert counts()["running"] == 0
    assert not Lease()


@pytest.mark.parametrize(
    "taken",
    [
        {"pid": "live"},
        {"pid": "live", "lease": process_space()},
        {"pid": "dead", "lease": "another container", "silent": 50},
        {"pid": "dead", "host": "elsewhere", "lease": "another machine", "silent": 50},
        {"pid": "dead", "host": "elsewhere"},
    ],
    ids=["live, without a lease", "live", "another container of this host", "elsewhere", "elsewhere, without a lease"],
)
def test_a_job_of_others_is_left_to_them(command, declare, server_up, taken):
    key = declare("quick", 27)
    reserve(key, **taken | {"pid": os.getppid() if taken["pid"] == "live" else dead_process()})
    assert command("worker").out == "0 done, 0 failed, 1 with other workers\n"
    assert not TrainedModel & key
    assert counts() == {"declared": 2, "done": 1, "running": 1, "pending": 0, "failed": 0}
    assert "workers" in command("status").out


def test_leases_outlast_a_pause_of_the_server(command, declare, server_up):
    server_up[0] = 30.0
    key = declare("quick", 27)
    reserve(key, pid=os.getppid(), lease="another machine", silent=3600)
    assert command("worker").out.endswith("1 with other workers\n")
    server_up[0] = 61.0
    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & key) == 1


def test_a_lease_is_renewed_and_taken_again(connection, monkeypatch):
    def renewed():
        return Lease.to_arrays("renewed")

    monkeypatch.setattr(leases, "HEARTBEAT", 0.05)
    with leases.held() as key:
        first = renewed()
        assert len(first) == 1
        wait_until(lambda: renewed() > first)
        (Lease & key).delete_quick()  # as others do who take it for dead
        wait_until(lambda: len(Lease()) == 1)
    assert not Lease()


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_urgent_tasks_come_first(declare, command, monkeypatch):
    keys = [declare("quick", seed) for seed in range(50, 54)]
    queue.refresh(TrainedModel())  # so that there are jobs already
    queue.set_priority([keys[2]], 0, [TrainedModel()])
    queue.set_priority([keys[0]], 7, [TrainedModel()])
    keys.append(declare("quick", 54))
    queue.set_priority([keys[4]], 1, [TrainedModel()])
    compute, order = TrainedModel.make_compute, []

    def noting(self, key, task):
        order.append(key["seed"])
        return compute(self, key, task)

    monkeypatch.setattr(TrainedModel, "make_compute", noting)
    assert command("worker").code == 0
    assert (order[:2], order[4]) == ([52, 54], 50)
    assert set(order[2:4]) == {51, 53}


def test_many_tasks_are_queued_at_once(tiny, quick, connection, monkeypatch):
    key = declare_task(tiny, "quick", 60)
    tasks = [key | {"seed": seed, "declared": datetime(2026, 1, 1)} for seed in range(1000, 1200)]
    Seed.insert([{"seed": task["seed"]} for task in tasks], skip_duplicates=True)
    TrainingTask.insert(tasks)
    try:
        sent, execute = [], connection._execute_query
        monkeypatch.setattr(connection, "_execute_query", lambda *args: (sent.append(args[1]), execute(*args)))
        queue.refresh(TrainedModel())
        assert len(sent) < 30
        assert len(TrainedModel.jobs.pending & tasks) == 200
    finally:
        (TrainingTask & tasks).delete(prompt=False)
        (TrainingTask & key).delete(prompt=False)
    queue.refresh(TrainedModel())
    TrainedModel.jobs.delete()


@pytest.mark.parametrize("option", ["--dataset", "--experiment"])
def test_a_restricted_worker(command, refused, declare, option):
    key = declare("quick", 61)
    line = refused("worker", option, "other")
    assert "'other' is not declared" in line
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


def test_a_worker_that_polls(start, declare):
    worker = start("worker", "--poll", 0.1, quick=True)
    keys = [declare("quick", seed) for seed in (63, 64)]
    wait_until(lambda: len(TrainedModel & keys) == 2)
    code, err = end(worker, signal.SIGTERM)
    assert (code, err.strip()) == (130, INTERRUPTED)
    assert not Lease()


def wait_for_training(process: subprocess.Popen) -> None:
    """Read until a training has had its first validation."""
    assert any("| step " in line for line in process.stdout)


def end(process: subprocess.Popen, number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def bits(key: dict) -> list:
    """All that two trainings of one task must agree in."""
    row = (TrainedModel & key).proj("num_iterations", "val_loss", "test_corr").fetch1()
    parts = [(part & key).to_dicts(order_by="KEY") for part in (TrainedModel.Neuron, TrainedModel.Curve)]
    weights = (TrainedModel & key).fetch1("weights").load()
    return [row, *parts, {name: tensor.tolist() for name, tensor in weights.items()}]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_another_worker_goes_on(start, declare, command, number, store):
    key = declare("longer", 28)
    assert command("worker").code == 0
    undisturbed = bits(key)
    (TrainedModel & key).delete(prompt=False)

    worker = start("worker", quick=True)
    wait_for_training(worker)
    wait_until(lambda: SavedState & key)
    assert counts()["running"] == 1
    code, err = end(worker, number)
    if number == signal.SIGKILL:
        assert counts()["running"] == 1
    else:
        assert (code, err.strip()) == (130, INTERRUPTED)
        assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
        assert not Lease()
    assert not TrainedModel & key
    steps, path = (SavedState & key).fetch1("steps_taken", "state")
    assert 0 < steps < LONGER

    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert bits(key) == undisturbed
    assert not SavedState & key
    assert not (store / path.path).exists()
    assert not Lease()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_its_task(start, tiny, declare, snapshot, number):
    key = declare("endless", 40)
    before = snapshot()
    process = start("train", tiny, "--config", "endless", "--seed", 40, quick=True)
    wait_for_training(process)
    code, err = end(process, number)
    assert (code, err.strip()) == ((130, INTERRUPTED) if number == signal.SIGINT else (-signal.SIGTERM, ""))
    (SavedState & key).discard()  # from which it would go on
    assert snapshot() == before
    assert len(TrainingTask & key) == 1
    assert counts()["pending"] == 1


def test_work_in_python(declare):
    declare("quick", 41)
    assert work() == (1, [])
    assert work("TrainedModel") == (0, [])
    row = (TrainedModel & {"seed": 41}).proj("started", "duration").fetch1()
    assert timedelta(seconds=row["duration"]) < timedelta(minutes=5)
