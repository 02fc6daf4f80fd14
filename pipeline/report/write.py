"""Writing the report: its file is checked first, and there only once all of it is."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from pipeline.errors import UserError
from pipeline.report.build import build
from pipeline.report.html import render


def check_out(out: Path) -> None:
    """Raises UserError where no report can be written to that path."""
    if out.is_dir():
        raise UserError(f"{out} is a folder; name a file for the report, such as {out / 'report.html'}")
    if out.exists() and not out.is_file():
        raise UserError(f"{out} is no ordinary file; name another one for the report")
    if not out.resolve().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.resolve().parent}; make it, or name another file")
    if out.is_file() and out.stat().st_size and not out.read_bytes()[:64].lower().startswith(b"<!doctype html"):
        raise UserError(f"{out} is there already and is no page of HTML; name another file for the report")
    part = _part_of(out)
    try:
        part.touch(exist_ok=False)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); name another file for the report") from error
    part.unlink()


def write_report(out: Path, console: Console, dataset: str | None = None, experiment: str | None = None) -> None:
    """One HTML file of everything, or of one recording, one experiment or both.

    Raises UserError where the file cannot be written, or there is no recording or experiment of that name.
    """
    check_out(out)
    page = build(dataset, experiment, console)
    part = _part_of(out)
    try:
        part.write_text(render(page), encoding="utf-8")
        part.replace(out.resolve())
    finally:
        part.unlink(missing_ok=True)
    size = out.stat().st_size / 1e6
    console.print(f"{out}: {page.num_figures} figures, {page.num_tables} tables, {size:.1f} MB", soft_wrap=True)


def _part_of(out: Path) -> Path:
    """A file beside it, so that a rename puts it in its place."""
    place = out.resolve()
    return place.with_name(f".{place.name}.{os.getpid()}.part")
