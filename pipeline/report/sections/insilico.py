"""What models say about their neurons: weights, receptive fields, tuning and clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import datajoint as dj
from matplotlib.figure import Figure

from pipeline.figures import clusters, feature_weights, gabors, plaids, receptive_fields, size_contrast
from pipeline.figures.tables import Link
from pipeline.report.page import Section, Text, picture
from pipeline.report.sources import Sources
from schemas.clustering import Clustering
from schemas.insilico import MEI, FeatureWeights, GradientRF, OptimalGabor, OrthogonalPlaids, SizeContrastTuning


@dataclass(frozen=True)
class _Tuning:
    """An experiment with one figure of one row: its table, and what `pipeline.figures` has for it."""

    name: str
    title: str
    table: type[dj.Computed]
    query: Callable[..., Any]
    plot: Callable[[Figure, Any], None]
    describe: Callable[[Any], str]
    size: tuple[float, float]
    caption: str


TUNING = (
    _Tuning(
        "gabors", "Optimal Gabor patches", OptimalGabor,
        gabors.query_gabors, gabors.plot_gabors_figure, gabors.describe_gabors, (9.4, 7.4),
        "Optimal Gabor patches: where they lie, in which orientation and frequency, and how sharp tuning is.",
    ),
    _Tuning(
        "size_contrast", "Size and contrast", SizeContrastTuning,
        size_contrast.query_size_contrast, size_contrast.plot_size_contrast_figure,
        size_contrast.describe_size_contrast, (11, 3.6),
        "Tuning to size and contrast, in parts of a neuron's highest rate, and suppression by the surround.",
    ),
    _Tuning(
        "plaids", "Orthogonal plaids", OrthogonalPlaids,
        plaids.query_plaids, plaids.plot_plaids_figure, plaids.describe_plaids, (9.4, 6),
        "Responses to orthogonal plaids, in parts of a neuron's highest rate, and cross-orientation suppression.",
    ),
    _Tuning(
        "clusters", "Clusters of neurons", Clustering,
        clusters.query_clusters, clusters.plot_clusters_figure, clusters.describe_clusters, (11, 3.6),
        "How many clusters describe the neurons, how their centres correlate, and which neurons are in them.",
    ),
)  # fmt: skip


def insilico_sections(dataset: str, conditions: tuple[Any, ...], anchor: str, sources: Sources) -> list[Section]:
    """A section for each experiment that was done; each shows the model of the lowest validation loss that has it."""
    found = [
        _feature_weights(dataset, conditions, f"{anchor}-feature_weights", sources),
        _receptive_fields(dataset, conditions, f"{anchor}-receptive_fields", sources),
        *(_tuning(kind, dataset, conditions, f"{anchor}-{kind.name}", sources) for kind in TUNING),
    ]
    return [section for section in found if section is not None]


def _feature_weights(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = feature_weights.query_feature_weights(dataset, *conditions)
    if not found:
        return None
    links = [link for weights in found for link in sources.computed(FeatureWeights, weights)]
    caption = "Which features neurons read: their shares, how many there are, preferred rotations, and signs."
    said = feature_weights.describe_feature_weights(found)
    shown = picture(
        lambda figure: feature_weights.plot_feature_weights_figure(figure, found),
        (11, 3.1 * len(found)), caption, said, links,
    )  # fmt: skip
    return Section("Feature weights", anchor, [Text(said), shown])


def _receptive_fields(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = receptive_fields.query_fields(dataset, *conditions)
    if found is None:
        return None
    tables = [table for table in (GradientRF, MEI, FeatureWeights) if table.__name__ in found["keys"]]
    cited = [sources.computed(table, {"id": found["id"], "key": found["keys"][table.__name__]}) for table in tables]
    caption = (
        "Gradients (red, blue where negative) and most exciting images (grey), each on a scale of its own; a row for "
        "each dominant feature, the most frequent first. Over each neuron: its number and its test correlation."
    )
    said = receptive_fields.describe_fields(found)
    shown = picture(
        lambda figure: receptive_fields.plot_fields(figure, found),
        receptive_fields.figure_size(found), caption, said, _once(cited),
    )  # fmt: skip
    return Section("Receptive fields and most exciting images", anchor, [Text(said), shown])


def _tuning(kind: _Tuning, dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = kind.query(dataset, *conditions)
    if found is None:
        return None
    said, links = kind.describe(found), sources.computed(kind.table, found)
    shown = picture(lambda figure: kind.plot(figure, found), kind.size, kind.caption, said, links)
    return Section(kind.title, anchor, [Text(said), shown])


def _once(cited: list[list[Link]]) -> list[Link]:
    """Several rows of one model cite it once."""
    return list(dict.fromkeys(link for links in cited for link in links))
