"""The paper's numbers stand beside the experiments that they belong to."""

from __future__ import annotations

import pytest

from experiment_rows import members
from pipeline.experiments import BUILT_IN, declare
from schemas.experiment import Experiment


def published(experiment: str, series: str, *columns: str) -> dict:
    rows = (Experiment.Published & {"experiment_name": experiment, "series": series}).to_dicts(order_by="position")
    return {row["label"]: tuple(row[column] for column in columns) for row in rows}


def test_published_values(wide):
    for name in ("table1", "fig2", "fig3", "shared-biases", "transfer"):
        declare(BUILT_IN[name], wide, family="small")
    assert published("table1", "rotation-equivariant", "val_loss", "test_corr", "test_corr_sd", "position") == {
        "16 features x 8 orientations": (3636.6, 0.471, 0.005, 1),
        "16 features x 8 orientations, dense weights": (3675.5, 0.430, 0.021, 2),
        "16 features x 8 orientations, positive weights": (3686.5, 0.429, 0.006, 3),
    }
    assert published("table1", "CNN", "val_loss", "test_corr", "test_corr_sd", "position") == {
        "32-32-32": (3745.6, 0.394, 0.009, 4),
        "64-64-64": (3736.2, 0.394, 0.006, 5),
        "128-128-128": (3717.1, 0.418, 0.008, 6),
        "128-128-256": (3722.9, 0.415, 0.009, 7),
    }
    assert published("table1", "ceiling", "test_corr") == {"mean over neurons": (0.83,)}
    assert list(published("table1", "feature weights", "value").values()) == [
        (0.62,),
        (0.74,),
        (0.97,),
        (0.51,),
        (0.89,),
    ]
    fig2 = {
        8: (0.454, 3664.3), 12: (0.454, 3649.5), 16: (0.472, 3635.8), 20: (0.477, 3627.9), 24: (0.475, 3635.3),
        28: (0.482, 3626.3), 32: (0.477, 3627.4), 40: (0.486, 3617.1), 48: (0.485, 3622.9),
    }  # fmt: skip
    shared = {16: (0.464, 3642.6), 32: (0.477, 3623.3), 48: (0.482, 3619.3)}
    positive = {16: 0.429, 20: 0.420, 24: 0.441, 28: 0.433, 32: 0.434, 40: 0.434, 48: 0.447}
    columns = ("value", "test_corr", "val_loss")
    assert list(published("fig2", "rotation-equivariant", *columns).values()) == [
        (n, *both) for n, both in fig2.items()
    ]
    assert list(published("fig2", "shared biases", *columns).values()) == [(n, *both) for n, both in shared.items()]
    assert list(published("fig2", "positive weights", *columns).values()) == [(n, c, None) for n, c in positive.items()]
    assert list(published("shared-biases", "shared biases", *columns).values()) == [
        (n, *both) for n, both in shared.items()
    ]
    assert list(published("shared-biases", "separate biases", *columns).values()) == [(n, *fig2[n]) for n in shared]
    fig3 = {"CNN": (0.12, 0.18, 0.31, 0.40), "rotation-equivariant": (0.12, 0.215, 0.39, 0.47)}
    for series, found in fig3.items():
        assert list(published("fig3", series, "test_corr", "value").values()) == list(
            zip(found, (12.5, 25, 50, 100), strict=True)
        )
    assert len(Experiment.Published & {"experiment_name": "transfer"}) == 0
    assert len(Experiment.Published()) == 13 + 19 + 8 + 6
    assert not Experiment.Published & "source NOT LIKE 'Ecker et al., ICLR 2019%6,005 neurons of mouse V1%'"


@pytest.mark.parametrize("name", ["table1", "fig2", "fig3", "shared-biases"])
def test_every_point_of_the_paper_has_its_published_value(wide, name):
    declare(BUILT_IN[name], wide, family="paper")
    places = ("series", "label", "value", "position")
    known = {tuple(row[place] for place in places) for row in Experiment.Published.to_dicts()}
    assert {tuple(row[place] for place in places) for row in members(name, wide)} <= known
