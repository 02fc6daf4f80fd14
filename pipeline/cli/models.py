"""Commands about trained models: their scores and stories, and files in and out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli import completing
from pipeline.cli.shared import connect, dataset_option, experiment_option, say, terminal


@click.command()
@dataset_option
@click.option("--where", metavar="SQL", help="""Only rows that meet a condition, such as "test_corr > 0.3".""")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form in which they are printed.",
)
def results(dataset: str | None, where: str | None, output: str) -> None:
    """Show the trained models and their scores, best first."""
    from pipeline import results as scores
    from pipeline.names import check_known
    from schemas.dataset import Dataset

    connect()
    if dataset is not None:
        check_known(Dataset, dataset)
    rows = scores.query_results(dataset, where)
    if output == "json":
        click.echo(scores.as_json(rows))
    elif output == "csv":
        click.echo(scores.as_csv(rows), nl=False)
    elif rows:
        terminal().print(scores.as_table(rows))
    else:
        click.echo("no trained model fits; `hypercolumn train NAME` trains one")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="report.html", show_default=True, help="File to write.")
@dataset_option
@experiment_option
def report(out: Path, dataset: str | None, experiment: str | None) -> None:
    """Write figures and tables of what is there as one file."""
    from pipeline.report import check_out, write_report

    check_out(out)
    connect()
    write_report(out, terminal(), dataset, experiment)


@click.command()
@click.argument("key")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form in which they are printed.",
)
def show(key: str, output: str) -> None:
    """Show everything about one trained model.

    That is its recording, settings, training and scores, and where it came from. KEY is the id that `hypercolumn
    results` prints, or a condition that leaves one model.
    """
    from pipeline import show as shown
    from pipeline.panels import as_panels
    from pipeline.results import find_model

    connect()
    story = shown.story(find_model(key))
    if output == "json":
        click.echo(shown.as_json(story))
    else:
        terminal().print(*as_panels(story))


@click.command()
@click.argument("key")
@click.option(
    "--device", metavar="DEVICE", help="Device: cpu, cuda, cuda:1, ... [default: of the kind that trained it]"
)
def verify(key: str, device: str | None) -> None:
    """Train a model again, and compare the numbers.

    Nothing is written. The exit code is 1 where they are not the same. KEY is the id that `hypercolumn results`
    prints, or a condition that leaves one model.
    """
    from pipeline.results import find_model
    from pipeline.verify import verify as verify_model
    from pipeline.work.progress import work_progress

    connect(device)
    console = terminal()
    with work_progress(console):
        done = verify_model(find_model(key), device)
    for line in done.lines():
        say(line)
    if not done.holds:
        sys.exit(1)


@click.command()
@click.argument("key")
@click.option(
    "--to", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path), help="New folder to write."
)
@click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=completing.recordings,
    help="Of a model of several recordings, which of them.",
)
def export(key: str, folder: Path, dataset: str | None) -> None:
    """Write a trained model as files.

    These are weights (safetensors), settings (JSON) and network (torch.export). KEY is the id that `hypercolumn
    results` prints, or a condition that leaves one model.
    """
    from pipeline.export import export_model
    from pipeline.results import find_model

    connect()
    for path in export_model(find_model(key), folder, dataset):
        click.echo(path)


@click.command("import-checkpoint")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=completing.recordings,
    help="Recording of its training. [default: the one of as many neurons]",
)
@click.option(
    "--config",
    metavar="CONFIG",
    shell_complete=completing.configurations,
    help="Configuration, for what its variables do not tell. [default: as published]",
)
def import_checkpoint(directory: Path, dataset: str | None, config: str | None) -> None:
    """Make a row of a TensorFlow checkpoint of the authors.

    DIR is the folder of the checkpoint, named by its log hash.
    """
    from pipeline import results
    from pipeline.import_checkpoint import import_checkpoint as to_row

    connect()
    done = to_row(directory, dataset, config)
    if done.warning:
        click.echo(f"warning: {done.warning}", err=True)
    if not done.is_new:
        click.echo(f"{directory.resolve().name} was imported before; nothing to do", err=True)
    terminal().print(results.as_table(results.query_results(where=[done.key])))
