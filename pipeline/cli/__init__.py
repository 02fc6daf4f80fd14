"""The command line. What a command needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import atexit
import gc
import sys

import click

from pipeline.cli import checking, database, declaring, inspecting, models, output, training, work
from pipeline.cli.front import EPILOG, FrontDoor, next_steps
from pipeline.errors import explained
from pipeline.visible import visible

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
SECTIONS = {
    "To begin": [training.demo],
    "Recordings": [inspecting.inspect_file, declaring.ingest],
    "Training": [training.train, declaring.configs, declaring.declare, work.worker, work.submit, work.status],
    "Trained models": [
        models.results,
        models.report,
        models.show,
        models.verify,
        models.export,
        models.import_checkpoint,
    ],
    "Database and installation": [database.db, database.migrate, database.clean, checking.doctor],
}


@click.group(cls=FrontDoor, sections=SECTIONS, invoke_without_command=True, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(package_name="hypercolumn", prog_name="hypercolumn")
@click.pass_context
def cli(context: click.Context) -> None:
    """Rotation-equivariant CNN models of visual cortex, as rows that can be queried."""
    if context.invoked_subcommand is None:
        for text in next_steps(context):
            click.echo(text)


def main() -> None:
    """Entry point of `hypercolumn`: a user's mistake ends with one line and exit code 2, never with a traceback."""
    # Python ends without a search for garbage in all of PyTorch, which is most of a second's work; who calls this from
    # Python goes on, and keeps no garbage.
    atexit.register(gc.freeze)
    with output.watched():
        _run()


def _run() -> None:
    try:
        sys.exit(cli(prog_name="hypercolumn", standalone_mode=False))
    except click.ClickException as error:
        click.echo(f"hypercolumn: {visible(_one_line(error))}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("hypercolumn: interrupted; what was finished is kept", err=True)
        sys.exit(130)
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        click.echo(f"hypercolumn: {visible(line)}", err=True)
        sys.exit(2)


def _one_line(error: click.ClickException) -> str:
    """What click says, in the form of our own errors."""
    said = " ".join(error.format_message().split()).removesuffix(".")
    context = getattr(error, "ctx", None)
    where = f"; `{context.command_path} --help` tells what is allowed" if context else ""
    return said[:1].lower() + said[1:] + where
