"""What is declared, done, running, pending and failed; by table and by worker."""

from __future__ import annotations

from typing import Any

import datajoint as dj
from rich.table import Table

from pipeline.visible import as_it_is
from pipeline.work import lease as leases
from pipeline.work import queue
from pipeline.work.tables import tables_named
from schemas.work import Lease


def table_status() -> list[dict[str, Any]]:
    """A row for each computed table: how many of its keys are done, running, failed and pending.

    Neither rows nor jobs of what is declared no more are counted.
    """
    rows = []
    for computed in tables_named():
        declared, left = len(computed.key_source), len(queue.left(computed))
        running, failed = (len(_of_what_is_left(computed, state)) for state in ("reserved", "errors"))
        pending = max(0, left - running - failed)  # of counts that are taken one after the other
        counts = {"declared": declared, "done": declared - left, "running": running}
        counts |= {"pending": pending, "failed": failed}
        rows.append({"table": type(computed).__name__, **counts})
    return rows


def counts_left() -> tuple[int, int]:
    """How many jobs other processes have, and how many failed, of all tables."""
    rows = table_status()
    return sum(row["running"] for row in rows), sum(row["failed"] for row in rows)


def worker_status() -> list[dict[str, Any]]:
    """A row for each process that takes jobs: since when, how long it has been silent, and what it does."""
    now = Lease.connection.query(f"SELECT {leases.now(Lease.connection)}").fetchone()[0]
    held = {(job["host"], job["pid"]): job for job in _jobs("reserved", "host", "pid", "reserved_time")}
    rows = []
    for lease in Lease.to_dicts():
        job = held.pop((lease["host"], lease["pid"]), {"table": "-", "key": "-"})
        rows.append(
            {name: lease[name] for name in ("host", "pid", "device", "taken")}
            | {"silent for": f"{(now - lease['renewed']).total_seconds():.0f} s"}
            | {name: job[name] for name in ("table", "key")}
        )
    # those of a plain `populate(reserve_jobs=True)`, which has no lease
    for (host, pid), job in held.items():
        row = {"host": host, "pid": pid, "device": "-", "taken": job["reserved_time"], "silent for": "-"}
        rows.append(row | {name: job[name] for name in ("table", "key")})
    return rows


def failure_status() -> list[dict[str, Any]]:
    """A row for each job that failed, with its error."""
    return _jobs("errors", "host", "completed_time", "error_message")


def tracebacks() -> list[str]:
    """Of each job that failed, the traceback."""
    return [f"{row['table']} {row['key']}\n{row['error_stack']}" for row in _jobs("errors", "error_stack")]


def as_table(rows: list[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="right" if isinstance(rows[0][column], int) else "left")
    for row in rows:
        table.add_row(*(as_it_is(str(value)) for value in row.values()))
    return table


def _of_what_is_left(computed: dj.Computed, state: str) -> Any:
    """Its jobs of a state: another may have been done, or deleted, since it was taken or failed."""
    return getattr(computed.jobs, state).restrict(queue.left(computed), semantic_check=False)


def _jobs(state: str, *columns: str) -> list[dict[str, Any]]:
    rows = []
    for computed in tables_named():
        for job in _of_what_is_left(computed, state).to_dicts():
            key = ", ".join(str(job[attribute]) for attribute in computed.primary_key)
            rows.append({"table": type(computed).__name__, "key": key, **{column: job[column] for column in columns}})
    return rows
