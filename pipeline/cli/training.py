"""Commands that train at once, without thinking about tables."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.shared import connect, device_option, seed_option, terminal


@click.command()
@click.option("--neurons", type=click.IntRange(1, 10_000), default=96, show_default=True, help="Simulated neurons.")
@click.option("--images", type=click.IntRange(50, 100_000), default=600, show_default=True, help="Training images.")
@seed_option
@click.option("--out", type=click.Path(file_okay=False, writable=True, path_type=Path), default="hypercolumn-demo",
              show_default=True, help="Folder of the figure.")  # fmt: skip
@device_option
def demo(neurons: int, images: int, seed: int, out: Path, device: str | None) -> None:
    """The main job from start to end on a simulated recording of V1; minutes on a CPU."""
    from pipeline.demo import run_demo

    connect(device)
    run_demo(neurons=neurons, images=images, seed=seed, out=out, console=terminal())


@click.command()
@click.argument("name")
@click.option("--config", default="rotation-equivariant", show_default=True, help="A named configuration.")
@seed_option
@device_option
def train(name: str, config: str, seed: int, device: str | None) -> None:
    """Train one model on the recording NAME and show its scores."""
    from pipeline import results
    from pipeline.train import train as train_configs

    connect(device)
    console = terminal()
    keys = train_configs(name, [config], seed, console)
    console.print(results.as_table(results.query_results(where=keys)))
