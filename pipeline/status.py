"""What is declared, done, running, pending and failed; by table and by worker."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pipeline.worker import TABLES


def table_status() -> list[dict[str, Any]]:
    """A row for each computed table: how many of its keys are done, running, failed and pending."""
    rows = []
    for name, computed in TABLES.items():
        declared, done = len(computed().key_source), len(computed())
        running, failed = len(computed.jobs.reserved), len(computed.jobs.errors)
        pending = declared - done - running - failed
        counts = {"declared": declared, "done": done, "running": running, "pending": pending, "failed": failed}
        rows.append({"table": name, **counts})
    return rows


def worker_status() -> list[dict[str, Any]]:
    """A row for each job that a worker holds."""
    return _jobs("reserved", "host", "pid", "reserved_time")


def failure_status() -> list[dict[str, Any]]:
    """A row for each job that failed, with its error."""
    return _jobs("errors", "host", "completed_time", "error_message")


def as_table(rows: list[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="right" if isinstance(rows[0][column], int) else "left")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table


def _jobs(state: str, *columns: str) -> list[dict[str, Any]]:
    rows = []
    for name, computed in TABLES.items():
        for job in getattr(computed.jobs, state).to_dicts():
            key = ", ".join(str(job[attribute]) for attribute in computed.primary_key)
            rows.append({"table": name, "key": key, **{column: job[column] for column in columns}})
    return rows
