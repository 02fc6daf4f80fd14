"""An experiment on one recording: its table, its figures and its learning curves."""

from __future__ import annotations

from pipeline.figures import comparison, halves, learning_curves, series, transfer
from pipeline.figures.experiments import BEST, query_published, scores_of, table_rows
from pipeline.figures.rows import Row
from pipeline.figures.tables import Link, Table
from pipeline.figures.words import number
from pipeline.report.page import Block, Section, Tabulated, Text, picture
from pipeline.report.sources import Sources

INTERVAL = "interval of 95 % by bootstrap over test images"


def experiment_section(
    experiment: Row, members: list[Row], models: list[Row], anchor: str, sources: Sources
) -> Section:
    """members: of the experiment on one recording, some of them trained. models: all trained of that recording."""
    published = query_published(experiment["experiment_name"])
    rows = table_rows(members, published)
    best = [sources.model(row) for row in rows if row["num_trained"]]
    blocks: list[Block] = [Text(experiment["summary"]), *_missing(members)]
    blocks.append(_table(experiment, rows, best))
    if any(row["k_transfer"] is not None for row in members):
        blocks += _transfer(members, models, sources)
    elif halves.has_halves(members):
        blocks.append(_halves(members, sources))
    elif experiment["axis"] and series.has_values(members):
        blocks.append(_series(members, published, experiment["axis"], best))
    else:
        blocks.append(_comparison(rows, best))
    blocks += _notes(published)
    blocks.append(_curves(members, sources))
    return Section(experiment["experiment_name"], anchor, blocks)


def _missing(members: list[Row]) -> list[Block]:
    missing = sum(not member["trained"] for member in members)
    if not missing:
        return []
    return [
        Text(
            f"{missing} of {len(members)} trainings are not done yet; `hypercolumn worker` goes on with them, but for "
            "those that have failed: `hypercolumn status` says which and why."
        )
    ]


def _table(experiment: Row, rows: list[Row], best: list[Link]) -> Tabulated:
    anchors = {link.text: link.anchor for link in best}
    caption = (
        f"{experiment['experiment_name']}: the draw or seed of the lowest validation loss; ± is the SD over draws or "
        f"seeds, at most the {BEST} of the lowest loss; the interval is by bootstrap over test images"
    )
    return Tabulated(comparison.comparison_table(rows, caption, anchors))


def _comparison(rows: list[Row], best: list[Link]) -> Block:
    trained, shown = sum(row["num_trained"] > 0 for row in rows), comparison.shown(rows)
    drawn = sum(row["num_trained"] > 0 for row in shown)
    first = f" The first {drawn} of {trained} rows that are trained." if drawn < trained else ""
    caption = f"Test correlation of the best draw with its {INTERVAL}, the other draws faint, the ceiling black.{first}"
    height = comparison.height(comparison.names(shown))
    said = comparison.describe_comparison(rows)
    return picture(lambda figure: comparison.plot_comparison(figure, rows), (9, height), caption, said, best)


def _series(members: list[Row], published: list[Row], axis: str, best: list[Link]) -> Block:
    size = (9.0, 6.0) if scores_of(published) else (5.6, 6.0)
    caption = (
        f"Scores against {axis}: the best draw of each point by validation loss, the other draws faint; the line "
        f"through a test correlation is its {INTERVAL}."
    )
    said = series.describe_series(members, published, axis)
    return picture(
        lambda figure: series.plot_series_figure(figure, members, published, axis), size, caption, said, best
    )


def _transfer(members: list[Row], models: list[Row], sources: Sources) -> list[Block]:
    found = transfer.query_transfer(members, models)
    cited = [found[name] for name in ("transfer", "ordinary") if found[name]] if found else []
    caption = (
        "Neurons that trained the core of the transfer model, and those for which the readout alone was fitted; the "
        "large dots are their means. On the line both models are the same."
    )
    said = transfer.describe_transfer(found)
    links = [sources.model(row) for row in cited]
    shown = picture(lambda figure: transfer.plot_transfer(figure.subplots(), found), (5.2, 4.6), caption, said, links)
    return [shown, Tabulated(transfer.transfer_table(found), links)] if found else [shown]


def _halves(members: list[Row], sources: Sources) -> Block:
    found = halves.query_halves(members)
    links = [sources.model(row) for row in found["models"]] if found else []
    caption = (
        "Neuron by neuron: models of two disjoint halves of the trials, and both against the ceiling; lines: equality."
    )
    return picture(
        lambda figure: halves.plot_halves(figure, found), (9, 4.2), caption, halves.describe_halves(found), links
    )


def _curves(members: list[Row], sources: Sources) -> Block:
    curves = learning_curves.query_curves(members)
    with_curve = {curve["id"] for curve in curves}
    links = [sources.model(row) for row in members if row["id"] in with_curve]
    some = learning_curves.some(curves)
    which = f"each of {some}" if some else "each training"
    caption = f"Learning curves on the validation set, a line for {which}; the highest losses are cut off."
    said = learning_curves.describe_curves(curves)
    return picture(lambda figure: learning_curves.plot_curves(figure, curves), (9, 3.7), caption, said, links)


def _notes(published: list[Row]) -> list[Block]:
    """Where the published scores stand; and what was published besides, as a table."""
    scores = scores_of(published)
    sources = dict.fromkeys(row["source"] for row in scores)
    notes: list[Block] = [Text(f"Published values are of other data. Source: {source}.") for source in sources]
    others = [row for row in published if row not in scores]
    if others:
        rows = [[row["label"], number(row["value"]), row["source"]] for row in others]
        notes.append(Tabulated(Table("Published besides", ["what", "value", "source"], list(rows), {"value"})))
    return notes
