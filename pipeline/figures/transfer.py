"""The transfer control: does a core that some neurons trained serve the others as well?"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pipeline.figures.rows import Row, query_neurons
from pipeline.figures.style import COLOURS, say
from pipeline.figures.tables import Cell, Table
from pipeline.figures.words import count, number

Transfer = dict[str, Any]
SIDES = {"trained the core": True, "did not": False}


def query_transfer(members: list[Row], others: list[Row]) -> Transfer | None:
    """The best transfer model of the members, and the best ordinary one of the same core, of them or of `others`.

    members, others: as `experiments.query_members` and `rows.query_models` give them. For both models `test_corr`
    (neurons,), and `trains_core` (neurons,): whether a neuron trained the core of the transfer model. Without an
    ordinary model, its part is None; without a trained transfer model, all is.
    """
    trained = sorted((row for row in members if row["trained"]), key=lambda row: row["val_loss"])
    transfer = next((row for row in trained if row["k_transfer"] is not None), None)
    if transfer is None:
        return None
    ordinary = [row for row in trained if row["k_transfer"] is None]
    readouts = {row["readout"] for row in members if row["k_transfer"] is not None}
    ordinary += [row for row in others if row["readout"] not in readouts]
    same_core = [row for row in ordinary if row["core"] == transfer["core"]]
    same_trials = [row for row in same_core if row["training_set"] == transfer["training_set"]]
    control = same_trials[0] if same_trials else None
    neurons = query_neurons(transfer)
    return {
        "transfer": transfer,
        "ordinary": control,
        "trains_core": neurons["neuron_index"] % transfer["k_transfer"] == 0,
        "transfer_corr": neurons["test_corr"],
        "ordinary_corr": None if control is None else query_neurons(control)["test_corr"],
    }


def side_means(found: Transfer) -> list[dict[str, Any]]:
    """For each side of the control: how many neurons, and the means of both models over them."""
    rows = []
    for name, side in SIDES.items():
        chosen = found["trains_core"] == side
        means = {model: _mean(found[f"{model}_corr"], chosen) for model in ("transfer", "ordinary")}
        rows.append({"side": name, "num_neurons": int(chosen.sum()), **means})
    return rows


def transfer_table(found: Transfer) -> Table:
    """The means of both sides."""
    headings = ["neurons that", "neurons", "transfer model", "ordinary model"]
    rows: list[list[Cell]] = [
        [row["side"], f"{row['num_neurons']:,}", number(row["transfer"]), number(row["ordinary"])]
        for row in side_means(found)
    ]
    return Table("Mean test correlation of both sides of the control", headings, rows, headings[1:])


def plot_transfer(axis: Axes, found: Transfer | None) -> None:
    """Neuron by neuron, the transfer model against the ordinary one; without that, distributions of both sides."""
    if found is None:
        say(axis, "No transfer model is trained yet.")
        return
    bins = np.histogram_bin_edges(found["transfer_corr"], 20).tolist()  # of both sides, so that they compare
    for (name, side), colour in zip(SIDES.items(), COLOURS, strict=False):
        chosen = found["trains_core"] == side
        if not chosen.any():
            continue
        label = f"{name} ({chosen.sum():,})"
        if found["ordinary_corr"] is None:
            axis.hist(found["transfer_corr"][chosen], bins, color=colour, alpha=0.6, label=label)
            axis.set(xlabel="test correlation, transfer model", ylabel="neurons")
        else:
            x, y = found["ordinary_corr"][chosen], found["transfer_corr"][chosen]
            axis.scatter(x, y, 14, color=colour, alpha=0.8, linewidth=0, label=label)
            axis.set(xlabel="test correlation, ordinary model", ylabel="test correlation, transfer model")
    if found["ordinary_corr"] is not None:
        axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)
    for row, colour in zip(side_means(found), COLOURS, strict=False):
        if row["transfer"] is not None and row["ordinary"] is not None:
            axis.plot(row["ordinary"], row["transfer"], "o", color=colour, markersize=10, markeredgecolor="black")
    axis.legend(title="neurons that", alignment="left", fontsize=8)


def describe_transfer(found: Transfer | None) -> str:
    if found is None:
        return "No transfer model is trained yet."
    said = []
    for row in side_means(found):
        ordinary = "" if row["ordinary"] is None else f" ({number(row['ordinary'])} in the ordinary model)"
        neurons = count(row["num_neurons"], "neuron")
        said.append(f"{number(row['transfer'])}{ordinary} for the {neurons} that {row['side']}")
    beside = "" if found["ordinary_corr"] is not None else " No ordinary model of the same core is trained yet."
    return f"Mean test correlation of the transfer model: {'; '.join(said)}.{beside}"


def _mean(values: np.ndarray | None, chosen: np.ndarray) -> float | None:
    return None if values is None or not chosen.any() else float(values[chosen].mean())
