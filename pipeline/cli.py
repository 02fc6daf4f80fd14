"""The command line. What a command needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pipeline.errors import UserError, explained

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of the training."
)
device_option = click.option(
    "--device", metavar="DEVICE", help="cpu, cuda, cuda:1, ... [default: cuda where there is one]"
)


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="hypercolumn", prog_name="hypercolumn")
def cli() -> None:
    """Rotation-equivariant CNN models of visual cortex, as rows that can be queried."""


@cli.command()
@click.option("--neurons", type=click.IntRange(1, 10_000), default=96, show_default=True, help="Simulated neurons.")
@click.option("--images", type=click.IntRange(50, 100_000), default=600, show_default=True, help="Training images.")
@seed_option
@click.option("--out", type=click.Path(file_okay=False, writable=True, path_type=Path), default="hypercolumn-demo",
              show_default=True, help="Folder of the figure.")  # fmt: skip
@device_option
def demo(neurons: int, images: int, seed: int, out: Path, device: str | None) -> None:
    """The main job from start to end on a simulated recording of V1; minutes on a CPU."""
    from pipeline.demo import run_demo

    _connect(device)
    run_demo(neurons=neurons, images=images, seed=seed, out=out, console=_console())


@cli.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "file_format", default="auto", show_default=True, help="Format of the file: auto, hdf5.")
def ingest(name: str, path: Path, file_format: str) -> None:
    """Declare the recording in the file PATH under the name NAME."""
    from pipeline.datasets import add_recording, check_name
    from pipeline.readers import read
    from pipeline.readers.checks import warnings_of

    check_name(name)
    recording = read(path, file_format)
    _connect()
    is_new = add_recording(name, recording, path)
    for line in warnings_of(recording):
        click.echo(f"warning: {line}", err=True)
    height, width = recording.image_size
    counts = ", ".join(
        f"{len(getattr(recording, f'{split}_images'))} {split}" for split in ("train", "validation", "test")
    )
    said = "declared" if is_new else "was declared before with the same content"
    click.echo(f"{name} {said}: {recording.num_neurons} neurons, {counts} images of {height} x {width} pixels")


@cli.command()
@click.argument("name")
@click.option("--config", default="rotation-equivariant", show_default=True, help="A named configuration.")
@seed_option
@device_option
def train(name: str, config: str, seed: int, device: str | None) -> None:
    """Train one model on the recording NAME and show its scores."""
    from pipeline import results
    from pipeline.train import train as train_configs

    _connect(device)
    console = _console()
    keys = train_configs(name, [config], seed, console)
    console.print(results.as_table(results.query_results(where=keys)))


@cli.command()
def configs() -> None:
    """List the named configurations."""
    from rich.table import Table

    from pipeline.configs import CONFIGS

    table = Table()
    for column in ("configuration", "core", "trainer", "what it is"):
        table.add_column(column)
    for named in CONFIGS.values():
        table.add_row(named.config, named.core["core"], named.trainer["trainer"], named.summary)
    _console().print(table)


@cli.command()
@click.argument("experiment")
@click.option("--dataset", metavar="NAME", required=True, help="The recording.")
@click.option("--family", type=click.Choice(["paper", "small"]),
              help="The paper's configurations, or small ones [default: by the recording's size]")  # fmt: skip
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
    """Declare the trainings of an experiment on a recording; `hypercolumn worker` trains them.

    EXPERIMENT is table1, fig2, fig3, transfer, halves, shared-biases or demo, or a lab's own: the path of a .yaml file.
    """
    from pipeline import experiments, queue
    from pipeline.worker import tables_named

    found = experiments.find(experiment, family)
    _connect()
    declared = experiments.declare(
        found.design,
        dataset,
        family=family,
        seeds=seeds or found.seeds or (0,),
        num_draws=search or found.num_draws,
        dry_run=dry_run,
    )
    if priority is not None and not dry_run:
        queue.set_priority([training.key for training in declared.trainings], priority, tables_named())
    for line in experiments.lines(declared, experiments.estimate(declared.untrained, dataset), dry_run=dry_run):
        click.echo(line)


@cli.command()
@click.option("--table", help="Only this computed table.")
@click.option("--dataset", metavar="NAME", help="Only this recording.")
@click.option("--experiment", metavar="NAME", help="Only this experiment.")
@click.option("--once", is_flag=True, help="End when no job is left, which is also what happens without it.")
@click.option("--poll", type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="Go on for ever, and look for new jobs so often.")  # fmt: skip
@click.option("--retry", is_flag=True, help="Try again what failed before.")
@device_option
def worker(
    table: str | None,
    dataset: str | None,
    experiment: str | None,
    once: bool,
    poll: float | None,
    retry: bool,
    device: str | None,
) -> None:
    """Train what is declared, job by job, until nothing is left; then what is asked of the trained models.

    Any number of workers share the work. One that is interrupted gives its job back, and another goes on with it.
    """
    from pipeline import queue
    from pipeline.progress import work_progress
    from pipeline.restrictions import restrictions
    from pipeline.status import counts_left
    from pipeline.worker import outcomes, tables_named

    if once and poll is not None:
        raise UserError("--once and --poll exclude each other; leave one out")
    _connect(device, declare=False)
    tables, within = tables_named(table), restrictions(dataset, experiment)
    console = _console()
    if retry:
        console.print(f"failed before and tried again: {sum(queue.retry(computed, within) for computed in tables)}")
    done = failed = 0
    with work_progress(console):
        for outcome in outcomes(tables, within, poll):
            done, failed = done + (outcome.error is None), failed + (outcome.error is not None)
            if outcome.error is not None:
                click.echo(f"failed: {outcome.line}", err=True)
    running, failed_before = counts_left()
    console.print(f"{done} done, {failed} failed, " + (f"{running} with other workers" if running else "nothing left"))
    if failed_before > failed:
        console.print(
            f"failed before and left alone: {failed_before - failed}; `hypercolumn status` says why, "
            "`hypercolumn worker --retry` tries again"
        )
    if failed:
        sys.exit(1)


@cli.command()
@click.option("--scheduler", type=click.Choice(["slurm"]), required=True, help="What runs the workers.")
@click.option("--workers", type=click.IntRange(1), required=True, help="How many workers.")
@click.option("--cpus", type=click.IntRange(1), default=1, show_default=True, help="Cores for each worker.")
@click.option("--gres", metavar="GRES", help="Devices for each worker, such as gpu:1.")
@click.option("--mem", metavar="SIZE", help="Memory for each worker, such as 16G.")
@click.option("--partition", metavar="NAME", help="Where they run.")
@click.option("--time", metavar="TIME", help="Time limit, such as 8:00:00; then they are queued again.")
@click.option("--log-dir", type=click.Path(file_okay=False, path_type=Path), default="hypercolumn-logs",
              show_default=True, help="Folder of what the workers say.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Submit nothing; print the script.")
@click.argument("worker_options", nargs=-1, metavar="[-- OPTIONS OF WORKER]")
def submit(scheduler: str, dry_run: bool, worker_options: tuple[str, ...], **asked: Any) -> None:
    """Have a scheduler run workers; what stands after -- goes to `hypercolumn worker`."""
    from pipeline.schedulers.slurm import Job

    worker.make_context("hypercolumn worker", list(worker_options))  # it refuses what it does not know
    job = Job(worker_options=worker_options, **asked)
    script = job.script()
    if dry_run:
        click.echo(script, nl=False)
        return
    _connect()
    number = job.submit()
    click.echo(f"job {number}: {job.workers} workers; logs in {job.log_dir}; `squeue --job {number}` shows them")


@cli.command()
@click.option("--tracebacks", is_flag=True, help="Of failures, say where in the program they came from.")
def status(tracebacks: bool) -> None:
    """What is done, running, pending and failed, by table and by worker."""
    from pipeline import status as overview

    _connect()
    sections = {
        "tables": overview.table_status(),
        "workers": overview.worker_status(),
        "failures": overview.failure_status(),
    }
    for title, rows in sections.items():
        if rows:
            _console().print(overview.as_table(rows, title))
    if tracebacks:
        for line in overview.tracebacks():
            click.echo(line)


@cli.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be.")
def clean(dry_run: bool) -> None:
    """Remove files of the store that no row refers to, such as those of rows that were deleted."""
    from pipeline.clean import clean as remove_orphans

    _connect()
    found = remove_orphans(dry_run=dry_run)
    for orphan in found:
        click.echo(orphan.path)
    megabytes = sum(orphan.size for orphan in found) / 1e6
    click.echo(f"{len(found)} files, {megabytes:.1f} MB {'would be' if dry_run else 'were'} removed")


@cli.command()
def migrate() -> None:
    """Declare all tables that are not there, in one step, before workers start."""
    from pipeline.migrate import migrate as make_current

    for line in make_current():
        click.echo(line)


@cli.command()
@click.option("--dataset", metavar="NAME", help="Only this recording.")
@click.option("--where", metavar="SQL", help="""Only rows that meet a condition, such as "test_corr > 0.3".""")
@click.option("--format", "output", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def results(dataset: str | None, where: str | None, output: str) -> None:
    """The trained models and their scores, best first."""
    from pipeline import results as scores

    _connect()
    rows = scores.query_results(dataset, where)
    if output == "json":
        click.echo(scores.as_json(rows))
    elif output == "csv":
        click.echo(scores.as_csv(rows), nl=False)
    elif rows:
        _console().print(scores.as_table(rows))
    else:
        click.echo("no trained model fits; `hypercolumn train NAME` trains one")


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), default="report.html", show_default=True, help="The file.")
@click.option("--dataset", metavar="NAME", help="Only this recording.")
@click.option("--experiment", metavar="NAME", help="Only this experiment.")
def report(out: Path, dataset: str | None, experiment: str | None) -> None:
    """Write figures and tables of what is in the database as one HTML file."""
    from pipeline.report import check_out, write_report

    check_out(out)
    _connect()
    write_report(out, _console(), dataset, experiment)


@cli.command("import-checkpoint")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dataset", metavar="NAME", help="The recording of its training [default: the one of as many neurons]")
@click.option("--config", metavar="CONFIG", help="What its variables do not tell [default: as published]")
def import_checkpoint(directory: Path, dataset: str | None, config: str | None) -> None:
    """Make a row of a model of the paper's authors: a TensorFlow checkpoint in DIR, named by its log hash."""
    from pipeline import results
    from pipeline.import_checkpoint import import_checkpoint as to_row

    _connect()
    done = to_row(directory, dataset, config)
    if done.warning:
        click.echo(f"warning: {done.warning}", err=True)
    if not done.is_new:
        click.echo(f"{directory.resolve().name} was imported before; nothing to do", err=True)
    _console().print(results.as_table(results.query_results(where=[done.key])))


