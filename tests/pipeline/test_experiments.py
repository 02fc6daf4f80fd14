"""The built-in experiments as rows: both families, the paper's numbers, searches, and parts of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from models.recording import Recording
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
from pipeline.training_sets import Part, insert_part, num_images
from schemas.architecture import ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.insilico import InSilicoTask
from schemas.training import Regularization, TrainingTask

FAMILIES = ("paper", "small")


def noise(num_train: int, name: str) -> str:
    """Declare a recording without any structure, of two neurons and images of 8 x 8 pixels."""
    generator = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return generator.integers(0, 256, (count, 8, 8), dtype=np.uint8)

    def responses(*shape: int) -> np.ndarray:
        return generator.gamma(1.0, size=(*shape, 2)).astype(np.float32)

    recording = Recording(
        train_images=images(num_train),
        train_responses=responses(num_train),
        validation_images=images(4),
        validation_responses=responses(4),
        test_images=images(4),
        test_responses=responses(2, 4),
    )
    add_recording(name, recording)
    return name


def forget(dataset: str) -> None:
    """All experiments, and what is declared for the recording; table by table, which is quicker than a cascade."""
    sets = (TrainingSet.Member & {"dataset_name": dataset}).proj().to_dicts()
    names = [{"training_set": row["training_set"]} for row in sets]
    for table in (Experiment.Member, Experiment.Published, Experiment):
        table().delete_quick()
    for table in (InSilicoTask, TrainingTask):
        (table & names).delete_quick()
    parts = [name for name in names if name["training_set"] != dataset]
    for table in (TrainingSet.Member, TrainingSet):
        (table & parts).delete_quick()


@pytest.fixture(scope="module")
def recorded(connection) -> Iterator[str]:
    """A recording that is just large enough for the paper's configurations."""
    yield noise(MIN_IMAGES, "wide")
    (TrainingSet & {"training_set": "wide"}).delete(prompt=False)
    (Dataset & {"dataset_name": "wide"}).delete(prompt=False)


@pytest.fixture
def wide(recorded) -> Iterator[str]:
    """The same, without trainings afterwards."""
    yield recorded
    forget(recorded)


def members(experiment: str, dataset: str) -> list[dict]:
    query = Experiment.Member * ModelConfig * TrainingSet.Member & {"dataset_name": dataset}
    return (query & {"experiment_name": experiment}).to_dicts(order_by=["position", "seed"])


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
        noise(MIN_IMAGES - 1, "narrow")
        assert declare(BUILT_IN["fig2"], "narrow", dry_run=True).family == "small"
        assert declare(BUILT_IN["fig2"], "narrow", family="paper", dry_run=True).family == "paper"
    finally:
        (TrainingSet & {"training_set": "narrow"}).delete(prompt=False)
        (Dataset & {"dataset_name": "narrow"}).delete(prompt=False)


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
        "'wide@125' has 320 training images, fewer than one batch of 'paper-cnn-128', 500; choose a configuration with "
        "smaller batches, or a larger recording"
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


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Part(), "wide"),
        (Part(subset_seed=7), "wide"),
        (Part(trials_per_mille=125), "wide@125"),
        (Part(trials_per_mille=333, subset_seed=7), "wide@333@seed-7"),
        (Part(num_parts=2, part=2), "wide@half-2"),
        (Part(num_parts=3, part=1), "wide@part-1-of-3"),
        (Part(num_parts=3, part=2, trials_per_mille=501), "wide@part-2-of-3@501"),
    ],
)
def test_parts(wide, part, name):
    assert part.name(wide) == name
    if part == Part(subset_seed=7):
        return
    assert insert_part(wide, part) == insert_part(wide, part) == name
    recording = (TrainingSet & {"training_set": name}).load()
    assert len(recording.train_images) == num_images(name)
    assert len(TrainingSet.Member & {"training_set": name}) == 1


def test_halves_are_disjoint(wide):
    halves = [insert_part(wide, Part(num_parts=2, part=part)) for part in (1, 2)]
    one, two = ((TrainingSet & {"training_set": half}).load().train_images for half in halves)
    together = np.concatenate([one, two]).reshape(MIN_IMAGES, -1)
    assert len(np.unique(together, axis=0)) == MIN_IMAGES


def test_parts_that_cannot_be(wide):
    with pytest.raises(UserError, match="would have a name of 66 characters; allowed are 64"):
        insert_part("n" * 62, Part(trials_per_mille=125))
    TrainingSet.insert1({"training_set": "wide@125"})
    TrainingSet.Member.insert1({"training_set": "wide@125", "dataset_name": "wide", "trials_per_mille": 124})
    with pytest.raises(UserError, match="training set 'wide@125' is in this database with other trials"):
        insert_part(wide, Part(trials_per_mille=125))


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
