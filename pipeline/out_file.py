"""A file that a command writes where its user says: checked first, and there only once all of it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError

BEGINNING = 64  # bytes


def check_out(out: Path, what: str, example: str, begins: bytes, called: str) -> None:
    """Raises UserError where it cannot be written, or another kind of file is there.

    what: `report`; example: `report.html`. begins: with which such a file begins, in lower case; called: what a file
    that begins so is called.
    """
    if out.is_dir():
        raise UserError(f"{out}: is a folder; name a file for the {what}, such as {out / example}")
    if out.exists() and not out.is_file():
        raise UserError(f"{out}: is no ordinary file; name another one for the {what}")
    if not out.resolve().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.resolve().parent}; make it, or name another file")
    if out.is_file() and out.stat().st_size:
        with out.open("rb") as file:
            if not file.read(BEGINNING).lower().startswith(begins):
                raise UserError(f"{out}: is there already and is no {called}; name another file for the {what}")
    part = _part_of(out)
    try:
        part.touch(exist_ok=False)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); name another file for the {what}") from error
    part.unlink()


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """The path to write to; in the end it takes the place of `out`, or is gone where there was an error."""
    part = _part_of(out)
    try:
        yield part
        part.replace(out.resolve())
    finally:
        part.unlink(missing_ok=True)


def _part_of(out: Path) -> Path:
    """A file beside it, so that a rename puts it in its place."""
    place = out.resolve()
    return place.with_name(f".{place.name}.{os.getpid()}.part")
