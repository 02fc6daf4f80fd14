"""Figures: what they query and compute, and that each can be drawn with all of its data, with parts, with none."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.figures import (
    clusters,
    comparison,
    demo,
    experiments,
    feature_weights,
    gabors,
    halves,
    learning_curves,
    plaids,
    predictions,
    receptive_fields,
    rows,
    series,
    size_contrast,
    style,
    tables,
    transfer,
)
from pipeline.figures.style import MAX_SVG, data_uri, drawn
from pipeline.report.sections import experiment as experiment_sections

AXIS = "training trials (per cent)"
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


def words(figure: Figure) -> list[str]:
    """All that is written on a figure, which is drawn for it."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def check(plot: Callable, describe: Callable, found: Any) -> None:
    """The figure of what was found holds ink, and neither it nor its description says nan or None."""
    description = describe(found)
    written = words(drawn(lambda figure: plot(figure, found), 10, 6))
    assert written
    for text in [*written, description]:
        assert "nan" not in text.lower().replace("dominant", ""), text
        assert "None" not in text
    assert description.endswith(".")


def experiment(shown: dict[str, Any], name: str) -> tuple[list[rows.Row], list[rows.Row]]:
    return experiments.query_members(name, shown["dataset"]), experiments.query_published(name)


def test_members_and_their_points(shown):
    members, published = experiment(shown, "fig3-like")
    assert [(row["label"], row["trained"]) for row in members] == [
        *(("25 %", True), ("50 %", True)),
        *[("100 %", row["trained"]) for row in members[2:]],
    ]
    assert sum(row["trained"] for row in members) == len(members) - 1
    found = experiments.points(members)
    assert [row["label"] for row in found] == ["25 %", "50 %", "100 %"]
    draws = sorted((row for row in members[2:] if row["trained"]), key=lambda row: row["val_loss"])
    best = found[-1]
    assert (best["id"], best["num_declared"], best["num_trained"], best["num_in_sd"]) == (draws[0]["id"], 4, 3, 3)
    assert best["test_corr_sd"] == pytest.approx(np.std([row["test_corr"] for row in draws], ddof=1))
    assert found[0]["test_corr_sd"] is None
    rows_of_table = experiments.table_rows(members, published)
    assert [row["published_test_corr"] for row in rows_of_table] == [0.454, None, None, 0.471]
    assert rows_of_table[-1]["test_corr"] is None  # no member stands there


def test_the_sd_is_over_the_best_five_by_validation_loss():
    base = {"family": "own", "series": "s", "label": "l", "position": 1, "trained": True}
    members = [base | {"id": str(i), "val_loss": float(i), "test_corr": float(i**2)} for i in (6, 3, 1, 5, 2, 4)]
    (found,) = experiments.points(members)
    assert (found["id"], found["num_in_sd"]) == ("1", 5)
    assert found["test_corr_sd"] == pytest.approx(np.std([1, 4, 9, 16, 25], ddof=1))


def test_table_as_text_and_as_html(shown):
    members, published = experiment(shown, "table-like")
    table = comparison.comparison_table(
        experiments.table_rows(members, published), "A & B", {members[0]["id"]: "there"}
    )
    html = table._repr_html_()
    assert "<caption><span>A &amp; B</span></caption>" in html
    assert '<th scope="row">a &lt;b&gt;lab&#39;s&lt;/b&gt; &amp; &#34;own&#34; $\\frac$</th>' in html
    assert html.count("<tr") == 1 + len(table.rows) == 4
    assert "<td>theirs</td>" in html
    assert table.as_rich().row_count == 3
    assert str(tables.Link("text", "anchor")) == "text"


def test_learning_curves(shown):
    members, _ = experiment(shown, "fig3-like")
    curves = learning_curves.query_curves(members)
    assert {curve["id"] for curve in curves} == {row["id"] for row in members if row["trained"]}
    assert all(len(curve["val_corr"]) == len(curve["iteration"]) > 0 for curve in curves)
    check(learning_curves.plot_curves, learning_curves.describe_curves, curves)
    said = words(drawn(lambda figure: learning_curves.plot_curves(figure, []), 8, 4))
    assert said == ["No learning curve: nothing is trained yet, or the models were imported."]


@pytest.mark.parametrize("name", ["fig3-like", "table-like", "untrained"])
def test_scores_of_an_experiment(shown, name):
    members, published = experiment(shown, name)
    found = experiments.table_rows(members, published)
    check(comparison.plot_comparison, comparison.describe_comparison, found)
    check(
        lambda figure, both: series.plot_series_figure(figure, *both, AXIS),
        lambda both: series.describe_series(*both, AXIS),
        (members, published),
    )


