"""What docs/architecture.md says of files, rooms and tables is so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import datajoint as dj
import pytest

from documents import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WAY, TABLES = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
MODULES = sorted(path for room in ("models", "schemas", "pipeline") for path in (ROOT / room).rglob("*.py"))

MADE_OF_ROWS = {f"pipeline.{name}" for name in ("readers", "experiments", "figures", "report", "results", "show")}
# Of each room or folder: what it may not import.
UNKNOWN = {
    "models": {"schemas", "pipeline", "datajoint", "pymysql", "psycopg2", "click", "rich", "matplotlib"},
    "schemas": {"pipeline", "click", "rich", "matplotlib"},
    "pipeline/readers": {"schemas", "datajoint", "click", "rich"},
    "pipeline/database": {*MADE_OF_ROWS, "pipeline.work", "pipeline.upkeep", "click", "rich"},
    "pipeline/work": {*MADE_OF_ROWS, "pipeline.upkeep", "click"},
    "pipeline/upkeep": {*MADE_OF_ROWS, "click", "rich"},
    "pipeline/verify": {*MADE_OF_ROWS, "pipeline.work", "pipeline.upkeep", "click", "rich"},
    "pipeline": {"pipeline.cli"},
}
# Of each: what it does not call.
NOT_CALLED = {
    "models": {"print"},
    "schemas": {"print"},
    "pipeline/figures": {"insert", "insert1", "update1", "delete", "delete_quick", "populate", "drop"},
    "pipeline/report": {"insert", "insert1", "update1", "delete", "delete_quick", "populate", "drop"},
}


def within(path: Path, folder: str) -> bool:
    return path.is_relative_to(ROOT / folder)


def imported(path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{name.name}" for name in node.names)


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr


def test_the_way_of_the_data_names_files_that_are_there():
    files = re.findall(r"\b(?:models|schemas|pipeline)/[\w/]*\.py", WAY)
    assert len(files) >= 15
    assert [name for name in files if not (ROOT / name).is_file()] == []
    for name in re.findall(r"`((?:models|schemas|pipeline|tests)/[\w/.]*)`", PAGE):
        assert (ROOT / name).exists(), name


def test_the_way_of_the_data_is_one_line_from_the_recording_to_the_report():
    lines = [[end.strip() for end in re.split(r"-->(?:\|.*?\|)?", line)] for line in WAY.splitlines() if "-->" in line]
    steps = {pair for ends in lines for pair in pairwise(ends)}
    known = set(re.findall(r"^ {4}(\w+)[\[(]", WAY, re.MULTILINE))
    assert {name for step in steps for name in step} == known
    reached, before = {"file"}, set()
    while reached != before:
        before, reached = reached, reached | {other for one, other in steps if one in reached}
    assert reached >= known - {"configs"}


@pytest.mark.parametrize("room", UNKNOWN)
def test_imports_go_one_way(room):
    paths = [path for path in MODULES if within(path, room)]
    assert paths
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imported(path)
        for unknown in UNKNOWN[room]
        if f"{name}.".startswith(f"{unknown}.")
    }
    allowed = {f"{path.relative_to(ROOT)} imports" for path in MODULES if within(path, "pipeline/cli")}
    allowed.add("pipeline/__main__.py imports")  # the command line itself
    assert {line for line in wrong if room != "pipeline" or not line.startswith(tuple(allowed))} == set()


@pytest.mark.parametrize("room", NOT_CALLED)
def test_what_a_room_does_not_do(room):
    paths = [path for path in MODULES if within(path, room)]
    assert paths
    wrong = {(path.name, name) for path in paths for name in called(path) if name in NOT_CALLED[room]}
    assert wrong == set()


def test_the_diagram_of_the_tables(connection):
    from schemas import architecture, dataset, training

    diagram = dj.Diagram(dataset.schema) + dj.Diagram(architecture.schema) + dj.Diagram(training.schema)
    assert edges(TABLES) == edges(diagram.make_mermaid())
    assert len(edges(TABLES)) > 10


def edges(mermaid: str) -> set[str]:
    return {line.strip() for line in mermaid.splitlines() if "-->" in line}
