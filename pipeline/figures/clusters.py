"""Clusters of neurons that do the same in whatever orientation (Ustyuzhaninov et al., ICLR 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.by_kind import kinds_of
from pipeline.figures.rows import UNKNOWN, array, best_row, column, key_of, query_neurons, query_part
from pipeline.figures.style import COLOURS, say
from pipeline.figures.words import count
from schemas.clustering import Clustering

Clusters = dict[str, Any]
NOTHING = "No neuron belongs to a cluster."


def query_clusters(dataset: str, *conditions: Any) -> Clusters | None:
    """The clustering of the best model by validation loss that has one; None where none has.

    `num_clusters` and `num_blocks`, None where too few neurons are left; `correlation` (clusters, clusters);
    `cluster` and `block` (neurons,) with NaN for a neuron without; the columns of `query_neurons`; `tried` and
    `likelihood`, each (numbers of clusters tried,).
    """
    row = best_row(Clustering, dataset, *conditions)
    if row is None:
        return None
    key = key_of(Clustering, row)
    num_clusters, num_blocks, correlation = (Clustering & key).fetch1("num_clusters", "num_blocks", "correlation")
    tried = (Clustering.Likelihood & key).to_dicts(order_by="num_clusters")
    return {
        "id": row["id"],
        "config": row["config"],
        "key": key,
        "num_clusters": num_clusters,
        "num_blocks": num_blocks,
        "correlation": array(correlation),
        "tried": column(tried, "num_clusters"),
        "likelihood": column(tried, "test_log_likelihood"),
        **query_neurons(row),
        **query_part(Clustering.Neuron, key, ["cluster", "block"]),
    }


def clusters_by_block(found: Clusters) -> tuple[np.ndarray, np.ndarray]:
    """Clusters in the order of their blocks, and the block of each, (clusters,); -1 for one without a neuron."""
    block = np.full(len(found["correlation"]), -1)
    known = np.isfinite(found["cluster"]) & np.isfinite(found["block"])
    block[found["cluster"][known].astype(int)] = found["block"][known].astype(int)
    order = np.argsort(np.where(block < 0, len(block), block), kind="stable")
    return order, block[order]


def plot_clusters_figure(figure: Figure, found: Clusters | None) -> None:
    """Likelihood, correlations by block, and who is in which cluster."""
    if found is None:
        say(figure.subplots(), "No neurons were clustered yet.")
        return
    axes = figure.subplots(1, 3, width_ratios=[1, 1.15, 1.1], gridspec_kw={"wspace": 0.08})
    plot_likelihood(axes[0], found)
    plot_correlation(axes[1], found)
    plot_members(axes[2], found)


def plot_likelihood(axis: Axes, found: Clusters) -> None:
    """Likelihood of neurons that the mixture was not fitted to, against the number of clusters."""
    known = np.isfinite(found["likelihood"])
    if not known.any():
        say(axis, "No likelihood is known.")
        return
    axis.plot(found["tried"][known], found["likelihood"][known], ".-", color=COLOURS[0])
    axis.locator_params(axis="x", integer=True, min_n_ticks=1)
    axis.set(xlabel="clusters", ylabel="test log likelihood per neuron", title="how many clusters")
    if found["num_clusters"] is not None:
        axis.axvline(found["num_clusters"], color=COLOURS[1], linewidth=1, label=f"chosen: {found['num_clusters']}")
        axis.legend(fontsize=8)


def plot_correlation(axis: Axes, found: Clusters) -> None:
    """Correlations of cluster centres, ordered by block; lines divide blocks."""
    if not found["correlation"].size or found["num_clusters"] is None:
        say(axis, NOTHING)
        return
    order, block = clusters_by_block(found)
    matrix = np.ma.masked_invalid(found["correlation"][np.ix_(order, order)])
    image = axis.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axis.figure.colorbar(image, ax=axis, label="correlation", pad=0.02, shrink=0.8)
    for edge in np.flatnonzero(np.diff(block)) + 0.5:
        axis.axhline(edge, color="black", linewidth=0.5)
        axis.axvline(edge, color="black", linewidth=0.5)
    axis.set(xlabel="cluster, by block", ylabel="cluster, by block", title=f"{count(found['num_blocks'], 'block')}")
    axis.locator_params(integer=True, min_n_ticks=1)


def plot_members(axis: Axes, found: Clusters) -> None:
    """Neurons of each cluster, in the order of the blocks, stacked by kind where kinds are known."""
    member = np.isfinite(found["cluster"])
    if not member.any():
        say(axis, NOTHING)
        return
    order, _ = clusters_by_block(found)
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    bottom = np.zeros(len(order))
    kinds = kinds_of(found["kind"][member])
    for name, colour in kinds:
        chosen = member & (found["kind"] == name)
        counts = np.bincount(place[found["cluster"][chosen].astype(int)], minlength=len(order))
        axis.bar(np.arange(len(order)), counts, 0.85, bottom=bottom, color=colour, label=name)
        bottom = bottom + counts
    axis.set(xlabel="cluster, by block", ylabel="neurons")
    axis.locator_params(integer=True, min_n_ticks=1)
    if [name for name, _ in kinds] != [UNKNOWN]:
        axis.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)


def describe_clusters(found: Clusters | None) -> str:
    if found is None:
        return "No neurons were clustered yet."
    member = np.isfinite(found["cluster"])
    if not member.any() or found["num_clusters"] is None:
        return NOTHING
    others = int((~member).sum())
    left = f"; {count(others, 'neuron')} {'belongs' if others == 1 else 'belong'} to none" if others else ""
    clusters, blocks = count(found["num_clusters"], "cluster"), count(found["num_blocks"], "block")
    return (
        f"{count(int(member.sum()), 'neuron')} of {found['config']} in {clusters}, the number of the highest test "
        f"likelihood, which merge into {blocks}{left}."
    )
