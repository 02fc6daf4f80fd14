"""The store of files that DataJoint is configured with: whether it can be one, and whether it takes and gives files."""

from __future__ import annotations

import errno
import importlib.util
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import datajoint as dj
from datajoint.storage import StorageBackend

from pipeline.errors import UserError, said
from schemas.stored_file import StoreError

STORE = "main"  # the tables' files lie there
CONTENT = b"of hypercolumn, which removes it"
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)  # for this user, or for all of this machine


class NotWritableError(Exception):
    """A store takes no files of this user."""


def check_store() -> None:
    """Raises UserError where the configured store cannot be one."""
    try:
        spec = dj.config.get_store_spec(STORE)
    except dj.DataJointError as error:
        raise UserError(
            f"DataJoint's configuration has no usable store {STORE!r} ({error}); add stores.{STORE}.protocol and "
            f"stores.{STORE}.location to datajoint.json"
        ) from error
    if spec["protocol"] == "s3" and importlib.util.find_spec("s3fs") is None:
        raise UserError(f"store {STORE!r} is on S3, which needs more packages; pip install 'hypercolumn[s3]'")


def place(spec: dict[str, Any]) -> str:
    """Where a store of DataJoint's configuration is, without its secrets."""
    if spec["protocol"] == "file":
        return str(spec["location"])
    return f"{spec['protocol']}, {spec.get('endpoint')}, {spec.get('bucket')}"


def is_there(spec: dict[str, Any]) -> bool:
    """Whether a store's folder is there, as one of another machine may not be; of what is no folder that is not known.

    DataJoint would make the folder with the next file.
    """
    return spec["protocol"] != "file" or Path(spec["location"]).is_dir()


def gives_what_it_takes(spec: dict[str, Any]) -> bool:
    """Whether a file comes back from a store as it was written; it is removed again.

    Raises NotWritableError where this user may write none, otherwise what the store raises.
    """
    backend, name = StorageBackend(spec), f"hypercolumn-{secrets.token_hex(8)}"
    try:
        _write(backend, name)
        same = bool(backend.get_buffer(name) == CONTENT)
    except BaseException:
        for left in (name, f"{name}.saving"):  # as which DataJoint begins a file
            with suppress(Exception):
                backend.remove(left)
        raise
    backend.remove(name)
    return same


def _write(backend: StorageBackend, name: str) -> None:
    try:
        backend.put_buffer(CONTENT, name)
    except OSError as error:
        if error.errno in NOT_WRITABLE:
            raise NotWritableError(said(error)) from error
        raise


def check_answers() -> None:
    """Raises StoreError where the store takes or gives no files now."""
    spec = dj.config.get_store_spec(STORE)
    try:
        if not is_there(spec):
            raise FileNotFoundError("it is not there")
        if not gives_what_it_takes(spec):
            raise OSError("it gives back other bytes than were written")
    except Exception as error:  # by each kind of store its own
        raise StoreError(f"{place(spec)}: the store does not answer ({said(error)})") from error
