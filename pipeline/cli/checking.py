"""The command that looks after the installation."""

from __future__ import annotations

import sys

import click

from pipeline.cli.shared import say, terminal


@click.command()
@click.option("--start", is_flag=True, help="Start the embedded server if it does not run, and stop it again.")
@click.option("--json", "as_object", is_flag=True, help="One object, for a program to read.")
def doctor(start: bool, as_object: bool) -> None:
    """Check the installation, and say what to do.

    That is: packages, memory, device, server, tables and store. The exit code is 2 where something is wrong. It
    ends with lines to send when asking for help, without names of users, machines, folders and recordings.
    """
    from pipeline import doctor as examined

    findings = examined.examine(start=start)
    if as_object:
        click.echo(examined.as_json(findings))
    else:
        terminal().print(examined.as_table(findings))
        click.echo("To send when asking for help:\n")
        for line in examined.to_send(findings):
            say(f"    {line}")
    if examined.worst(findings) == examined.FAULT:
        sys.exit(2)
