"""Commands about the database: its tables, the files of its store, the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.shared import connect
from pipeline.errors import UserError

if TYPE_CHECKING:
    from pipeline.database.embedded import EmbeddedServer


@click.command()
def migrate() -> None:
    """Declare all tables, or bring them to this version.

    In one step and by one process, before workers start.
    """
    from pipeline.upkeep.migrate import migrate as make_current

    for line in make_current():
        click.echo(line)


@click.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be.")
def clean(dry_run: bool) -> None:
    """Remove files of the store that no row refers to.

    These are files of rows that were deleted, and of processes that were killed.
    """
    from pipeline.upkeep.clean import clean as remove_orphans

    connect()
    found = remove_orphans(dry_run=dry_run)
    for orphan in found:
        click.echo(orphan.path)
    megabytes = sum(orphan.size for orphan in found) / 1e6
    click.echo(f"{len(found)} files, {megabytes:.1f} MB {'would be' if dry_run else 'were'} removed")


@click.group(no_args_is_help=False)
def db() -> None:
    """Start, stop or find the embedded database server."""


@db.command()
def start() -> None:
    """Start the embedded server.

    Other commands do so when they need it.
    """
    server = _embedded_server()
    click.echo("started" if server.start() else "was running already")


@db.command()
def stop() -> None:
    """Stop the embedded server; the data stay."""
    server = _embedded_server()
    click.echo("stopped" if server.stop() else "was not running")


@db.command("status")
def db_status() -> None:
    """Show whether the embedded server runs, and where its data are."""
    server = _embedded_server()
    click.echo(f"{'running' if server.is_running() else 'not running'}; data in {server.home}")


@db.command()
def url() -> None:
    """Show the address of the embedded server.

    It is for psql and other clients.
    """
    click.echo(_embedded_server().url)


def _embedded_server() -> EmbeddedServer:
    from pipeline.database.connection import is_configured
    from pipeline.database.embedded import EmbeddedServer, default_home

    if is_configured():
        raise UserError(
            "DataJoint is configured for a server of your own; `hypercolumn db` is about the embedded one only"
        )
    return EmbeddedServer(default_home())
