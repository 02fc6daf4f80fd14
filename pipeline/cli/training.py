"""Commands that train at once, without thinking about tables."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import completing
from pipeline.cli.shared import connect, device_option, seed_option, terminal


@click.command()
@click.option(
    "--neurons", type=click.IntRange(1, 10_000), default=96, show_default=True, help="Number of simulated neurons."
)
@click.option(
    "--images", type=click.IntRange(50, 100_000), default=600, show_default=True, help="Number of training images."
)
@seed_option
@click.option("--out", type=click.Path(file_okay=False, writable=True, path_type=Path), default="hypercolumn-demo",
              show_default=True, help="Folder of the figure.")  # fmt: skip
@device_option
def demo(neurons: int, images: int, seed: int, out: Path, device: str | None) -> None:
    """Do it all on a simulated recording of V1, in minutes.

    It is declared, two models are trained on it, and a table and a figure show them.
    """
    from pipeline.demo import run_demo

    connect(device)
    run_demo(neurons=neurons, images=images, seed=seed, out=out, console=terminal())


@click.command()
@click.argument("name", shell_complete=completing.training_sets)
@click.option(
    "--config",
    metavar="CONFIG",
    shell_complete=completing.configurations,
    help="Named configuration. [default: rotation-equivariant, or that of --core]",
)
@click.option("--core", metavar="KEY", help="Train only the readout, on the core of this trained model.")
@click.option("--as", "training_set", metavar="SET", help="Name of the training set of several recordings.")
@seed_option
@device_option
def train(
    name: str, config: str | None, core: str | None, training_set: str | None, seed: int, device: str | None
) -> None:
    """Train one model on the recording NAME; show its scores.

    NAME1+NAME2+... trains one core for several recordings, each with a readout of its own. NAME@125 takes 125 per mille
    of the training trials, NAME@half-1 and NAME@part-2-of-3 one part of them, NAME@neurons-1-of-2 every other neuron.

    KEY is the id that `hypercolumn results` prints, or a condition that leaves one model.
    """
    from pipeline import results, stored_cores, tasks
    from pipeline.train import train_declared

    connect(device)
    console = terminal()
    origin = None if core is None else results.find_model(core)
    if origin is None:
        key = tasks.declare_task(name, config or "rotation-equivariant", seed, training_set)
    else:
        key = stored_cores.declare_on_core(name, origin, config, seed, training_set)
    keys = train_declared([key], console)
    console.print(results.as_table(results.query_results(where=keys)))
