"""Figures of the scores of neurons: predictions, halves, the transfer control, the demo."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from drawn_figures import check
from pipeline.figures import demo, halves, predictions, rows, transfer
from pipeline.figures.experiments import query_members
from pipeline.figures.style import drawn


def test_transfer_control(shown):
    members = query_members("transfer-like", shown["dataset"])
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


def test_both_sides_of_the_control_are_counted_in_the_same_bins(shown):
    members = query_members("transfer-like", shown["dataset"])
    found = transfer.query_transfer(members, []) | {"ordinary": None, "ordinary_corr": None}
    figure = drawn(lambda figure: transfer.plot_transfer(figure.subplots(), found), 5, 4)
    edges = [sorted({patch.get_x() for patch in bars}) for bars in figure.axes[0].containers]
    assert edges[0] == edges[1]


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
    members = query_members("halves-like", shown["dataset"])
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


def test_the_best_row_is_of_the_model_of_the_lowest_validation_loss(shown):
    from schemas.training import TrainedModel

    best = rows.best_row(TrainedModel, shown["dataset"])
    assert best is not None
    assert best["val_loss"] == min(row["val_loss"] for row in rows.query_models(shown["dataset"]))
    assert rows.best_row(TrainedModel, "bare") is None
