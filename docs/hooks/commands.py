"""The reference of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from pipeline.cli import CONTEXT, cli

PLACE = "*The commands are listed here when the site is built, which `make docs` does.*"


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace(PLACE, "\n".join(_commands())) if PLACE in markdown else markdown


def _commands() -> Iterator[str]:
    top = click.Context(cli, info_name="hypercolumn", **CONTEXT)
    for name in cli.list_commands(top):
        yield from _command(cli.commands[name], click.Context(cli.commands[name], info_name=name, parent=top), 2)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path} {{ #{context.command_path.replace(' ', '-')} }}\n"
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield f"{_text(inspect.cleandoc(command.help or ''))}\n"
    records = [record for option in command.params if (record := option.get_help_record(context)) and record[1]]
    if records:
        yield "| option | what it does |\n|---|---|"
        yield from (f"| `{said}` | {_text(' '.join(tells.split()))} |" for said, tells in records)
        yield ""
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _command(below, click.Context(below, info_name=name, parent=context), level + 1)


def _text(text: str) -> str:
    """As Markdown shows it, but for what is in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([|<>*_\[\]])", r"\\\1", part) for part in parts)
