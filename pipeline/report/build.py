"""Putting a report together: which sections there are, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pipeline.errors import UserError
from pipeline.figures.experiments import query_experiments, query_members
from pipeline.figures.rows import Row, query_models, task_of
from pipeline.report.page import Page, Section, Tabulated, Text
from pipeline.report.sections.experiment import experiment_section
from pipeline.report.sections.insilico import insilico_sections
from pipeline.report.sections.models import models_section
from pipeline.report.sections.overview import experiments_section, recordings_section
from pipeline.report.sources import Sources
from schemas import provenance
from schemas.dataset import Dataset
from schemas.experiment import Experiment

TITLE = "Hypercolumn report"


def build(dataset: str | None, experiment: str | None, console: Console) -> Page:
    """Of everything, or of one recording, one experiment or both; says on the console what it is at.

    Raises UserError where there is no recording or experiment of that name.
    """
    recordings = Dataset.proj(..., "-recording").to_dicts(order_by="dataset_name")
    experiments = query_experiments()
    recordings = _chosen(recordings, "dataset_name", dataset, "recording")
    experiments = _chosen(experiments, "experiment_name", experiment, "experiment")
    summary = [_made(dataset, experiment), *_next(recordings)]
    if not recordings:
        return Page(TITLE, summary, [])
    members = {row["experiment_name"]: query_members(row["experiment_name"]) for row in experiments}
    models = {row["dataset_name"]: query_models(row["dataset_name"]) for row in recordings}
    conditions: tuple[Any, ...] = ()
    if experiment is not None:
        tasks = {task_of(member) for member in members[experiment]}
        models = {name: [row for row in rows if task_of(row) in tasks] for name, rows in models.items()}
        conditions = ((Experiment.Member & {"experiment_name": experiment}).proj(),)
    shown = [row["dataset_name"] for row in recordings if models[row["dataset_name"]]]
    if not shown:
        summary.append(
            "No model is trained yet of all neurons of one recording; a report shows no others. "
            "`hypercolumn train NAME` trains one, `hypercolumn worker` all declared."
        )
    sources, anchors, sections = Sources(), {}, []
    with _progress(console, len(shown) * (2 + len(experiments))) as step:
        for i, name in enumerate(shown, start=1):
            anchor = f"recording-{i}"
            step(f"{name}: models and neurons")
            parts = [models_section(models[name], f"{anchor}-models", sources)]
            for j, row in enumerate(experiments, start=1):
                step(f"{name}: {row['experiment_name']}")
                here = [member for member in members[row["experiment_name"]] if member["dataset_name"] == name]
                if any(member["trained"] for member in here):
                    where = anchors[name, row["experiment_name"]] = f"{anchor}-experiment-{j}"
                    parts.append(experiment_section(row, here, models[name], where, sources))
            step(f"{name}: in-silico experiments")
            parts += insilico_sections(name, conditions, anchor, sources)
            sections.append(Section(f"Recording {name}", anchor, [], parts))
    overview = [recordings_section(recordings, models), experiments_section(experiments, members, recordings, anchors)]
    return Page(TITLE, summary, [*overview, *sections, *_provenance(sources)])


def _chosen(rows: list[Row], column: str, name: str | None, what: str) -> list[Row]:
    if name is None:
        return rows
    found = [row for row in rows if row[column] == name]
    if not found:
        known = ", ".join(row[column] for row in rows) or "none yet"
        raise UserError(f"there is no {what} {name!r} (there are: {known}); choose one of them, or leave it out")
    return found


def _made(dataset: str | None, experiment: str | None) -> str:
    commit, is_dirty = provenance.git_commit()
    code = f", commit {commit[:12]}{' with changes' if is_dirty else ''}" if commit else ""
    scope = [f"recording {dataset}"] * (dataset is not None) + [f"experiment {experiment}"] * (experiment is not None)
    only = f" Of {' and '.join(scope)} only." if scope else ""
    version = provenance.versions()["hypercolumn"]
    return f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by hypercolumn {version}{code}.{only}"


def _next(recordings: list[Row]) -> list[str]:
    if recordings:
        return []
    return [
        "There is no recording in the database yet. `hypercolumn demo` simulates one and fits two models to it in "
        "minutes; `hypercolumn ingest NAME PATH` brings in one of your own.",
        "After that, `hypercolumn train NAME` fits a model, `hypercolumn declare EXPERIMENT --dataset NAME` and "
        "`hypercolumn worker` all of an experiment, and `hypercolumn report` shows what came of it.",
    ]


def _provenance(sources: Sources) -> list[Section]:
    tables = sources.tables()
    if not tables:
        return []
    said = Text(
        "Every row above stands here with the code, the versions and the device that made it; the ids are those of "
        "`hypercolumn results`."
    )
    return [Section("Where the numbers came from", "provenance", [said, *map(Tabulated, tables)])]


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    """Says what is being drawn: a bar on a terminal, lines elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        done = iter(range(total))

        def step(what: str) -> None:
            bar.update(task, description=what, completed=next(done))
            if not console.is_terminal:
                console.print(what, soft_wrap=True, highlight=False, markup=False)

        yield step
