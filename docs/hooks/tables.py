"""The reference of the tables, from the definitions that declare them; no database is asked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import schemas  # first, since it quiets DataJoint's import

import datajoint as dj  # isort: skip
from datajoint.utils import from_camel_case  # isort: skip

PLACE = "*The tables are listed here when the site is built, which `make docs` does.*"
ATTRIBUTE = re.compile(
    r"(?P<name>\w+)\s*(?:=\s*(?P<default>[^:]+?))?\s*:\s*(?P<type>[^#]+?)\s*(?:#\s*(?P<comment>.*))?"
)
KINDS = {dj.Computed: "computed", dj.Part: "part", dj.Lookup: "lookup", dj.Manual: "manual"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace(PLACE, "\n".join(_pages())) if PLACE in markdown else markdown


def _pages() -> Iterator[str]:
    for module in schemas.modules():
        schema = module.__name__.rpartition(".")[2]
        yield f"## {module.__name__}\n\n{_text(inspect.getdoc(module) or '')}\n"
        for table in declared(module):
            name = f"hypercolumn_{schema}.{table.table_name}"
            yield from _table(table, name)
            for part in filter(_is_part, vars(table).values()):
                yield from _table(part, f"{name}__{from_camel_case(part.__name__)}")


def declared(module: ModuleType) -> list[type[dj.Table]]:
    """The tables of a schema, without their parts."""
    return [
        table
        for table in vars(module).values()
        if isinstance(table, type)
        and issubclass(table, dj.Table)
        and "definition" in vars(table)
        and table.__module__.startswith(module.__name__)
    ]


def attributes(definition: str) -> Iterator[tuple[bool, str, str, str, str]]:
    """Of each attribute whether it is of the key, its name, type, default and comment; of a parent `-> Parent`."""
    in_key = True
    for line in map(str.strip, definition.strip().splitlines()):
        if line.startswith("---"):
            in_key = False
        elif line.startswith("->"):
            yield in_key, line, "", "", ""
        elif line and not line.startswith("#"):
            found = ATTRIBUTE.fullmatch(line)
            if found is None:
                raise ValueError(f"no attribute: {line!r}")
            yield in_key, found["name"], found["type"], found["default"] or "", found["comment"] or ""


def _is_part(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, dj.Part)


def _table(table: type[dj.Table], in_database: str) -> Iterator[str]:
    (tier,) = [said for base, said in KINDS.items() if issubclass(table, base)]
    says = re.search(r"#\s*(.*)", table.definition.strip().splitlines()[0])
    yield f"### {table.__qualname__} {{ #{_anchor(table.__qualname__)} }}\n"
    yield f"{_text(says[1]) if says else ''}. {tier.capitalize()}; `{in_database}`.\n"
    yield "| | attribute | type | default | what it is |\n|---|---|---|---|---|"
    for in_key, name, kind, default, comment in attributes(table.definition):
        key = "key" if in_key else ""
        if name.startswith("->"):
            parent = name.removeprefix("->").strip()
            yield f"| {key} | {_parent(parent, table)} | | | |"
        else:
            yield f"| {key} | `{name}` | `{kind}` | {f'`{default.strip()}`' if default else ''} | {_text(comment)} |"
    yield ""


def _parent(said: str, table: type[dj.Table]) -> str:
    """What stands behind an arrow: options in brackets, a table, or its projection."""
    name = re.sub(r"\[.*?\]\s*|\.proj\(.*\)", "", said).strip()
    if name == "master":
        name = table.__qualname__.rpartition(".")[0]
    return f"→ [{name}](#{_anchor(name)})" + (f" `{said}`" if "proj" in said or "[" in said else "")


def _anchor(name: str) -> str:
    return "table-" + name.lower().replace(".", "-")


def _text(text: str) -> str:
    """As Markdown shows it in a cell of a table."""
    return re.sub(r"([|<>*_])", r"\\\1", text)
