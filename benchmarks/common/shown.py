"""Results as a table for people, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

LEAST_WIDTH = 140  # characters, where there is no terminal that says


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, title: str, hidden: Sequence[str] = ()) -> None:
    """Print a list of objects, or a table of them; hidden: keys that the table leaves out."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(title=title, title_justify="left")
    names = [name for name in rows[0] if name not in hidden]
    for name in names:
        heading = f"{name[:-2]}, s" if name.endswith("_s") else name
        table.add_column(heading.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(_text(row[name]) for name in names))
    console = Console()
    (console if console.is_terminal else Console(width=LEAST_WIDTH)).print(table)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "" if value is None else str(value)
