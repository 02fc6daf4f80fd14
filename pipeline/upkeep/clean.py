"""Removing files of the store that no row refers to: of rows that were deleted, and of processes that were killed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import datajoint as dj

import schemas
from pipeline.database.store import STORE
from pipeline.errors import UserError
from pipeline.work import lease
from schemas.training import TrainedModel

YOUNGEST = timedelta(minutes=10)  # a younger file may be one whose row is about to come


class Orphan(NamedTuple):
    """A file that no row refers to."""

    path: str
    size: int  # bytes


def clean(*, dry_run: bool) -> list[Orphan]:
    """Remove saved states that are of use no more and files without a row; gives the files.

    Raises UserError while a worker is alive, whose files may be about to get their rows, and where a table cannot be
    read, since its files would look like nobody's.
    """
    alive = lease.alive()
    if alive and not dry_run:
        names = ", ".join(f"{row['host']} process {row['pid']}" for row in alive)
        raise UserError(f"{len(alive)} workers are alive ({names}); stop them first, or look with --dry-run")
    if not dry_run:
        TrainedModel.discard_states()
    collector = dj.gc.GarbageCollector(*(module.schema for module in schemas.modules()), store=STORE)
    found = _found(collector)
    if dry_run:
        return found
    return [orphan for orphan in found if collector.delete_schema_path(orphan.path)]


def _found(collector: Any) -> list[Orphan]:
    with _troubles() as troubles:
        stats = collector.collect(dry_run=True)
    if troubles:
        raise UserError(f"not all tables and files can be read ({troubles[0]}); mend that first, nothing was removed")
    now, backend = datetime.now(UTC), collector.backend
    orphans = [(path, backend.fs.info(backend._full_path(path))) for path in stats["orphaned_schema_paths"]]
    return [Orphan(path, info["size"]) for path, info in orphans if now - _modified(info) > YOUNGEST]


def _modified(info: dict[str, Any]) -> datetime:
    """Of a file, as the file systems of fsspec have it: seconds since 1970, or a date."""
    when = info["mtime"] if "mtime" in info else info["LastModified"]
    return when if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)


@contextmanager
def _troubles() -> Iterator[list[str]]:
    """DataJoint only warns of a table that it cannot read, and goes on as if that referred to no file."""
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(" ".join(record.getMessage().split()))

    logger = logging.getLogger("datajoint")
    before = logger.level, logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [Collect(logging.WARNING)], False
    logger.setLevel(logging.WARNING)
    try:
        yield lines
    finally:
        logger.handlers, logger.propagate = before[1:]
        logger.setLevel(before[0])
