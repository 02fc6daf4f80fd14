"""The front door: commands grouped by what they are for, and what to do next where no command is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

BEGIN = [
    ("hypercolumn demo", "Do it all on a simulated recording, in minutes."),
    ("hypercolumn inspect PATH", "Show what is in a recording of your own."),
    ("hypercolumn ingest NAME PATH", "Declare it under a name."),
    ("hypercolumn train NAME", "Train a model on it."),
]
TRAIN = [
    ("hypercolumn train NAME", "Train a model on a recording."),
    ("hypercolumn declare table1 --dataset NAME", "Declare the trainings of an experiment."),
    ("hypercolumn worker", "Train what is declared, and run the in-silico experiments."),
]
WORK = [
    ("hypercolumn worker", "Train what is declared, and run the in-silico experiments."),
    ("hypercolumn status", "Show how far that is."),
]
ASK = [
    ("hypercolumn results", "Show the trained models and their scores."),
    ("hypercolumn show KEY", "Show everything about one of them."),
    ("hypercolumn report", "Write figures and tables as one file."),
]
EPILOG = """Completions: put eval "$(_HYPERCOLUMN_COMPLETE=bash_source hypercolumn)" into ~/.bashrc, the same with
zsh_source into ~/.zshrc, or _HYPERCOLUMN_COMPLETE=fish_source hypercolumn | source into fish's config.fish."""


class FrontDoor(click.Group):
    """A group that shows its commands in sections, in the order in which they are given."""

    def __init__(self, *, sections: Mapping[str, Sequence[click.Command]], **settings: Any) -> None:
        super().__init__(commands=[command for section in sections.values() for command in section], **settings)
        self.sections = sections

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, commands in self.sections.items():
            with formatter.section(title):
                rows = [
                    (f"{command.name:<{width}}", command.get_short_help_str(formatter.width)) for command in commands
                ]
                formatter.write_dl(rows)


def next_steps(context: click.Context) -> Iterator[str]:
    """What to do next, as far as that can be told at once, and all commands."""
    said, steps = _state()
    formatter = context.make_formatter()
    with formatter.section(said):
        formatter.write_dl(steps, col_max=50)
    context.command.format_commands(context, formatter)  # type: ignore[attr-defined]
    yield formatter.getvalue()
    yield "`hypercolumn COMMAND --help` tells more; `hypercolumn doctor` checks the installation."


def _state() -> tuple[str, list[tuple[str, str]]]:
    from pipeline.database import glance

    if glance.may_be_configured():
        return "On the server of DataJoint's configuration", [*BEGIN, *ASK]
    if glance.is_new():
        return "Nothing is here yet; begin with", BEGIN
    found = glance.counts()
    if found is None:
        return "The steps", [*BEGIN, *ASK]
    if not found.recordings:
        return "No recording is declared yet; begin with", BEGIN
    has = f"{_number(found.recordings, 'recording')}, {_number(found.models, 'trained model')}"
    if found.models < found.tasks:
        waiting = _number(found.tasks - found.models, "task")
        return f"{has}, {waiting} to train; go on with", [*WORK, *(ASK if found.models else [])]
    return f"{has}; go on with", [*TRAIN, *(ASK if found.models else [])]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
