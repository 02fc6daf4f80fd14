"""What models say about their neurons: weights, receptive fields, tuning and clusters."""

from __future__ import annotations

from typing import Any

from pipeline.figures import clusters, feature_weights, gabors, plaids, receptive_fields, size_contrast
from pipeline.figures.tables import Link
from pipeline.report.page import Section, Text, picture
from pipeline.report.sources import Sources
from schemas.clustering import Clustering
from schemas.insilico import MEI, FeatureWeights, GradientRF, OptimalGabor, OrthogonalPlaids, SizeContrastTuning


def insilico_sections(dataset: str, conditions: tuple[Any, ...], anchor: str, sources: Sources) -> list[Section]:
    """A section for each experiment that was done; each shows the model of the lowest validation loss that has it."""
    makers = (_feature_weights, _receptive_fields, _gabors, _size_contrast, _plaids, _clusters)
    found = (maker(dataset, conditions, f"{anchor}-{maker.__name__.strip('_')}", sources) for maker in makers)
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
        "Gradients (red, blue where negative) and most exciting images (grey) of the best predicted neurons, a row for "
        "each dominant feature. Over each neuron: its number and its test correlation."
    )
    said = receptive_fields.describe_fields(found)
    shown = picture(
        lambda figure: receptive_fields.plot_fields(figure, found),
        receptive_fields.figure_size(found), caption, said, _once(cited),
    )  # fmt: skip
    return Section("Receptive fields and most exciting images", anchor, [Text(said), shown])


def _gabors(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = gabors.query_gabors(dataset, *conditions)
    if found is None:
        return None
    caption = "Optimal Gabor patches: where they lie, in which orientation and frequency, and how sharp tuning is."
    said = gabors.describe_gabors(found)
    shown = picture(
        lambda figure: gabors.plot_gabors_figure(figure, found),
        (9.4, 7.4), caption, said, sources.computed(OptimalGabor, found),
    )  # fmt: skip
    return Section("Optimal Gabor patches", anchor, [Text(said), shown])


def _size_contrast(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = size_contrast.query_size_contrast(dataset, *conditions)
    if found is None:
        return None
    caption = "Tuning to size and contrast, in parts of a neuron's highest rate, and suppression by the surround."
    said = size_contrast.describe_size_contrast(found)
    shown = picture(
        lambda figure: size_contrast.plot_size_contrast_figure(figure, found),
        (11, 3.6), caption, said, sources.computed(SizeContrastTuning, found),
    )  # fmt: skip
    return Section("Size and contrast", anchor, [Text(said), shown])


def _plaids(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = plaids.query_plaids(dataset, *conditions)
    if found is None:
        return None
    caption = "Responses to orthogonal plaids, in parts of a neuron's highest rate, and cross-orientation suppression."
    said = plaids.describe_plaids(found)
    shown = picture(
        lambda figure: plaids.plot_plaids_figure(figure, found),
        (9.4, 6), caption, said, sources.computed(OrthogonalPlaids, found),
    )  # fmt: skip
    return Section("Orthogonal plaids", anchor, [Text(said), shown])


def _clusters(dataset: str, conditions: tuple, anchor: str, sources: Sources) -> Section | None:
    found = clusters.query_clusters(dataset, *conditions)
    if found is None:
        return None
    caption = "How many clusters describe the neurons, how their centres correlate, and which neurons are in them."
    said = clusters.describe_clusters(found)
    shown = picture(
        lambda figure: clusters.plot_clusters_figure(figure, found),
        (11, 3.6), caption, said, sources.computed(Clustering, found),
    )  # fmt: skip
    return Section("Clusters of neurons", anchor, [Text(said), shown])


def _once(cited: list[list[Link]]) -> list[Link]:
    """Several rows of one model cite it once."""
    return list(dict.fromkeys(link for links in cited for link in links))
