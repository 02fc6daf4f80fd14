"""Scores against a number, a line for each series: Figs. 2 and 3 of Ecker et al., ICLR 2019, and a lab's own.

At each point counts the draw of the lowest validation loss. What others found stands beside, for their data only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import offset_copy

from pipeline.figures.experiments import points, scores_of
from pipeline.figures.rows import Row, column
from pipeline.figures.style import COLOURS, MARKERS, PUBLISHED_COLOUR, say
from pipeline.figures.words import listed, number

SCORES = {"test_corr": "test correlation", "val_loss": "validation loss"}
APART = 4.0  # points by which series lie beside each other, so that no interval hides another
MIN_LOG_RANGE = 5.0  # the largest number over the smallest from which on the axis is logarithmic


def has_values(members: list[Row]) -> bool:
    """Whether the points of an experiment lie on an axis."""
    return len({row["value"] for row in members if row["value"] is not None}) > 1


def plot_series_figure(figure: Figure, members: list[Row], published: list[Row], xlabel: str) -> None:
    """Correlation above loss; where something is published, ours on the left and that on the right."""
    published = scores_of(published)
    ours = [row["series"] for row in members if row["trained"]]
    columns = 2 if published else 1
    axes = figure.subplots(2, columns, squeeze=False)
    for i, score in enumerate(SCORES):
        plot_series(axes[i, 0], members, score, xlabel)
        if published:
            plot_published(axes[i, 1], published, score, xlabel, ours)
    for axis in axes[0]:  # one for both scores
        if axis.lines:
            axis.legend(fontsize=7.5, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)  # where no interval is
    axes[0, 0].set_title("here")
    if published:
        axes[0, 1].set_title("published", color=PUBLISHED_COLOUR)
        note = "\n".join(dict.fromkeys(row["source"] for row in published))
        figure.supxlabel(note, fontsize=7, color="0.35", x=0.99, ha="right")


def plot_series(axis: Axes, members: list[Row], score: str, xlabel: str) -> None:
    """The best draw of each point, with the interval of 95 % of its test correlation; all other draws faint."""
    trained = [row for row in members if row["trained"] and row["value"] is not None]
    if not trained:
        say(axis, "Nothing of it is trained yet.")
        return
    figure, names = axis.get_figure(root=True), list(dict.fromkeys(row["series"] for row in trained))
    for i, name in enumerate(names):
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        of_series = [row for row in trained if row["series"] == name]
        best = sorted(points(of_series), key=lambda row: row["value"])
        x, y, all_x, all_y = (column(rows, of) for rows in (best, of_series) for of in ("value", score))
        artists: list[Artist] = [
            *axis.plot(all_x, all_y, **style, linestyle="", alpha=0.25, markersize=3),
            *axis.plot(x, y, **style, label=name, markersize=5),
        ]
        if score == "test_corr":
            lower, upper = column(best, "test_corr_lower"), column(best, "test_corr_upper")
            artists.append(axis.vlines(x, lower, upper, color=style["color"], lw=1))
        beside = offset_copy(axis.transData, figure, x=APART * (i - (len(names) - 1) / 2), units="points")
        for artist in artists:  # only now: the limits of the axis come from what was drawn in its own coordinates
            artist.set_transform(beside)
    _finish(axis, sorted({row["value"] for row in trained}), score, xlabel)


def plot_published(axis: Axes, published: list[Row], score: str, xlabel: str, ours: Sequence[str] = ()) -> None:
    """What others found, in grey, on axes of its own: other data, so other losses.

    ours: the series of our own in their order, whose marks the published ones of the same name get.
    """
    given = [row for row in published if row["value"] is not None and row[score] is not None]
    if not given:
        say(axis, f"No {SCORES[score]} is published.")
        return
    for i, name in enumerate(dict.fromkeys([*ours, *(row["series"] for row in published)])):
        of_series = sorted((row for row in given if row["series"] == name), key=lambda row: row["value"])
        marker, dashes = MARKERS[i % len(MARKERS)], ["-", "--", ":", "-."][i % 4]
        x, y = column(of_series, "value"), column(of_series, score)
        style: dict[str, Any] = {"color": PUBLISHED_COLOUR, "marker": marker, "linestyle": dashes}
        if of_series:
            axis.plot(x, y, **style, markersize=5, label=name)
    _finish(axis, sorted({row["value"] for row in given}), score, xlabel)


def describe_series(members: list[Row], published: list[Row], xlabel: str) -> str:
    trained = [row for row in points(members) if row["num_trained"] and row["value"] is not None]
    if not trained:
        return f"Test correlation against {xlabel}: nothing of it is trained yet."
    parts = []
    for name in dict.fromkeys(row["series"] for row in trained):
        best = sorted((row for row in trained if row["series"] == name), key=lambda row: row["value"])
        said = [f"{number(row['test_corr'])} at {row['value']:g}" for row in best]
        parts.append(f"{name}: {listed(said)}")
    beside = " Published values stand beside, for their own data." if scores_of(published) else ""
    return f"Test correlation and validation loss against {xlabel}. {'; '.join(parts)}.{beside}"


def _finish(axis: Axes, values: list[float], score: str, xlabel: str) -> None:
    if len(values) > 1 and values[0] > 0 and values[-1] / values[0] >= MIN_LOG_RANGE:
        axis.set_xscale("log")
        axis.xaxis.set_minor_locator(NullLocator())
    if len(values) <= 12:
        axis.xaxis.set_major_locator(FixedLocator(values))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set(xlabel=xlabel, ylabel=SCORES[score])
