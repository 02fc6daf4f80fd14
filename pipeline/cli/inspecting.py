"""The command that looks at a recording, and writes nothing but a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.shared import reading_options, terminal

if TYPE_CHECKING:
    from pipeline.readers.options import Options


@click.command("inspect")
@click.argument("path", type=click.Path(path_type=Path))
@reading_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.png",
              help="Picture to write: images, rates, reliability of repeats.")  # fmt: skip
def inspect_file(path: Path, file_format: str, out: Path | None, options: Options) -> None:
    """Show what is in a recording, and what is odd about it.

    PATH is its file or folder. Nothing is declared.
    """
    from pipeline import out_file
    from pipeline.figures.recording import recording_figure
    from pipeline.inspection import by_title, inspect_recording
    from pipeline.panels import panels
    from pipeline.readers import find, read_by

    if out is not None:
        out_file.check_out(out, "picture", "recording.png", b"\x89png", "PNG")
    reader = find(path, file_format)
    found = inspect_recording(read_by(reader, path, options), str(path), reader.name)
    terminal().print(*panels(by_title(found)))
    if out is not None:
        with out_file.written(out) as part:
            recording_figure(found, part)
        click.echo(f"{out}: a picture of it")
