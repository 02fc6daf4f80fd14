"""Figures of in-silico experiments: each can be drawn with all of its data, with parts, with none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from drawn_figures import check, words
from pipeline.figures import clusters, feature_weights, gabors, plaids, receptive_fields, rows, size_contrast
from pipeline.figures.style import drawn

INSILICO: dict[str, tuple[Callable, Callable, Callable]] = {
    "feature weights": (
        feature_weights.query_feature_weights,
        feature_weights.plot_feature_weights_figure,
        feature_weights.describe_feature_weights,
    ),
    "receptive fields": (
        receptive_fields.query_fields,
        receptive_fields.plot_fields,
        receptive_fields.describe_fields,
    ),
    "gabors": (gabors.query_gabors, gabors.plot_gabors_figure, gabors.describe_gabors),
    "size and contrast": (
        size_contrast.query_size_contrast,
        size_contrast.plot_size_contrast_figure,
        size_contrast.describe_size_contrast,
    ),
    "plaids": (plaids.query_plaids, plaids.plot_plaids_figure, plaids.describe_plaids),
    "clusters": (clusters.query_clusters, clusters.plot_clusters_figure, clusters.describe_clusters),
}


@pytest.mark.parametrize("name", INSILICO)
def test_in_silico(shown, name):
    query, plot, describe = INSILICO[name]
    found = query(shown["dataset"])
    assert found
    check(plot, describe, found)
    nothing = query(shown["alone"])
    assert not nothing
    check(plot, describe, nothing)


@pytest.mark.parametrize("name", [name for name in INSILICO if name != "receptive fields"])
@pytest.mark.parametrize("neurons", ["one", "none that is known", "without kinds"])
def test_in_silico_with_pieces_missing(shown, name, neurons):
    query, plot, describe = INSILICO[name]
    found = query(shown["dataset"])
    each = found if isinstance(found, list) else [found]
    changed = [_changed(one, neurons) for one in each]
    check(plot, describe, changed if found is each else changed[0])


def _changed(found: dict[str, Any], neurons: str) -> dict[str, Any]:
    """The same of fewer neurons, or with less known."""
    count = 6
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray) and len(value) == count}
    arrays = {name: value for name, value in arrays.items() if name not in ("sizes", "tried")}
    if neurons == "without kinds":
        return found | {"kind": np.full(count, rows.UNKNOWN)}
    if neurons == "one":
        return found | {name: value[:1] for name, value in arrays.items()}
    unknown = {name: np.full(value.shape, np.nan) for name, value in arrays.items() if value.dtype.kind == "f"}
    return found | unknown


def test_feature_weights(shown):
    (found,) = feature_weights.query_feature_weights(shown["dataset"])
    order = feature_weights.sorted_neurons(found)
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]  # the last one reads nothing
    dominant = found["dominant_feature"][order]
    assert (np.diff(dominant) >= 0).all()
    shares = found["shares"][order]
    np.testing.assert_array_equal(shares.argmax(axis=1), dominant)
    assert np.isnan(found["same_sign"][-1])


def test_a_preferred_rotation_takes_no_more_than_its_own_place(shown):
    (found,) = feature_weights.query_feature_weights(shown["dataset"])
    angles = np.array([np.pi / 2, 3 * np.pi / 2, *[np.nan] * 4])  # of four rotations
    two = found | {"preferred_orientation": angles, "dominant_feature": np.array([1.0, 3.0, *[np.nan] * 4])}
    figure = drawn(lambda figure: feature_weights.plot_orientations(figure.subplots(), two), 4, 3)
    (image,) = figure.axes[0].images
    assert (image.get_array().shape, image.get_extent()) == ((5, 4), [-45, 315, 4.5, -0.5])
    assert np.argwhere(image.get_array()).tolist() == [[1, 1], [3, 3]]


def test_few_neurons_are_counted_in_whole_numbers(shown):
    (found,) = feature_weights.query_feature_weights(shown["dataset"])
    figure = drawn(lambda figure: feature_weights.plot_feature_weights_figure(figure, [_changed(found, "one")]), 11, 3)
    figure.draw_without_rendering()
    counts = [axis.yaxis for axis in figure.axes if axis.get_ylabel() == "neurons"]
    assert len(counts) == 2
    assert all(tick == round(tick) for axis in counts for tick in axis.get_ticklocs())


def test_receptive_fields_are_of_the_best_neurons_of_each_feature(shown):
    found = receptive_fields.query_fields(shown["dataset"])
    assert found is not None
    groups = receptive_fields.choose_neurons(found)
    chosen = np.concatenate([neurons for _, neurons in groups])
    assert 5 not in chosen  # its images are blank
    for name, neurons in groups:
        assert all(found["feature"][neurons] == int(name.removeprefix("feature ")))
        assert (np.diff(found["test_corr"][neurons]) <= 0).all()
    for missing in ("rfs", "meis"):
        state = found | {missing: None}
        check(receptive_fields.plot_fields, receptive_fields.describe_fields, state)
    unknown = found | {"feature": np.full(6, np.nan)}
    assert [name for name, _ in receptive_fields.choose_neurons(unknown)] == [""]


def test_what_is_said_of_fields_does_not_take_them_for_the_best_of_all(shown):
    found = receptive_fields.query_fields(shown["dataset"])
    groups = receptive_fields.choose_neurons(found)
    said = f"of 5 neurons of {found['config']}, the best predicted of each of {len(groups)} dominant features;"
    assert said in receptive_fields.describe_fields(found)


@pytest.mark.parametrize("count", [1, 40, 41, 79, 500])
def test_no_more_than_so_many_tuning_curves_are_drawn(count):
    angles = np.linspace(0, np.pi, 8, endpoint=False)
    found = {"tuning_curves": np.tile(2 + np.cos(2 * angles), (count, 1)), "kind": np.full(count, rows.UNKNOWN)}
    figure = drawn(lambda figure: gabors.plot_tuning_curves(figure.subplots(), found), 4, 3)
    *curves, mean = figure.axes[0].lines
    assert min(count, gabors.MAX_CURVES // 2) <= len(curves) <= gabors.MAX_CURVES
    assert mean.get_label() == f"unknown kind ({count})"


def test_sizes_of_patches_can_be_read(shown):
    found = gabors.query_gabors(shown["dataset"])
    figure = drawn(lambda figure: gabors.plot_frequency_map(figure.subplots(), found), 5, 4)
    axis = figure.axes[0]
    areas, size = axis.collections[0].get_sizes(), found["size"][np.isfinite(found["size"])]
    np.testing.assert_allclose(areas / areas.max(), size / size.max())
    written = [text.get_text() for text in axis.get_legend().get_texts()]
    assert written == [f"{size.min():.3g}", f"{size.max():.3g}"]


@pytest.mark.parametrize(("number", "said"), [(5, False), (6, True)])
def test_kinds_whose_responses_to_plaids_are_left_out_are_counted(shown, number, said):
    found = plaids.query_plaids(shown["dataset"])
    known = {"responses": np.abs(np.random.default_rng(0).normal(size=found["responses"].shape))}
    kinds = found | known | {"kind": np.array([f"kind {i % number}" for i in range(6)])}
    written = words(drawn(lambda figure: plaids.plot_plaids_figure(figure, kinds), 9.4, 6))
    assert ("the first 5 of 6 kinds of neurons" in written) == said


def test_tuning_curves_are_turned_to_their_peak():
    curves = np.array([[0.0, 1, 4, 2], [2, 0, 0, 1], [3, 3, 3, 3], [np.nan] * 4, [0, 0, 0, 0]])
    angles, turned = gabors.centred_curves(curves)
    assert angles.tolist() == [-90, -45, 0, 45, 90]
    np.testing.assert_allclose(turned[0], [0, 0.25, 1, 0.5, 0])
    np.testing.assert_allclose(turned[1], [0, 0.5, 1, 0, 0])
    assert np.isnan(turned[2:]).all()


def test_clusters_are_ordered_by_block():
    cluster, block = np.array([0, 1, 2, 2, np.nan]), np.array([1, 0, 1, 1, np.nan])
    found = {"correlation": np.eye(4), "cluster": cluster, "block": block}
    order, blocks = clusters.clusters_by_block(found)
    assert order.tolist() == [1, 0, 2, 3]
    assert blocks.tolist() == [0, 1, 1, -1]
