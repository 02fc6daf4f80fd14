"""The built-in experiments as rows: both families, searches, and what is declared twice or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiment_rows import members
from made_up_recordings import noise
from pipeline import configs
from pipeline.configs import CONFIGS
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.experiments import BUILT_IN, declare
from pipeline.experiments.declare import MIN_IMAGES
from pipeline.experiments.operations import operations
from pipeline.published import PUBLISHED
from pipeline.published_search import published_search
from pipeline.tasks import content_hash, declare_task
from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.insilico import InSilicoTask
from schemas.training import Regularization, TrainingTask

FAMILIES = ("paper", "small")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_every_experiment_as_rows(wide, name, family):
    design = BUILT_IN[name]
    declared = declare(design, wide, family=family, seeds=[3, 4])
    rows = members(name, wide)
    points = design.families[family]
    assert len(declared.trainings) == len(rows) == 2 * len(points)
    assert [(row["seed"], row["family"]) for row in rows] == [(3, family), (4, family)] * len(points)
    for position, point in enumerate(points, start=1):
        for row in rows[2 * position - 2 : 2 * position]:
            shown = (row["series"], row["label"], row["value"], row["position"])
            assert shown == (point.series, point.label, point.value, position)
            assert row["training_set"] == point.part.name(wide)
            assert (row["trials_per_mille"], row["part"]) == (point.part.trials_per_mille, point.part.part)
            assert (row["config"], row["trainer"]) == (point.named.config, point.named.trainer["trainer"])
            assert row["regularization"] == content_hash(point.named.weights)
            asked = (InSilicoTask & {key: row[key] for key in TrainingTask.primary_key}).to_dicts()
            assert [task["protocol"] for task in asked] == ([point.protocol] if point.protocol else [])
    assert (Experiment & {"experiment_name": name}).fetch1("summary", "axis") == (design.summary, design.axis)


def test_which_models_go_through_everything():
    for family, named in (("paper", "paper"), ("small", "rotation-equivariant")):
        full = {
            (name, point.named.config, point.part.trials_per_mille)
            for name, design in BUILT_IN.items()
            for point in design.families[family]
            if point.protocol == "full"
        }
        assert full == {(name, named, 1000) for name in ("table1", "fig3", "demo")}
    points = [point for design in BUILT_IN.values() for family in FAMILIES for point in design.families[family]]
    assert all((point.protocol is None) == ("cnn" in point.named.config) for point in points)


def test_families_are_alike():
    """As many points in the same series; so many of the maps as the paper's have of the main model's."""
    for name, design in BUILT_IN.items():
        paper, small = (design.families[family] for family in FAMILIES)
        assert [point.series for point in paper] == [point.series for point in small]
        assert [point.part for point in paper] == [point.part for point in small]
        for big, little in zip(paper, small, strict=True):
            assert maps(big.named, 128) == maps(little.named, 64), (name, little.label)
            assert big.named.readout == little.named.readout
    features = [point.value for point in BUILT_IN["fig2"].families["small"]]
    assert (
        features
        == [4, 6, 8, 10, 12, 14, 16, 20, 24]
        == [point.value / 2 for point in BUILT_IN["fig2"].families["paper"]]
    )


def maps(named, main: int) -> float:
    return named.layers["num_filters"][-1] * (named.core["num_rotations"] or 1) / main


@pytest.mark.parametrize("named", configs.SMALL, ids=lambda named: named.config)
def test_small_configurations_can_be_searched(named):
    assert named.search_bounds.keys() == named.weights.keys()
    for name, (low, high) in named.search_bounds.items():
        assert low * high == pytest.approx(named.weights[name] ** 2)


def test_the_default_family_goes_by_the_number_of_images(wide, connection):
    assert declare(BUILT_IN["fig2"], wide, dry_run=True).family == "paper"
    assert declare(BUILT_IN["demo"], wide, dry_run=True).family == "small"
    try:
        add_recording("narrow", noise(MIN_IMAGES - 1))
        assert declare(BUILT_IN["fig2"], "narrow", dry_run=True).family == "small"
        assert declare(BUILT_IN["fig2"], "narrow", family="paper", dry_run=True).family == "paper"
    finally:
        (TrainingSet & {"training_set": "narrow"}).delete(prompt=False)
        (Dataset & {"dataset_name": "narrow"}).delete(prompt=False)


def test_declaring_again_adds_nothing(wide, snapshot):
    first = declare(BUILT_IN["fig3"], wide, family="paper")
    assert first.num_new == len(first.trainings) == 8
    before = snapshot()
    again = declare(BUILT_IN["fig3"], wide, family="paper")
    assert (again.num_new, [one.key for one in again.trainings]) == (0, [one.key for one in first.trainings])
    assert snapshot() == before
    both = declare(BUILT_IN["fig3"], wide, family="paper", seeds=[0, 1, 1])
    assert (both.num_new, len(both.trainings)) == (8, 16)


def test_what_another_experiment_declared_is_not_declared_twice(wide):
    declare_task(wide, "paper", 0)
    declare(BUILT_IN["table1"], wide, family="paper")
    assert declare(BUILT_IN["fig2"], wide, family="paper").num_new == 8
    key = {"config": "paper", "training_set": wide, "seed": 0}
    assert set((Experiment.Member & key).to_arrays("experiment_name")) == {"table1", "fig2"}


def test_dry_run_writes_nothing(wide, snapshot):
    before = snapshot()
    for name, design in BUILT_IN.items():
        for family in FAMILIES:
            dry = declare(design, wide, family=family, num_draws=2 if name == "table1" else None, dry_run=True)
            assert dry.num_new == len(dry.trainings) == len(design.families[family]) * (2 if name == "table1" else 1)
    assert snapshot() == before


def test_a_search_makes_the_draws_of_the_paper(wide):
    declared = declare(BUILT_IN["table1"], wide, num_draws=3)
    rows = members("table1", wide)
    assert (declared.num_in_silico, len(rows), len(InSilicoTask & {"training_set": wide})) == (0, 21, 0)
    for point in BUILT_IN["table1"].families["paper"]:
        drawn = {row["regularization"] for row in rows if row["label"] == point.label}
        assert drawn == {content_hash(draw) for _, draw in published_search(point.named, 3)}
        bounds = (Regularization.Bound & [{"regularization": one} for one in drawn]).to_dicts()
        assert {(row["weight"], (row["lower"], row["upper"])) for row in bounds} == set(
            point.named.search_bounds.items()
        )
    assert declare(BUILT_IN["table1"], wide, num_draws=4).num_new == 7


def test_all_or_nothing(wide, snapshot, monkeypatch):
    """An eighth of few images is less than a batch, which shows only after other rows went in."""
    before = snapshot()
    large = {"trainer": "large", "batch_size": 500}
    points = tuple(
        replace(point, named=point.named.derived(point.named.config, "", trainer=large))
        for point in reversed(BUILT_IN["fig3"].families["paper"])
    )
    with pytest.raises(UserError) as refused:
        declare(replace(BUILT_IN["fig3"], families={"paper": points}), wide)
    assert str(refused.value) == (
        "training set 'wide@125' has 320 training images, fewer than one batch of 'paper-cnn-128', 500; choose a "
        "configuration with smaller batches, or a larger recording"
    )
    assert snapshot() == before


def test_labels_are_brought_up_to_date_and_never_shared(wide):
    one, two = BUILT_IN["demo"].families["small"]

    def rows(*points):
        declare(replace(BUILT_IN["demo"], families={"small": points}), wide)
        return [(row["label"], row["config"], row["position"]) for row in members("demo", wide)]

    rows(one, two)
    swapped = rows(replace(two, series=one.series, label=one.label), replace(one, series=two.series, label=two.label))
    assert swapped == [(one.label, two.named.config, 1), (two.label, one.named.config, 2)]
    with pytest.raises(UserError, match=r"'8 features x 8 orientations' of experiment 'demo' is on 'wide' already, as"):
        rows(replace(one, named=CONFIGS["rotation-equivariant-16"]))
    with pytest.raises(UserError, match="'a' and 'b' of experiment 'demo' are one and the same training"):
        rows(replace(one, label="a"), replace(one, label="b"))


def test_operations():
    """Of a layer of 3 x 3 pixels and two of 1 x 1: 4 x 4 maps, the rest by hand."""
    layers = {
        "filter_size": [3, 1, 1], "num_filters": [2, 3, 5], "stride": [2, 1, 1], "rate": [1, 1, 1],
        "padding": ["SAME", "VALID", "SAME"],
    }  # fmt: skip
    by_hand = 9 * 2 * 16 + 2 * 3 * 16 + 3 * 5 * 16 + 5 * 16 * 7
    assert operations(layers, None, 8, 8, 7) == by_hand
    turned = 9 * 2 * 4 * 16 + (2 * 3 + 3 * 5) * 16 * 16 + 5 * 4 * 16 * 7
    assert operations(layers, 4, 8, 8, 7) == turned


def test_paper_models_without_a_published_draw_have_that_of_their_twin():
    shared = {
        point.value: point.named for point in BUILT_IN["shared-biases"].families["paper"] if "shared" in point.series
    }
    published_weights = {one.named.config: one.named.regularization for one in PUBLISHED}
    assert {n: named.regularization for n, named in shared.items()} == {
        16: published_weights["paper"], 32: published_weights["paper-32"], 48: published_weights["paper-48"],
    }  # fmt: skip
    assert all(named.core["shared_biases"] for named in shared.values())
