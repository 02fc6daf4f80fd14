"""The queue: jobs of dead processes go back to it, those of living ones are left to them, urgent ones come first."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from pipeline.cli import output
from pipeline.tasks import declare_task
from pipeline.work import lease as leases
from pipeline.work import queue, status
from pipeline.work.lease import process_space
from schemas.training import Seed, TrainedModel, TrainingTask
from schemas.work import Lease
from waiting import eventually

HERE = platform.node()


def dead_process() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


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
        f"UPDATE {Lease.full_table_name} SET renewed = {leases.now(Lease.connection)} - {interval} WHERE pid = {pid}"
    )


def write_to_nobody(*_) -> None:
    """What a training does whose output has gone away."""
    nobody, written = os.pipe()
    os.close(nobody)
    with os.fdopen(written, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with output.watched():
            print("validation loss", flush=True)


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
def test_a_job_of_a_dead_process_is_put_back(declare, counts, server_up, taken):
    key = declare("quick", 26)
    reserve(key, **taken | {"pid": os.getppid() if taken["pid"] == "live" else dead_process()})
    TrainedModel.jobs.update1({name: key[name] for name in TrainedModel.primary_key} | {"priority": 3})
    assert counts()["running"] == 1
    queue.recover()
    assert TrainedModel.jobs.pending.to_arrays("priority").tolist() == [3]
    assert counts()["running"] == 0
    assert not Lease()


def test_a_worker_does_the_job_of_a_dead_process(command, declare, counts, server_up):
    key = declare("quick", 26)
    reserve(key, pid=os.getppid(), host="elsewhere", lease="another machine", silent=61)
    assert command("worker", "--dataset", "tiny").out.endswith("1 done, 0 failed, nothing left\n")
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
def test_a_job_of_others_is_left_to_them(command, declare, counts, server_up, taken):
    key = declare("quick", 27)
    reserve(key, **taken | {"pid": os.getppid() if taken["pid"] == "live" else dead_process()})
    assert command("worker", "--dataset", "tiny").out == "0 done, 0 failed, 1 with other workers\n"
    assert not TrainedModel & key
    assert counts() == {"declared": 2, "done": 1, "running": 1, "pending": 0, "failed": 0}
    assert "workers" in command("status").out


@pytest.mark.parametrize(
    "interrupt",
    [lambda *_: signal.raise_signal(signal.SIGTERM), lambda *_: signal.raise_signal(signal.SIGINT), write_to_nobody],
    ids=["SIGTERM", "SIGINT", "output"],
)
def test_a_job_whose_interrupted_process_could_not_put_it_back(command, declare, counts, monkeypatch, interrupt):
    key = declare("quick", 28)
    queue.refresh(TrainedModel())
    with monkeypatch.context() as patch:
        patch.setattr(TrainedModel, "make_compute", interrupt)
        with pytest.raises((SystemExit, KeyboardInterrupt)):
            TrainedModel.populate(key, reserve_jobs=True, refresh=False)
    assert counts()["failed"] == 1
    assert command("worker", "--dataset", "tiny").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & key) == 1


def test_an_interrupt_within_a_query_gives_jobs_back(declare, counts, connection, monkeypatch):
    """Whatever the connection is left with: half an answer, or a transaction that the server would roll back."""
    key = declare("quick", 28)
    queue.refresh(TrainedModel())
    sleep = "SELECT SLEEP(2)" if connection.adapter.backend == "mysql" else "SELECT pg_sleep(2)"
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def interrupted() -> None:
        with leases.held(queue.put_back_of):
            assert TrainedModel.jobs.reserve(key)
            connection.start_transaction()
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            connection.query(sleep)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not connection.in_transaction
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
    assert not Lease()


def test_leases_outlast_a_pause_of_the_server(command, declare, server_up):
    server_up[0] = 30.0
    key = declare("quick", 27)
    reserve(key, pid=os.getppid(), lease="another machine", silent=3600)
    assert command("worker", "--dataset", "tiny").out.endswith("1 with other workers\n")
    server_up[0] = 61.0
    assert command("worker", "--dataset", "tiny").out.endswith("1 done, 0 failed, nothing left\n")
    assert len(TrainedModel & key) == 1


def test_leases_outlast_a_server_that_stands_still(declare, counts, server_up, connection, other, monkeypatch):
    """Where one process cannot renew its lease, another cannot either, and what waited is renewed late."""
    monkeypatch.setattr(leases, "HEARTBEAT", 0.1)
    monkeypatch.setattr(leases, "LIFETIME", 3.0)
    key = declare("quick", 27)
    with leases.held(queue.put_back_of) as mine:
        reserve(key, pid=os.getppid(), host="elsewhere", lease="another machine", silent=3600)
        with other.transaction:
            other.query(f"SELECT renewed FROM {Lease.full_table_name} WHERE pid = {mine['pid']} FOR UPDATE")
            time.sleep(leases.LIFETIME / 2 + 0.2)
            queue.recover()
        queue.recover()
        assert counts()["running"] == 1
        eventually(lambda: queue.recover() or counts()["running"] == 0, pause=0.5)


@pytest.mark.parametrize("zone", ["+12:00", "-11:00"])
def test_leases_go_by_no_local_time(connection, monkeypatch, zone):
    """It jumps by an hour twice a year, at once for all leases."""
    monkeypatch.setattr(leases, "HEARTBEAT", 0.05)
    monkeypatch.setattr(leases, "_seconds_up", lambda _: 1e6)
    mysql = connection.adapter.backend == "mysql"
    with leases.held(queue.put_back_of) as mine:
        begun = Lease.to_arrays("renewed")
        eventually(lambda: Lease.to_arrays("renewed") > begun)
        connection.query(f"SET time_zone = '{zone}'" if mysql else f"SET TIME ZONE INTERVAL '{zone}' HOUR TO MINUTE")
        try:
            assert mine not in leases.dead()
            (shown,) = (row for row in status.worker_status() if row["pid"] == mine["pid"])
            assert abs(float(shown["silent for"].removesuffix(" s"))) < 60
        finally:
            connection.query("SET time_zone = DEFAULT" if mysql else "SET TIME ZONE DEFAULT")


def test_a_lease_is_renewed_and_taken_again(connection, monkeypatch):
    def renewed():
        return Lease.to_arrays("renewed")

    monkeypatch.setattr(leases, "HEARTBEAT", 0.05)
    with leases.held(queue.put_back_of) as key:
        first = renewed()
        assert len(first) == 1
        eventually(lambda: renewed() > first)
        (Lease & key).delete_quick()  # as others do who take it for dead
        eventually(lambda: len(Lease()) == 1)
    assert not Lease()


def test_a_worker_of_another_table_puts_back_all_jobs_of_a_dead_one(command, declare, counts, server_up):
    reserve(declare("quick", 28), pid=dead_process(), host="elsewhere", lease="another machine", silent=61)
    assert command("worker", "--table", "MEI").code == 0
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
    assert not Lease()


def test_no_lease_ends_before_its_jobs_are_put_back(declare, counts):
    """Neither that of a process before, which had the same numbers, nor where the server does not do it."""
    key = declare("quick", 28)
    reserve(key, pid=os.getpid())
    with leases.held(queue.put_back_of):
        assert counts()["running"] == 0
        assert TrainedModel.jobs.reserve(key)
    assert counts()["running"] == 0
    assert not Lease()

    def fail(mine):
        if len(Lease & mine):
            raise OSError("the server is away")

    with leases.held(fail) as mine:
        pass
    assert len(Lease & mine) == 1
    Lease.delete_quick()


def test_urgent_tasks_come_first(declare, command, monkeypatch):
    keys = [declare("quick", seed) for seed in range(50, 54)]
    queue.refresh(TrainedModel())  # so that there are jobs already
    queue.set_priority([keys[2]], 0)
    queue.set_priority([keys[0]], 7)
    keys.append(declare("quick", 54))
    queue.set_priority([keys[4]], 1)
    compute, order = TrainedModel.make_compute, []

    def noting(self, key, task):
        order.append(key["seed"])
        return compute(self, key, task)

    monkeypatch.setattr(TrainedModel, "make_compute", noting)
    assert command("worker", "--dataset", "tiny").code == 0
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
