"""The command line. What a command needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import sys

import click

from pipeline.cli import database, declaring, inspecting, models, training, work
from pipeline.errors import explained
from pipeline.visible import visible

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COMMANDS = [
    training.demo,
    training.train,
    declaring.ingest,
    inspecting.inspect_file,
    declaring.configs,
    declaring.declare,
    work.worker,
    work.submit,
    work.status,
    models.results,
    models.report,
    models.show,
    models.verify,
    models.export,
    models.import_checkpoint,
    database.migrate,
    database.clean,
    database.db,
]


@click.group(context_settings=CONTEXT, commands=COMMANDS)
@click.version_option(package_name="hypercolumn", prog_name="hypercolumn")
def cli() -> None:
    """Rotation-equivariant CNN models of visual cortex, as rows that can be queried."""


def main() -> None:
    """Entry point of `hypercolumn`: a user's mistake ends with one line and exit code 2, never with a traceback."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
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