def test_series_say_their_points_and_keep_the_published_ones_apart(shown):
    members, published = experiment(shown, "fig3-like")
    figure = drawn(lambda figure: series.plot_series_figure(figure, members, published, AXIS), 8, 6)
    ours, theirs = figure.axes[:2]
    best = experiments.points(members)
    (line,) = [line for line in ours.lines if line.get_label() == "equivariant"]
    np.testing.assert_array_equal(line.get_xydata(), [(row["value"], row["test_corr"]) for row in best])
    (line,) = theirs.lines
    np.testing.assert_array_equal(line.get_xydata(), [(8, 0.454), (12, 0.471)])
    assert not any(0.454 in line.get_ydata() for line in ours.lines)
    assert any("6,005 neurons" in text for text in words(figure))
    assert f"{best[0]['test_corr']:.3f} at 25" in series.describe_series(members, published, AXIS)


def test_intervals_of_two_series_lie_beside_each_other():
    scores = {"val_loss": 1.0, "test_corr": 0.5, "test_corr_lower": 0.4, "test_corr_upper": 0.6}
    members = [
        {"family": "own", "series": name, "label": str(value), "position": 1, "value": value, "trained": True, **scores}
        for name in ("first", "second")
        for value in (1.0, 10.0, 100.0)
    ]
    figure = drawn(lambda figure: series.plot_series_figure(figure, members, [], AXIS), 5, 6)
    figure.draw_without_rendering()
    first, second = (lines.get_transform().transform((10, 0.5)) for lines in figure.axes[0].collections)
    assert second[0] - first[0] > 3  # pixels
    assert second[1] == first[1]
    for axis, (low, high) in zip(figure.axes, ((0.4, 0.6), (1, 1)), strict=True):
        assert axis.get_xlim()[0] < 1 < 100 < axis.get_xlim()[1]
        assert low - 0.1 < axis.get_ylim()[0] < low <= high < axis.get_ylim()[1] < high + 0.1


def compared(count: int, label: str) -> list[rows.Row]:
    """Rows of a table of trained models in two series."""
    scores = {"val_loss": 1.0, "test_corr": 0.5, "test_corr_lower": 0.4, "test_corr_upper": 0.6, "ceiling": None}
    member = scores | {"family": "own", "value": None, "trained": True, "position": 1}
    made = [member | {"series": ("first", "second")[i % 2], "label": f"{label}{i}"} for i in range(count)]
    return experiments.table_rows(made, [])


def test_models_of_two_series_are_told_apart_by_their_names():
    made = compared(4, "32-32-")
    figure = drawn(lambda figure: comparison.plot_comparison(figure, made), 8, 3)
    named = ["first: 32-32-0", "first: 32-32-2", "second: 32-32-1", "second: 32-32-3"]
    assert list(dict.fromkeys(text for text in words(figure) if "32-32" in text)) == named
    assert all(f"{name} 0.500" in comparison.describe_comparison(made) for name in named)


def test_long_names_of_models_do_not_overlap():
    made = compared(10, "a-name-of-a-configuration-as-long-as-some-labs-give-them-")
    figure = drawn(
        lambda figure: comparison.plot_comparison(figure, made), 9, comparison.height(comparison.names(made))
    )
    figure.draw_without_rendering()
    places = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert all(above.y0 > below.y1 for above, below in pairwise(places))


def test_models_that_a_figure_leaves_out_are_counted():
    shown = [experiment_sections._comparison(compared(count, "model "), []).caption for count in (40, 42)]
    assert "The first" not in shown[0]
    assert shown[1].endswith("The first 40 of 42 rows that are trained.")


def test_a_published_series_has_one_mark_for_both_scores():
    names = {"all": 3600.0, "no losses": None, "last": 3700.0}
    published = [
        {"series": series, "value": float(value), "test_corr": 0.4, "val_loss": loss, "source": "a paper"}
        for series, loss in names.items()
        for value in (8, 16)
    ]
    figure = drawn(lambda figure: series.plot_series_figure(figure, [], published, AXIS), 8, 6)
    above, below = ({line.get_label(): line.get_marker() for line in figure.axes[i].lines} for i in (1, 3))
    assert set(below) == {"all", "last"}
    assert below.items() <= above.items()


def test_transfer_control(shown):
    members, _ = experiment(shown, "transfer-like")
    found = transfer.query_transfer(members, rows.query_models(shown["dataset"]))
    assert found is not None
    np.testing.assert_array_equal(found["trains_core"], [True, False] * 3)
    assert found["ordinary"]["core"] == found["transfer"]["core"]
    trained, others = transfer.side_means(found)
    assert (trained["num_neurons"], others["num_neurons"]) == (3, 3)
    assert trained["transfer"] == pytest.approx(found["transfer_corr"][::2].mean())
    assert others["ordinary"] == pytest.approx(found["ordinary_corr"][1::2].mean())
    alone = found | {"ordinary": None, "ordinary_corr": None}
    for state in (found, alone, None):
        check(lambda figure, data: transfer.plot_transfer(figure.subplots(), data), transfer.describe_transfer, state)
    assert transfer.query_transfer([row for row in members if row["k_transfer"] is None], []) is None


