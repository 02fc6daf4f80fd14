"""Commands about the work on what is declared: who does it, and how far it is."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from pipeline.cli.shared import connect, dataset_option, device_option, experiment_option, say, terminal
from pipeline.errors import UserError

PATIENCE = 600.0  # seconds for which a worker that starts waits for a server; one that has begun waits for ever


@click.command()
@click.option("--table", metavar="TABLE", help="Only this computed table.")
@dataset_option
@experiment_option
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
    """Train what is declared, until nothing is left.

    Then come the in-silico experiments that are declared for the trained models. Any number of workers share the
    work. One that is interrupted gives its job back, and another goes on with it.
    """
    import datajoint as dj

    from pipeline.work import queue
    from pipeline.work.progress import work_progress
    from pipeline.work.restrictions import restrictions
    from pipeline.work.status import counts_left
    from pipeline.work.tables import tables_named
    from pipeline.work.worker import outcomes
    from schemas import server

    if once and poll is not None:
        raise UserError("--once and --poll exclude each other; leave one out")
    connect(device, declare=False, patience=PATIENCE)
    connection = dj.conn()
    tables, within = tables_named(table), server.patiently(connection, lambda: restrictions(dataset, experiment))
    console = terminal()
    if retry:
        tried = server.patiently(connection, lambda: sum(queue.retry(computed, within) for computed in tables))
        console.print(f"failed before and tried again: {tried}")
    done = failed = 0
    with work_progress(console), closing(outcomes(tables, within, poll)) as worked_off:
        for outcome in worked_off:
            done, failed = done + (outcome.error is None), failed + (outcome.error is not None)
            if outcome.error is not None:
                say(f"failed: {outcome.line}", err=True)
    running, failed_before = server.patiently(connection, counts_left)
    console.print(f"{done} done, {failed} failed, " + (f"{running} with other workers" if running else "nothing left"))
    if failed_before > failed:
        console.print(
            f"failed before and left alone: {failed_before - failed}; `hypercolumn status` says why, "
            "`hypercolumn worker --retry` tries again"
        )
    if failed:
        sys.exit(1)


@click.command()
@click.option("--scheduler", type=click.Choice(["slurm"]), required=True, help="Scheduler that runs the workers.")
@click.option("--workers", type=click.IntRange(1), required=True, help="Number of workers.")
@click.option("--cpus", type=click.IntRange(1), default=1, show_default=True, help="Processors for each worker.")
@click.option("--gres", metavar="GRES", help="Devices for each worker, such as gpu:1.")
@click.option("--mem", metavar="SIZE", help="Memory for each worker, such as 16G.")
@click.option("--partition", metavar="NAME", help="Partition of the cluster in which they run.")
@click.option("--time", metavar="TIME", help="Time limit, such as 8:00:00; then they are queued again.")
@click.option("--log-dir", type=click.Path(file_okay=False, path_type=Path), default="hypercolumn-logs",
              show_default=True, help="Folder of what the workers say.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Submit nothing; print the script.")
@click.argument("worker_options", nargs=-1, metavar="[-- OPTIONS OF WORKER]")
def submit(scheduler: str, dry_run: bool, worker_options: tuple[str, ...], **asked: Any) -> None:
    """Have a scheduler run workers.

    What stands after -- are options of `hypercolumn worker`.
    """
    from pipeline.schedulers.slurm import Job

    worker.make_context("hypercolumn worker", list(worker_options))  # it refuses what it does not know
    job = Job(worker_options=worker_options, **asked)
    script = job.script()
    if dry_run:
        click.echo(script, nl=False)
        return
    connect()
    number = job.submit()
    click.echo(f"job {number}: {job.workers} workers; logs in {job.log_dir}; `squeue --job {number}` shows them")


@click.command()
@click.option("--tracebacks", is_flag=True, help="Also show where in the program failures came from.")
def status(tracebacks: bool) -> None:
    """Show what is done, running, pending and failed."""
    from pipeline.work import status as overview

    connect()
    sections = {
        "tables": overview.table_status(),
        "workers": overview.worker_status(),
        "failures": overview.failure_status(),
    }
    for title, rows in sections.items():
        if rows:
            terminal().print(overview.as_table(rows, title))
    if tracebacks:
        for line in overview.tracebacks():
            say(line)
