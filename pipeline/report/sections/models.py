"""The trained models of a recording: their scores with intervals, and what the best one makes of its neurons."""

from __future__ import annotations

from models.scores import MIN_EXPLAINABLE_VARIANCE
from pipeline.figures import comparison, predictions
from pipeline.figures.rows import Row
from pipeline.figures.tables import Cell, Table
from pipeline.figures.words import NONE, count, listed, number
from pipeline.report.page import Section, Tabulated, Text, picture
from pipeline.report.sources import Sources

SHOWN = 20  # models


def models_section(models: list[Row], anchor: str, sources: Sources) -> Section:
    """models: those of one recording, at least one, lowest validation loss first."""
    best = sorted(models, key=lambda row: -row["test_corr"])[:SHOWN]
    links = [sources.model(row) for row in best]
    names = [f"{row['config']} ({row['id']})" for row in best]
    some = f"The {SHOWN} of {count(len(models), 'model')} with the highest test correlation"
    which = some if len(models) > SHOWN else "Models"
    headings = ["id", "configuration", "training set", "seed", "validation loss", "validation correlation"]
    headings += ["test correlation", "95 % interval", "ceiling", "FEVE", "steps"]
    rows: list[list[Cell]] = []
    for row, link in zip(best, links, strict=True):
        scores = [number(row["val_loss"], 2), number(row["val_corr"]), number(row["test_corr"])]
        interval = f"{number(row['test_corr_lower'])} to {number(row['test_corr_upper'])}"
        steps = NONE if row["num_iterations"] is None else f"{row['num_iterations']:,}"
        keys: list[Cell] = [link, row["config"], row["training_set"], str(row["seed"])]
        rows.append([*keys, *scores, interval, number(row["ceiling"]), number(row["feve"]), steps])
    table = Table(f"{which}, by test correlation", headings, rows, headings[3:])
    said = [f"{row['config']} {number(row['test_corr'])}" for row in best]
    scores_picture = picture(
        lambda figure: comparison.plot_intervals(figure.subplots(), best, names),
        (8, comparison.height(names)),
        f"{which}: test correlation with its interval of 95 % by bootstrap over test images; the ceiling in black.",
        f"Test correlations of {count(len(best), 'model')}: {listed(said)}.",
        links,
    )
    return Section("Models and neurons", anchor, [Tabulated(table), scores_picture, *_neurons(models[0], sources)])


def _neurons(model: Row, sources: Sources) -> list:
    found = predictions.query_predictions(model)
    links = [sources.model(model)]
    said = predictions.describe_predictions(found)
    caption = (
        f"Predicted and measured test responses, of the best neurons above and the worst below, of {model['config']}, "
        "the model of the lowest validation loss. A dot is a test image; on the line both are the same. Over each: the "
        "test correlation, of the ceiling."
    )
    text = (
        "FEVE is the explained fraction of the explainable variance, over neurons whose explainable variance is at "
        f"least {100 * MIN_EXPLAINABLE_VARIANCE:g} %."
    )
    figure = picture(lambda figure: predictions.plot_predictions_figure(figure, found), (9, 4.8), caption, said, links)
    return [Text(text), figure, Tabulated(predictions.neuron_table(found), links)]
