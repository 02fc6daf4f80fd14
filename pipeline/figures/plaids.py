"""Rates to a grating in the preferred orientation with an orthogonal one on top, and how much that suppresses."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.by_kind import INDEX_LIMITS, describe_by_kind, kinds_of, plot_histogram
from pipeline.figures.relative import relative_rates
from pipeline.figures.rows import UNKNOWN, array, best_row, key_of, query_neurons, query_part
from pipeline.figures.style import say
from pipeline.figures.words import count
from schemas.insilico import OrthogonalPlaids

Plaids = dict[str, Any]
NOTHING = "No neuron has an optimal grating to put another on."
MAX_MATRICES = 5
MIN_COLUMNS = 3  # so that a single matrix is no larger
TITLE_WIDTH = 20  # characters


def query_plaids(dataset: str, *conditions: Any) -> Plaids | None:
    """Responses to plaids of the best model by validation loss that has any; None where none has.

    `contrasts` (contrasts,), `responses` (neurons, contrasts of the preferred, of the orthogonal grating),
    `suppression_index` (neurons,) with NaN for a neuron without, and the columns of `query_neurons`.
    """
    row = best_row(OrthogonalPlaids, dataset, *conditions)
    if row is None:
        return None
    key = key_of(OrthogonalPlaids, row)
    contrasts, responses = (OrthogonalPlaids & key).fetch1("contrasts", "responses")
    return {
        "id": row["id"],
        "config": row["config"],
        "key": key,
        "contrasts": array(contrasts),
        "responses": array(responses),
        **query_neurons(row),
        **query_part(OrthogonalPlaids.Neuron, key, ["suppression_index"]),
    }


def mean_matrices(found: Plaids) -> list[tuple[str, np.ndarray]]:
    """The mean over neurons, in parts of a neuron's highest rate; that of each kind where kinds are known."""
    relative = relative_rates(found["responses"])
    known = np.isfinite(relative).all(axis=(1, 2))
    if not known.any():
        return []
    kinds = [name for name, _ in kinds_of(found["kind"][known])]
    groups = {"all neurons": known} if kinds == [UNKNOWN] else {kind: known & (found["kind"] == kind) for kind in kinds}
    return [(f"{name} ({members.sum():,})", relative[members].mean(axis=0)) for name, members in groups.items()]


def plot_plaids_figure(figure: Figure, found: Plaids | None) -> None:
    """A matrix of mean responses for each kind of neuron, and suppression indices."""
    of_kinds = mean_matrices(found) if found else []
    matrices = of_kinds[:MAX_MATRICES]
    if found is None or not matrices:
        say(figure.subplots(), NOTHING if found else "No responses to plaids were measured yet.")
        return
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=[1, 1.05])).flat
    places = upper.subplots(1, max(len(matrices), MIN_COLUMNS), squeeze=False, sharey=True)[0]
    axes = places[: len(matrices)]
    for unused in places[len(matrices) :]:
        unused.set_axis_off()
    for axis, (name, matrix) in zip(axes, matrices, strict=True):
        image = plot_matrix(axis, matrix, found["contrasts"])
        axis.set_title(fill(name, TITLE_WIDTH), fontsize=8.5)
        axis.set_xlabel(fill("contrast, orthogonal, SD", TITLE_WIDTH))
    axes[0].set_ylabel("contrast, preferred, SD")
    if len(matrices) < len(of_kinds):
        upper.suptitle(f"the first {len(matrices)} of {len(of_kinds)} kinds of neurons", fontsize=9)
    upper.colorbar(image, ax=list(axes), label="rate / highest", pad=0.01)
    plot_histogram(
        lower.subplots(),
        found["suppression_index"],
        found["kind"],
        "cross-orientation suppression index",
        NOTHING,
        INDEX_LIMITS,
    )


def plot_matrix(axis: Axes, matrix: np.ndarray, contrasts: np.ndarray) -> Any:
    """Contrast of the preferred grating upwards, of the orthogonal one to the right."""
    image = axis.imshow(matrix, origin="lower", cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    ticks = np.arange(len(contrasts))[:: max(1, len(contrasts) // 4)]
    names = [f"{contrasts[i]:.2g}" for i in ticks]
    axis.set_xticks(ticks, names)
    axis.set_yticks(ticks, names)
    return image


def describe_plaids(found: Plaids | None) -> str:
    if found is None:
        return "No responses to plaids were measured yet."
    known = np.isfinite(found["suppression_index"])
    if not known.any():
        return NOTHING
    index = describe_by_kind(found["suppression_index"], found["kind"])
    return (
        f"Responses of {count(int(known.sum()), 'neuron')} of {found['config']} to a preferred and an orthogonal "
        f"grating on top of each other. Median cross-orientation suppression index {index}."
    )
