"""The story of a trained model on the terminal, a panel a heading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from pipeline.visible import as_it_is

BARS = "▁▂▃▄▅▆▇█"
MAX_BARS = 60


def as_panels(story: dict[str, Any]) -> list[Panel]:
    """What `pipeline.show.story` gives."""
    training = {name: value for name, value in story["training"].items() if name != "curve"}
    curve = story["training"]["curve"]
    training |= {"validations": len(curve), "val_loss": sparkline([point["val_loss"] for point in curve])}
    by_title = {
        "model": {name: value for name, value in story.items() if not isinstance(value, dict | list | None)},
        **{f"recording {recording['dataset_name']}": recording for recording in story["recordings"]},
        "core": story["core"],
        "the core's origin, whose weights it has": story["core_origin"],
        **{part: story[part] for part in ("readout", "regularization", "trainer")},
        "training": training,
        "scores": _with_intervals(story["scores"]),
        "where it was scored" if story["imported"] else "where it came from": story["provenance"],
        "imported, trained by other code": story["imported"],
        "experiments that it belongs to": story["experiments"],
        "in-silico experiments": story["in_silico"],
        "weights": story["weights"],
    }
    return panels(by_title)


def panels(by_title: dict[str, Any]) -> list[Panel]:
    """A panel a heading: a list of rows, or names and values; none where there is nothing."""
    return [Panel(_shown(what), title=as_it_is(title), title_align="left") for title, what in by_title.items() if what]


def sparkline(values: Sequence[float | None]) -> str:
    """First value, a bar for each value or for the last of several, last value; blank where one is unknown."""
    step = max(1, -(-len(values) // MAX_BARS))
    kept = list(reversed(values[::-1][::step]))
    known = [value for value in kept if value is not None]
    if not known:
        return "-"
    low, span = min(known), max(known) - min(known) or 1.0
    bars = [" " if value is None else BARS[round((value - low) / span * (len(BARS) - 1))] for value in kept]
    return f"{_text(values[0])} {''.join(bars)} {_text(values[-1])}"


def _shown(what: dict[str, Any] | list[dict[str, Any]]) -> RenderableType:
    """Rows as a table, or names and values, with what is a list of rows as a table below."""
    if isinstance(what, list):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in what[0]:
            table.add_column(as_it_is(column), overflow="fold")
        for row in what:
            table.add_row(*(as_it_is(_text(value)) for value in row.values()))
        return table
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in what.items():
        if not _is_rows(value):
            grid.add_row(as_it_is(name, "bold"), as_it_is(_text(value)))
    return Group(grid, *(_shown(value) for value in what.values() if _is_rows(value)))


def _with_intervals(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores, with the ends of their intervals beside them."""
    ends = {name for name in scores if name.endswith(("_lower", "_upper"))}
    return {
        name: f"{_text(value)}  ({_text(scores[f'{name}_lower'])} to {_text(scores[f'{name}_upper'])})"
        if f"{name}_lower" in ends
        else value
        for name, value in scores.items()
        if name not in ends
    }


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _text(value: Any) -> str:
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