@cli.command()
@click.argument("key")
@click.option("--to", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path), help="A new folder.")
def export(key: str, folder: Path) -> None:
    """Write a trained model as files: weights (safetensors), settings (JSON), network (torch.export).

    KEY is the id that `hypercolumn results` prints, or a condition that leaves one model.
    """
    from pipeline.export import export_model
    from pipeline.results import find_model

    _connect()
    for path in export_model(find_model(key), folder):
        click.echo(path)


@cli.command()
@click.argument("key")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def show(key: str, output: str) -> None:
    """Everything about a trained model: recording, settings, training, scores, and where it came from.

    KEY is the id that `hypercolumn results` prints, or a condition that leaves one model.
    """
    from pipeline import show as shown
    from pipeline.panels import as_panels
    from pipeline.results import find_model

    _connect()
    story = shown.story(find_model(key))
    if output == "json":
        click.echo(shown.as_json(story))
    else:
        _console().print(*as_panels(story))


@cli.command()
@click.argument("key")
@click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, ... [default: of the kind that trained it]")
def verify(key: str, device: str | None) -> None:
    """Train a model again and say whether the numbers are the same; nothing is written. Exit code 1: they are not.

    KEY is the id that `hypercolumn results` prints, or a condition that leaves one model.
    """
    from pipeline.progress import work_progress
    from pipeline.results import find_model
    from pipeline.verify import verify as verify_model

    _connect(device)
    console = _console()
    with work_progress(console):
        done = verify_model(find_model(key), device)
    for line in done.lines():
        click.echo(line)
    if not done.holds:
        sys.exit(1)


