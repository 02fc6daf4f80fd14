"""The store of files: whether it is there, and whether a file can be written, read and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.database import store
from pipeline.doctor import machine
from pipeline.doctor.finding import Finding, fault, ok, warning


def check(spec: dict[str, Any]) -> Iterator[Finding]:
    """spec: of DataJoint's configuration."""
    where = store.place(spec)
    if not store.is_there(spec):
        yield warning("store", f"{where} is not there yet", "mount it, if it should be; or the first file makes it")
        return
    try:
        same = store.gives_what_it_takes(spec)
    except store.NotWritableError:
        yield warning("store", f"{where} cannot be written", "give this user write access, unless it is a reader's")
        return
    if not same:
        yield fault("store", f"{where} gives back other bytes than were written", "look after its server or disk")
    elif spec["protocol"] == "file":
        yield machine.room("store", Path(where), "free some; `hypercolumn clean` removes files without a row")
    else:
        yield ok("store", f"{where}: writes, reads, removes")
