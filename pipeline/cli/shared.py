"""What commands share: options, the connection, the console."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from rich.console import Console

from pipeline.cli import completing
from pipeline.visible import visible_lines

seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of the training."
)
dataset_option = click.option(
    "--dataset", metavar="NAME", shell_complete=completing.recordings, help="Only this recording."
)
experiment_option = click.option(
    "--experiment", metavar="NAME", shell_complete=completing.experiments, help="Only this experiment."
)
device_option = click.option(
    "--device", metavar="DEVICE", help="Device: cpu, cuda, cuda:1, ... [default: cuda where there is one]"
)

# How a file is read: for every option of `pipeline.readers.options.Options` its own on the command line.
READING = [
    click.option("--format", "file_format", metavar="FORMAT", default="auto", show_default=True,
                 help="Format of the file: auto, hdf5, sensorium, original, nwb, or one that another package brings."),
    click.option("--grey", is_flag=True, help="Take the luminance of images in colour."),
    click.option("--crop", metavar="T,B,L,R", help="Pixels to take off: top, bottom, left, right."),
    click.option("--size", metavar="HxW", help="Pixels to shrink images to, by averages over areas; after the crop."),
    click.option("--split", metavar="A,B,C",
                 help="Shares of the images for training, validation and test, .8,.1,.1, where the file has no split."),
    click.option("--split-seed", metavar="N", type=int, default=0, show_default=True, help="Seed of that split."),
    click.option("--window", metavar="A,B", help="Seconds from onset in which responses are taken."),
    click.option("--units", metavar="COLUMN=VALUE", help="Take the neurons that have this value: area=V1."),
    click.option("--stimulus", metavar="NAME", help="Which of several stimuli of an NWB file."),
    click.option("--responses", metavar="NAME", help="Which of several sets of responses of an NWB file."),
]  # fmt: skip
CHOICES = ("grey", "crop", "size", "split", "split_seed", "window", "units", "stimulus", "responses")


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of reading a file, as `file_format` and `options`."""

    @wraps(command)
    def run(**given: Any) -> None:
        from pipeline.readers.options import Options

        options = Options.of(**{name: given.pop(name) for name in CHOICES})
        command(**given, options=options)

    for option in reversed(READING):
        run = option(run)
    return run


def connect(device: str | None = None, *, declare: bool = True, patience: float = 0.0) -> None:
    """Connect to the database, and train on a device if one is named; patience: seconds for a server that is away."""
    import pipeline
    from pipeline.device import use_device

    use_device(device)
    pipeline.connect(declare=declare, patience=patience)


def say(text: str, *, err: bool = False) -> None:
    """Print what may hold text of a file; a terminal obeys nothing of it."""
    click.echo(visible_lines(text), err=err)


def terminal() -> Console:
    """A console as wide as the terminal; where there is none, wide enough for every table."""
    return Console(width=None if sys.stdout and sys.stdout.isatty() else 120)
