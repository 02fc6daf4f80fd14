"""What commands share: options, the connection, the console."""

from __future__ import annotations

import sys

import click
from rich.console import Console

seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of the training."
)
device_option = click.option(
    "--device", metavar="DEVICE", help="cpu, cuda, cuda:1, ... [default: cuda where there is one]"
)


def connect(device: str | None = None, *, declare: bool = True) -> None:
    """Connect to the database, and train on a device if one is named."""
    import pipeline
    from pipeline.worker import use_device

    use_device(device)
    pipeline.connect(declare=declare)


def terminal() -> Console:
    """A console as wide as the terminal; where there is none, wide enough for every table."""
    return Console(width=None if sys.stdout.isatty() else 120)
