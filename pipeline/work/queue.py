"""DataJoint's queue of jobs: filled in one go, and what goes back to it.

It is asked through instances of computed tables, since each keeps its queue: the class would make it anew each time.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import datajoint as dj
import psutil
from datajoint.condition import Not

from pipeline.database.transaction import all_or_nothing
from pipeline.work import lease
from pipeline.work.tables import tables_named
from schemas.training import TrainedModel
from schemas.work import Lease, Priority

DEFAULT_PRIORITY = 5
AT_ONCE = 32  # pending jobs that a worker chooses from
# As DataJoint notes as a job's error: SIGTERM, Ctrl-C, an output that has gone away (pipeline/cli/output.py).
INTERRUPTED = ("SystemExit: SIGTERM received", "KeyboardInterrupt", "SystemExit: 1")


def left(computed: dj.Computed, restrictions: Sequence[Any] = ()) -> Any:
    """What is declared and not done, within the restrictions."""
    return computed._jobs_to_do(tuple(restrictions)) - computed.proj()


def refresh(computed: dj.Computed, restrictions: Sequence[Any] = ()) -> None:
    """Queue what is declared and not done, within the restrictions; take away what is declared no more.

    All at once: DataJoint's own `refresh` inserts them one by one.
    """
    jobs = computed.jobs
    new = left(computed, restrictions).restrict(Not(jobs), semantic_check=False)
    keys = new.keys()
    if keys:
        urgent = {tuple(row[name] for name in Priority.primary_key): row["priority"] for row in Priority.to_dicts()}
        jobs.insert(
            (
                key
                | {"status": "pending"}
                | {"priority": urgent.get(tuple(key[name] for name in Priority.primary_key), DEFAULT_PRIORITY)}
                for key in keys
            ),
            skip_duplicates=True,
        )
    jobs.refresh(*restrictions)


def most_urgent(computed: dj.Computed, restrictions: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Keys of pending jobs that may be taken now, all of the same priority; a few of them where there are many."""
    pending = _within(computed, computed.jobs.pending & "scheduled_time <= CURRENT_TIMESTAMP(3)", restrictions)
    rows = pending.proj("priority").to_dicts(order_by=["priority", "scheduled_time"], limit=AT_ONCE)
    return [{name: row[name] for name in pending.primary_key} for row in rows if row["priority"] == rows[0]["priority"]]


def put_back(computed: dj.Computed, where: dict[str, Any], status: str = "reserved") -> None:
    """Make jobs of a status pending again, as they were before they were taken."""
    _make_pending(computed, computed.jobs & where & {"status": status})


def retry(computed: dj.Computed, restrictions: Sequence[Any] = ()) -> int:
    """Make failed jobs pending again; gives how many."""
    return _make_pending(computed, _within(computed, computed.jobs.errors, restrictions))


def put_back_of(process: dict[str, Any]) -> None:
    """Make pending again what a process has taken, of whatever table; process: what tells its jobs."""
    for computed in tables_named():
        put_back(computed, process)


def recover() -> None:
    """Put back the jobs of processes that are no more, and then take away their leases.

    Those, too, that are noted as failed for an interrupt: whoever was interrupted could not put them back any more.
    Who ended between a model's row and its saved state left that state, for which no job is left.
    """
    for key in lease.dead():
        put_back_of(key)
        (Lease & key).delete_quick()
    for computed in tables_named():
        for key in _without_lease(computed):
            put_back(computed, key)
        for said in INTERRUPTED:
            put_back(computed, {"error_message": said}, "error")
    TrainedModel.discard_states()


def set_priority(tasks: Sequence[dict[str, Any]], priority: int) -> None:
    """How urgent all jobs of these tasks are from now on, 0 the most."""
    keys = [{name: task[name] for name in Priority.primary_key} for task in tasks]

    def insert() -> None:
        (Priority & keys).delete_quick()
        Priority.insert(key | {"priority": priority} for key in keys)
        for computed in tables_named():
            pending = computed.jobs.pending & keys
            pending.connection.query(
                f"UPDATE {pending.full_table_name} SET priority = {int(priority)}{pending.where_clause()}"
            )

    all_or_nothing(insert)


def _within(computed: dj.Computed, jobs: Any, restrictions: Sequence[Any]) -> Any:
    # as DataJoint does it: the keys of the queue have another lineage than those of the table
    return jobs.restrict(computed._jobs_to_do(tuple(restrictions)), semantic_check=False) if restrictions else jobs


def _make_pending(computed: dj.Computed, jobs: Any) -> int:
    """By one UPDATE, which nobody can come between."""
    cursor = jobs.connection.query(
        f"UPDATE {jobs.full_table_name} SET status = 'pending', reserved_time = NULL, completed_time = NULL, "
        f"error_message = '', error_stack = NULL, host = '', pid = 0, connection_id = 0{jobs.where_clause()}"
    )
    return int(cursor.rowcount)


def _without_lease(computed: dj.Computed) -> list[dict[str, Any]]:
    """What tells jobs that `populate(reserve_jobs=True)` took by itself in processes of this host that are no more."""
    names = Lease.primary_key
    here = (computed.jobs.reserved & {"host": platform.node()}).proj(*names).to_dicts()
    leases = {tuple(row[name] for name in names) for row in Lease.to_dicts()}
    return [
        {name: job[name] for name in names}
        for job in here
        if tuple(job[name] for name in names) not in leases and not psutil.pid_exists(job["pid"])
    ]
