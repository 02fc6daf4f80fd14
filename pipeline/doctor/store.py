"""The store of files: whether it is there, and whether a file can be written, read and removed."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datajoint.storage import StorageBackend

from pipeline.doctor import machine
from pipeline.doctor.finding import Finding, fault, ok, warning

NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)  # for this user, or for all of this machine
CONTENT = b"of `hypercolumn doctor`, which removes it"


def check(spec: dict[str, Any]) -> Iterator[Finding]:
    """spec: of DataJoint's configuration."""
    is_folder = spec["protocol"] == "file"
    where = str(spec["location"]) if is_folder else f"{spec['protocol']}, {spec.get('endpoint')}, {spec.get('bucket')}"
    if is_folder and not Path(where).is_dir():
        yield warning("store", f"{where} is not there yet", "mount it, if it should be; or the first file makes it")
        return
    backend, name = StorageBackend(spec), f"hypercolumn-doctor-{secrets.token_hex(8)}"
    try:
        backend.put_buffer(CONTENT, name)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        yield warning("store", f"{where} cannot be written", "give this user write access, unless it is a reader's")
        return
    try:
        same = backend.get_buffer(name) == CONTENT
    finally:
        backend.remove(name)
    if not same:
        yield fault("store", f"{where} gives back other bytes than were written", "look after its server or disk")
    elif is_folder:
        yield machine.room("store", Path(where), "free some; `hypercolumn clean` removes files without a row")
    else:
        yield ok("store", f"{where}: writes, reads, removes")