@cli.group()
def db() -> None:
    """The embedded database server."""


@db.command()
def start() -> None:
    """Start the embedded server, which other commands do when they need it."""
    server = _embedded_server()
    click.echo("started" if server.start() else "was running already")


@db.command()
def stop() -> None:
    """Stop the embedded server; the data stay."""
    server = _embedded_server()
    click.echo("stopped" if server.stop() else "was not running")


@db.command("status")
def db_status() -> None:
    """Whether the embedded server runs, and where its data are."""
    server = _embedded_server()
    click.echo(f"{'running' if server.is_running() else 'not running'}; data in {server.home}")


@db.command()
def url() -> None:
    """Address of the embedded server, for psql and other clients."""
    click.echo(_embedded_server().url)


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
        click.echo(f"hypercolumn: {line}", err=True)
        sys.exit(2)


def _connect(device: str | None = None, *, declare: bool = True) -> None:
    import pipeline
    from pipeline.worker import use_device

    use_device(device)
    pipeline.connect(declare=declare)


def _embedded_server() -> Any:
    from pipeline.connection import is_configured
    from pipeline.embedded import EmbeddedServer, default_home

    if is_configured():
        raise UserError(
            "DataJoint is configured for a server of your own; `hypercolumn db` is about the embedded one only"
        )
    return EmbeddedServer(default_home())


def _console() -> Console:
    """A console as wide as the terminal; where there is none, wide enough for every table."""
    return Console(width=None if sys.stdout.isatty() else 120)
