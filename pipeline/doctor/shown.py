"""Findings for a person, for a machine, and for whoever is asked for help, who need not know names."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pipeline.doctor.finding import FAULT, OK, WARNING, Finding, worst

WORDS = {"None", "True", "False", "file", "s3", "main", "root", "hypercolumn", "localhost", "mysql", "postgresql"}
COLOURS = {OK: "green", WARNING: "yellow", FAULT: "red"}
NAMES = {  # of what, and how it looks, in the order in which it is looked for
    "url": r"\b[a-z0-9+]+://\S+",
    "name": r"""(?<!\w)(['"])\S*?\1(?!\w)""",
    "user": r"[\w.-]+@[\w.:-]+",
    "path": r"""(?<![\w.<])([A-Za-z]:)?[/\\]([^;:,()'"]*[/\\])?[^\s;:,()'"]+""",
    "address": r"\b\d{1,3}(\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,}:[0-9a-f]{1,4}\b",
}


def as_table(findings: Iterable[Finding]) -> Table:
    table = Table()
    for title in ("what", "state", "found", "what to do"):
        table.add_column(title, overflow="fold")
    for one in findings:
        table.add_row(Text(one.what), Text(one.state, style=COLOURS[one.state]), Text(one.found), Text(one.advice))
    return table


def as_json(findings: Sequence[Finding]) -> str:
    rows = [one._asdict() for one in findings]
    return json.dumps({"state": worst(findings), "findings": rows, "to_send": to_send(findings)}, indent=2)


def to_send(findings: Iterable[Finding]) -> list[str]:
    """What whoever helps needs: a line a finding, without names of users, machines, servers, folders and schemas."""
    return [f"{one.what}: {one.state}, {without_names(one.found)}" for one in findings]


def without_names(text: str) -> str:
    for name in sorted(_names(), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<name>", text)
    for kind, pattern in NAMES.items():
        text = re.sub(pattern, f"<{kind}>", text)
    return text


def _names() -> set[str]:
    """What is known to be a name: of this machine and user, and what DataJoint's configuration holds."""
    node = platform.node()
    found = {node, node.partition(".")[0], str(Path.home()), Path.home().name, str(Path.cwd())}
    found |= {value for name, value in os.environ.items() if name.startswith(("DJ_", "HYPERCOLUMN_"))}
    with suppress(KeyError, OSError):  # a user without a name
        found.add(getpass.getuser())
    with suppress(Exception):  # DataJoint is missing, or refuses its configuration
        import datajoint as dj

        found |= {str(dj.config[f"database.{key}"]) for key in ("host", "user", "name", "password", "database_prefix")}
        for spec in dj.config["stores"].values():
            found |= set(map(str, spec.values())) if isinstance(spec, dict) else set()
    return {name for name in found if len(name) > 2} - WORDS
