"""Predicted and measured test responses of the best and the worst predicted neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import models
from models.repeats import mean_over_repeats
from pipeline.figures.rows import UNKNOWN, Row, key_of, query_neurons
from pipeline.figures.style import COLOURS, say
from pipeline.figures.tables import Table
from pipeline.figures.words import count, listed, number
from schemas.dataset import TrainingSet
from schemas.training import TrainedModel

Predictions = dict[str, Any]
SHOWN = 4  # neurons at either end


def query_predictions(model: Row) -> Predictions:
    """A model's neurons with `predicted` and `measured`, the mean over repeats, (images, neurons) of the test set.

    Both are in SD of the neuron's training responses; what was never shown to a neuron is NaN.
    """
    key = key_of(TrainedModel, model)
    data = models.Data.from_recording((TrainingSet & key).load())
    network = (TrainedModel & key).load_model()
    return {
        "id": model["id"],
        "config": model["config"],
        "predicted": models.predict(network, data.test_images).cpu().numpy().astype(float),
        "measured": mean_over_repeats(data.test_responses.cpu().numpy()),
        **query_neurons(model),
    }


def best_and_worst(found: Predictions, how_many: int = SHOWN) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the best neurons, best first, and of the worst of the others, worst first."""
    order = np.argsort(-found["test_corr"], kind="stable")
    best = order[: min(how_many, (len(order) + 1) // 2)]
    return best, order[len(best) :][::-1][:how_many]


def plot_predictions_figure(figure: Figure, found: Predictions) -> None:
    """The best neurons in the upper row, the worst in the lower."""
    rows = [neurons for neurons in best_and_worst(found) if len(neurons)]
    axes = figure.subplots(len(rows), max(map(len, rows)), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, neurons in zip(axes, rows, strict=True):
        for axis, neuron in zip(line, neurons, strict=False):
            axis.set_axis_on()
            plot_prediction(axis, found, int(neuron))
    figure.supxlabel("predicted response, SD", fontsize=9)
    figure.supylabel("measured response, mean over repeats, SD", fontsize=9)


def plot_prediction(axis: Axes, found: Predictions, neuron: int) -> None:
    """One dot a test image."""
    x, y = found["predicted"][:, neuron], found["measured"][:, neuron]
    shown = np.isfinite(y) & np.isfinite(x)
    if not shown.any():
        say(axis, "No test image was shown to it.")
        return
    axis.scatter(x[shown], y[shown], 9, color=COLOURS[0], alpha=0.6, linewidth=0)
    axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)
    ceiling = found["ceiling"][neuron]
    best = f" of {number(ceiling, 2)}" if np.isfinite(ceiling) else ""
    axis.set_title(f"neuron {found['neuron_id'][neuron]}: {number(found['test_corr'][neuron], 2)}{best}", fontsize=8.5)
    axis.locator_params(nbins=4)


def neuron_table(found: Predictions, how_many: int = 10) -> Table:
    """The best and the worst neurons with their scores."""
    headings = ["neuron", "test correlation", "95 % interval", "ceiling", "mean response"]
    has_kinds = bool((found["kind"] != UNKNOWN).any())
    headings += ["kind"] if has_kinds else []
    body = []
    for neuron in np.concatenate(best_and_worst(found, how_many)).astype(int):
        lower, upper = found["test_corr_lower"][neuron], found["test_corr_upper"][neuron]
        cells = [str(found["neuron_id"][neuron]), number(found["test_corr"][neuron])]
        cells += [f"{number(lower)} to {number(upper)}", number(found["ceiling"][neuron])]
        cells += [number(found["mean_response"][neuron], 2)] + ([str(found["kind"][neuron])] if has_kinds else [])
        body.append(cells)
    caption = f"Best and worst predicted neurons of {found['config']}"
    return Table(caption, headings, body, set(headings) - {"kind"})


def describe_predictions(found: Predictions) -> str:
    best, worst = best_and_worst(found)
    said = [f"the {count(len(best), 'best neuron')}: {_values(found, best)}"]
    said += [f"the {count(len(worst), 'worst neuron')}: {_values(found, worst)}"] if len(worst) else []
    return f"Predicted against measured test responses of {found['config']}. Test correlations of {'; of '.join(said)}."


def _values(found: Predictions, neurons: np.ndarray) -> str:
    return listed([number(found["test_corr"][neuron], 2) for neuron in neurons])
