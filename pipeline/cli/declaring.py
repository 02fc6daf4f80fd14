"""Commands that declare: recordings, and trainings on them by named configurations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import completing
from pipeline.cli.shared import connect, reading_options, say, terminal

if TYPE_CHECKING:
    from pipeline.readers.options import Options


@click.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@reading_options
def ingest(name: str, path: Path, file_format: str, options: Options) -> None:
    """Declare the recording in PATH under the name NAME.

    PATH is its file or folder.
    """
    from pipeline import readers
    from pipeline.datasets import add_recording
    from pipeline.names import check_name
    from pipeline.readers.checks import check_recording
    from schemas.dataset import Dataset

    check_name(name)
    reader = readers.find(path, file_format)
    recording = readers.read_by(reader, path, options)
    statistics = check_recording(recording, str(path))
    connect()
    is_layout = reader.name == "hdf5" and not options.to_dict()  # and so need not be written anew
    is_new = add_recording(
        name, recording, path if is_layout else None, statistics=statistics, reader=reader.name, options=options
    )
    for line in (Dataset & {"dataset_name": name}).fetch1("warnings"):
        say(f"warning: {line}", err=True)
    height, width = recording.image_size
    counts = ", ".join(
        f"{len(getattr(recording, f'{split}_images'))} {split}" for split in ("train", "validation", "test")
    )
    said = "declared" if is_new else "was declared before with the same content"
    click.echo(f"{name} {said}: {recording.num_neurons} neurons, {counts} images of {height} x {width} pixels")


@click.command()
def configs() -> None:
    """Show the named configurations."""
    from rich.table import Table

    from pipeline.configs import CONFIGS

    table = Table()
    for column in ("configuration", "core", "trainer", "what it is"):
        table.add_column(column, overflow="fold")  # no name is cut off
    for named in CONFIGS.values():
        table.add_row(named.config, named.core["core"], named.trainer["trainer"], named.summary)
    terminal().print(table)


@click.command()
@click.argument("experiment")
@click.option(
    "--dataset",
    metavar="NAME",
    required=True,
    shell_complete=completing.recordings,
    help="Recording that they are trained on.",
)
@click.option("--family", type=click.Choice(["paper", "small"]),
              help="The paper's configurations, or small ones. [default: by the recording's size]")  # fmt: skip
@click.option("--seed", "seeds", type=click.IntRange(0, 2**32 - 1), multiple=True,
              help="Seed of the trainings; may be given several times. [default: 0]")  # fmt: skip
@click.option("--search", type=click.IntRange(1, 10_000), metavar="N",
              help="Draw the weights of the penalties N times for each model, as the paper did (32).")  # fmt: skip
@click.option("--priority", type=click.IntRange(0, 100), metavar="N",
              help="How urgent its jobs are, 0 the most; also if it was declared before. [default: 5]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write nothing; say how many trainings, and how long they should take.")
def declare(
    experiment: str,
    dataset: str,
    family: str | None,
    seeds: tuple[int, ...],
    search: int | None,
    priority: int | None,
    dry_run: bool,
) -> None:
    """Declare the trainings of an experiment on a recording.

    `hypercolumn worker` then trains them. EXPERIMENT is table1, fig2, fig3, transfer, halves, shared-biases or
    demo, or a lab's own: the path of a .yaml file.
    """
    from pipeline import experiments
    from pipeline.work import queue

    found = experiments.find(experiment, family)
    connect()
    declared = experiments.declare(
        found.design,
        dataset,
        family=family,
        seeds=seeds or found.seeds or (0,),
        num_draws=search or found.num_draws,
        dry_run=dry_run,
    )
    if priority is not None and not dry_run:
        queue.set_priority([training.key for training in declared.trainings], priority)
    for line in experiments.lines(declared, experiments.estimate(declared.untrained, dataset), dry_run=dry_run):
        click.echo(line)
