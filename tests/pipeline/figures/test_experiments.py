"""Figures and tables of experiments: their points, series and comparisons, with published numbers and without."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from drawn_figures import check, words
from pipeline.figures import comparison, experiments, learning_curves, rows, series, tables
from pipeline.figures.style import drawn
from pipeline.report.sections import experiment as experiment_sections

AXIS = "training trials (per cent)"


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


def test_table_as_html(shown):
    members, published = experiment(shown, "table-like")
    table = comparison.comparison_table(
        experiments.table_rows(members, published), "A & B", {members[0]["id"]: "there"}
    )
    html = table._repr_html_()
    assert "<caption><span>A &amp; B</span></caption>" in html
    assert '<th scope="row">a &lt;b&gt;lab&#39;s&lt;/b&gt; &amp; &#34;own&#34; $\\frac$</th>' in html
    assert html.count("<tr") == 1 + len(table.rows) == 4
    assert "<td>theirs</td>" in html
    assert str(tables.Link("text", "anchor")) == "text"


def test_learning_curves(shown):
    members, _ = experiment(shown, "fig3-like")
    curves = learning_curves.query_curves(members)
    assert {curve["id"] for curve in curves} == {row["id"] for row in members if row["trained"]}
    assert all(len(curve["val_corr"]) == len(curve["iteration"]) > 0 for curve in curves)
    check(learning_curves.plot_curves, learning_curves.describe_curves, curves)
    said = words(drawn(lambda figure: learning_curves.plot_curves(figure, []), 8, 4))
    assert said == ["No learning curve: nothing is trained yet, or the models were imported."]


def test_of_too_many_learning_curves_the_best_of_each_group_are_drawn(shown, monkeypatch):
    monkeypatch.setattr(learning_curves, "MOST", 4)
    members, _ = experiment(shown, "fig3-like")
    trained = [row for row in members if row["trained"]]
    whole = sorted((row for row in trained if row["label"] == "100 %"), key=lambda row: row["val_loss"])
    assert len(whole) == 3
    curves = learning_curves.query_curves(members)
    assert [curve["id"] for curve in curves] == [row["id"] for row in trained if row is not whole[-1]]
    said = "the 4 of 5 trainings with the lowest validation loss"
    assert said in words(drawn(lambda figure: learning_curves.plot_curves(figure, curves), 8, 4))
    assert said in learning_curves.describe_curves(curves)


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