def test_the_figure_of_the_demo_says_what_it_shows_of_which_neurons(shown):
    from schemas.training import TrainedModel

    models = [rows.key_of(TrainedModel, row) for row in rows.query_models(shown["dataset"])[:2]]
    figure = drawn(lambda figure: demo._draw(figure, models), 12, 7.4)
    figure.draw_without_rendering()
    by_kind = figure.axes[2]
    labels = by_kind.get_xticklabels()
    assert sum(int(re.findall(r"\((\d+)\)", text.get_text())[0]) for text in labels) == 6
    assert all(left.get_window_extent().x1 < right.get_window_extent().x0 for left, right in pairwise(labels))
    assert "ceiling" in [text.get_text() for text in by_kind.get_legend().get_texts()]


def test_halves(shown):
    members, _ = experiment(shown, "halves-like")
    assert halves.has_halves(members)
    found = halves.query_halves(members)
    assert found is not None
    assert [model["part"] for model in found["models"]] == [1, 2]
    unknown = found | {"ceiling": np.full(6, np.nan)}
    one = {name: value[:1] if isinstance(value, np.ndarray) else value for name, value in found.items()}
    assert halves.agreement(one) is None
    for state in (found, unknown, one, None):
        check(halves.plot_halves, halves.describe_halves, state)
    assert halves.query_halves(members[:1]) is None


def test_predictions(shown):
    found = predictions.query_predictions(rows.query_models(shown["dataset"])[0])
    assert found["predicted"].shape == found["measured"].shape == (100, 6)
    best, worst = predictions.best_and_worst(found, 2)
    assert set(found["test_corr"][best]) == set(np.sort(found["test_corr"])[-2:])
    assert found["test_corr"][worst[0]] == found["test_corr"].min()
    correlation = np.corrcoef(found["predicted"][:, best[0]], found["measured"][:, best[0]])[0, 1]
    assert correlation == pytest.approx(found["test_corr"][best[0]], abs=1e-4)
    never = found | {"measured": np.full((100, 6), np.nan)}
    for state in (found, never):
        check(predictions.plot_predictions_figure, predictions.describe_predictions, state)
    assert len(predictions.neuron_table(found).rows) == 6


def test_one_neuron_without_repeats(shown):
    (model,) = rows.query_models(shown["alone"])
    found = predictions.query_predictions(model)
    assert np.isnan(found["ceiling"]).all()
    assert found["kind"].tolist() == [rows.UNKNOWN]
    assert [len(part) for part in predictions.best_and_worst(found)] == [1, 0]
    check(predictions.plot_predictions_figure, predictions.describe_predictions, found)
    (cells,) = predictions.neuron_table(found).rows
    assert cells[3] == "–"


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


def test_both_sides_of_the_control_are_counted_in_the_same_bins(shown):
    members, _ = experiment(shown, "transfer-like")
    found = transfer.query_transfer(members, []) | {"ordinary": None, "ordinary_corr": None}
    figure = drawn(lambda figure: transfer.plot_transfer(figure.subplots(), found), 5, 4)
    edges = [sorted({patch.get_x() for patch in bars}) for bars in figure.axes[0].containers]
    assert edges[0] == edges[1]


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


def test_the_best_row_is_of_the_model_of_the_lowest_validation_loss(shown):
    from schemas.training import TrainedModel

    best = rows.best_row(TrainedModel, shown["dataset"])
    assert best is not None
    assert best["val_loss"] == min(row["val_loss"] for row in rows.query_models(shown["dataset"]))
    assert rows.best_row(TrainedModel, "bare") is None


@pytest.mark.parametrize("colours", [style.COLOURS, style.KIND_COLOURS], ids=["series", "kinds"])
def test_colours_are_told_apart_without_red_or_green(colours):
    """Distances in CIELAB as those see them (Machado et al., IEEE TVCG 2009, severity 1); 10 can be mistaken."""
    kinds = {
        "all cones": np.eye(3),
        "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    }
    given = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.434, 0.376, 0.190], [0.213, 0.715, 0.072], [0.018, 0.109, 0.873]])  # of white: 1, 1, 1
    for kind, seen in kinds.items():
        x, y, z = np.cbrt(to_xyz @ np.clip(np.asarray(seen) @ linear.T, 1e-6, 1))
        lab = np.stack([116 * y, 500 * (x - y), 200 * (y - z)])
        apart = np.linalg.norm(lab[:, :, None] - lab[:, None], axis=0) + 1000 * np.eye(len(colours))
        assert apart.min() > 20, (kind, np.argwhere(apart < 20))


def test_a_figure_is_its_own_file_and_always_the_same():
    def draw(figure: Figure, count: int) -> None:
        figure.subplots().scatter(*np.random.default_rng(0).random((2, count)))

    small, again = (data_uri(drawn(lambda figure: draw(figure, 10), 4, 3)) for _ in range(2))
    assert small.startswith("data:image/svg+xml;base64,")
    assert small == again
    large = data_uri(drawn(lambda figure: draw(figure, 6000), 4, 3))
    assert large.startswith("data:image/png;base64,")
    assert len(large) < MAX_SVG
