"""Writing the report: its file is checked first, and there only once all of it is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from pipeline import out_file
from pipeline.report.build import build
from pipeline.report.html import render


def check_out(out: Path) -> None:
    """Raises UserError where no report can be written to that path."""
    out_file.check_out(out, "report", "report.html", b"<!doctype html", "page of HTML")


def write_report(out: Path, console: Console, dataset: str | None = None, experiment: str | None = None) -> None:
    """One HTML file of everything, or of one recording, one experiment or both.

    Raises UserError where the file cannot be written, or there is no recording or experiment of that name.
    """
    check_out(out)
    page = build(dataset, experiment, console)
    with out_file.written(out) as part:
        part.write_text(render(page), encoding="utf-8")
    size = out.stat().st_size / 1e6
    console.print(f"{out}: {page.num_figures} figures, {page.num_tables} tables, {size:.1f} MB", soft_wrap=True)
