"""Models beside each other: rows of Table 1 of Ecker et al., ICLR 2019, as a table and as dots with intervals."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.rows import Row, column
from pipeline.figures.style import COLOURS, PUBLISHED_COLOUR, say
from pipeline.figures.tables import Cell, Link, Table
from pipeline.figures.words import NONE, listed, number

LABEL_LENGTH = 40  # characters of a line of a label on an axis
MAX_DOTS = 40  # rows that a figure can hold
LINE_HEIGHT = 0.16  # inches


def comparison_table(rows: list[Row], caption: str, anchors: dict[str, str] | None = None) -> Table:
    """What `experiments.table_rows` gives, as text: the best draw, its scores, and what was published.

    anchors: by short id of a model, where on the page more is said of it.
    """
    several = len({row["series"] for row in rows}) > 1
    columns: dict[str, list[Cell]] = {"series": [row["series"] for row in rows]} if several else {}
    columns |= {
        "model": [row["label"] for row in rows],
        "trained": [_completeness(row) for row in rows],
        "best": [_best(row, anchors or {}) for row in rows],
        "validation loss": [number(row["val_loss"], 2) for row in rows],
        "test correlation": [_with_sd(row["test_corr"], row["test_corr_sd"]) for row in rows],
        "95 % interval": [_interval(row) for row in rows],
    }
    published: dict[str, list[Cell]] = {
        "published loss": [number(row["published_val_loss"], 1) for row in rows],
        "published correlation": [_with_sd(row["published_test_corr"], row["published_test_corr_sd"]) for row in rows],
        "published for": [_other_label(row) for row in rows],
    }
    columns |= {heading: cells for heading, cells in published.items() if set(cells) != {NONE}}
    texts = {"series", "model", "best", "published for"}
    return Table(caption, list(columns), list(zip(*columns.values(), strict=True)), columns.keys() - texts, 1 + several)


def plot_comparison(figure: Figure, rows: list[Row]) -> None:
    """A line for each row: the best draw with its interval of 95 %, the other draws faint, published ones beside.

    Those that `shown` gives.
    """
    rows = shown(rows)
    if not rows:
        say(figure.subplots(), "Nothing of it is trained yet.")
        return
    published = any(row["published_test_corr"] is not None for row in rows)
    axes = figure.subplots(1, 2 if published else 1, squeeze=False, sharex=True, sharey=True)[0]
    plot_intervals(axes[0], rows, names(rows))
    if published:
        axes[0].set_title("here")
        _plot_published(axes[1], rows)


def shown(rows: list[Row]) -> list[Row]:
    """The first rows for a figure: those with a trained model, and those with a published score of the same series."""
    series = {row["series"] for row in rows if row["num_trained"]}  # others have published numbers alone
    return [
        row
        for row in rows
        if row["num_trained"] or (row["published_test_corr"] is not None and row["series"] in series)
    ][:MAX_DOTS]


def names(rows: list[Row]) -> list[str]:
    """Labels, with the series before them where there are several: those of CNNs are numbers alone."""
    several = len({row["series"] for row in rows}) > 1
    return [f"{row['series']}: {row['label']}" if several else row["label"] for row in rows]


def height(names: list[str]) -> float:
    """Inches for a figure of so many rows of these names."""
    lines = max([_wrapped(name).count("\n") + 1 for name in names], default=1)
    return 1.1 + (0.1 + LINE_HEIGHT * lines) * len(names)


def plot_intervals(axis: Axes, rows: list[Row], names: list[str]) -> None:
    """Test correlations of models as dots with their intervals of 95 %, from top to bottom; ceilings as lines."""
    y = np.arange(len(rows))
    axis.hlines(y, column(rows, "test_corr_lower"), column(rows, "test_corr_upper"), color=COLOURS[0], linewidth=1.4)
    for i, row in enumerate(rows):
        others = row.get("test_corrs", [])[1:]
        axis.plot(others, [i] * len(others), "o", color=COLOURS[0], markersize=3.5, alpha=0.3)
    axis.plot(column(rows, "test_corr"), y, "o", color=COLOURS[0], markersize=5.5)
    ceilings = column(rows, "ceiling")
    if np.isfinite(ceilings).any():
        axis.vlines(ceilings, y - 0.35, y + 0.35, color="black", linewidth=1, label="ceiling")
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=7.5, borderpad=0)
    axis.set_yticks(y, [_wrapped(name) for name in names])
    axis.set(xlabel="test correlation", ylim=(len(rows) - 0.4, -0.6))
    axis.grid(axis="y", color="0.93", zorder=0)
    axis.set_axisbelow(True)


def describe_comparison(rows: list[Row]) -> str:
    rows = shown(rows)
    if not rows:
        return "Test correlations of the models: nothing of it is trained yet."
    said = [
        f"{name} {_with_sd(row['test_corr'], row['test_corr_sd'])}"
        for name, row in zip(names(rows), rows, strict=True)
        if row["num_trained"]
    ]
    published = any(row["published_test_corr"] is not None for row in rows)
    beside = " Published values stand beside, in grey, for their own data." if published else ""
    return f"Test correlation of the best draw by validation loss: {listed(said)}.{beside}"


def _plot_published(axis: Axes, rows: list[Row]) -> None:
    y = np.arange(len(rows))
    values, sd = column(rows, "published_test_corr"), column(rows, "published_test_corr_sd")
    spread = np.isfinite(sd)
    axis.hlines(y[spread], (values - sd)[spread], (values + sd)[spread], color=PUBLISHED_COLOUR, linewidth=1.4)
    axis.plot(values, y, "s", color=PUBLISHED_COLOUR, markersize=5)
    axis.set_title("published, ± SD", color=PUBLISHED_COLOUR)
    axis.set(xlabel="test correlation")
    axis.tick_params(axis="y", labelleft=False)
    axis.grid(axis="y", color="0.93", zorder=0)
    axis.set_axisbelow(True)


def _best(row: Row, anchors: dict[str, str]) -> Cell:
    if not row["num_trained"]:
        return NONE
    return Link(row["id"], anchors[row["id"]]) if row["id"] in anchors else row["id"]


def _interval(row: Row) -> str:
    lower, upper = row["test_corr_lower"], row["test_corr_upper"]
    return NONE if lower is None or upper is None else f"{number(lower)} to {number(upper)}"


def _other_label(row: Row) -> str:
    """Of the published model, where it is another one than ours, such as a larger one."""
    return row["published_label"] if row["published_label"] not in (None, row["label"]) else NONE


def _completeness(row: Row) -> str:
    return f"{row['num_trained']} of {row['num_declared']}" if row["num_declared"] else NONE


def _with_sd(value: float | None, sd: float | None) -> str:
    return number(value) if sd is None else f"{number(value)} ± {number(sd)}"


def _wrapped(name: str) -> str:
    """On two lines where it is long, and no more of it."""
    return fill(name, LABEL_LENGTH, max_lines=2, placeholder=" …")
