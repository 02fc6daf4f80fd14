"""Experiments: partly trained ones for figures and reports, and what the tests declare, gone again afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datajoint as dj
import pytest

from experiment_rows import forget, tasks_of_experiments
from made_up_recordings import noise
from made_up_rows import made_up_rows
from models.recording import Recording
from pipeline import configs

AWKWARD = 'a <b>lab\'s</b> & "own" $\\frac$'  # a name that would break a page that does not escape it
EXPERIMENTS = ("fig3-like", "table-like", "transfer-like", "halves-like", "lonely", "untrained")
SOURCE = "Ecker et al., ICLR 2019, Fig. 2; 6,005 neurons of mouse V1"


@pytest.fixture(scope="module")
def shown(connection, recording) -> Iterator[dict[str, Any]]:
    """Experiments on a recording of six simulated neurons, and a model with in-silico rows.

    One neuron's model predicts nothing, so what is undefined of it is null. There is also a recording of one real
    neuron without repeats. Gives the names of the recordings and the key of the model.
    """
    from pipeline.datasets import add_recording
    from pipeline.parts import Part
    from pipeline.tasks import declare_task
    from pipeline.training_sets import insert_part
    from schemas.dataset import Dataset, TrainingSet
    from schemas.experiment import Experiment
    from schemas.training import TrainedModel

    add_recording("shown", recording)
    add_recording("alone", _alone(recording))
    add_recording("bare", _alone(recording))

    def training(seed: int = 0, config: str = "shown-equivariant", part: Part | None = None, **changes: Any) -> dict:
        named = _named(config, **changes)
        return declare_task(insert_part("shown", part) if part else "shown", named, seed)

    best = training()
    readout = {"readout": "shown-transfer", "readout_class": "SpatialXFeatureJointL1TransferReadout", "k_transfer": 2}
    transfer = training(config="shown-transfer", readout=readout)
    halves = [training(part=Part(num_parts=2, part=part)) for part in (1, 2)]
    quarter = training(part=Part(trials_per_mille=250))
    draws = [best, training(seed=1), training(seed=2)]
    unfinished = [training(seed=3), training(seed=4)]
    alone = declare_task("alone", _named("shown-equivariant"), 0)
    TrainedModel.populate([*draws, transfer, *halves, quarter, alone])

    by_share = [("25 %", 25, [quarter]), ("50 %", 50, halves[:1]), ("100 %", 100, draws + unfinished[:1])]
    _experiment("fig3-like", [("equivariant", *point) for point in by_share], "training trials (per cent)")
    _experiment("table-like", [("models", "main", None, draws), ("models", AWKWARD, None, [transfer])])
    _experiment("transfer-like", [("models", "transfer", None, [transfer]), ("models", "all", None, draws[:1])])
    _experiment("halves-like", [("halves", f"half {i}", None, [half]) for i, half in enumerate(halves, start=1)])
    _experiment("lonely", [("models", "one neuron", None, [alone])])
    _experiment("untrained", [("models", "later", None, unfinished)])
    _insert_published("fig3-like")
    _insert_published("table-like")
    made_up_rows(best)
    yield {"dataset": "shown", "alone": "alone", "bare": "bare", "key": best, "alone_key": alone}
    recordings = [{"dataset_name": name} for name in ("shown", "alone", "bare")]
    parts = (TrainingSet.Member & recordings).to_arrays("training_set")  # now: parts are deleted before their master
    (Experiment & [{"experiment_name": name} for name in EXPERIMENTS]).delete(prompt=False)
    (TrainingSet & [{"training_set": name} for name in parts]).delete(prompt=False)
    (Dataset & recordings).delete(prompt=False)


@pytest.fixture(scope="module")
def wide_recording(connection) -> Iterator[str]:
    """A recording that is just large enough for the paper's configurations."""
    from pipeline.datasets import add_recording
    from pipeline.experiments.declare import MIN_IMAGES
    from schemas.dataset import Dataset, TrainingSet

    add_recording("wide", noise(MIN_IMAGES))
    yield "wide"
    (TrainingSet & {"training_set": "wide"}).delete(prompt=False)
    (Dataset & {"dataset_name": "wide"}).delete(prompt=False)


@pytest.fixture
def wide(wide_recording) -> Iterator[str]:
    """The same, without trainings afterwards."""
    yield wide_recording
    forget(wide_recording)


@pytest.fixture
def declare(tiny, quick, trained) -> Iterator[Callable[[str, int], dict[str, Any]]]:
    """Declare tasks that go when the test ends, and their jobs with them; one other training is done."""
    from pipeline.tasks import declare_task
    from schemas.training import SavedState, TrainedModel, TrainingTask

    keys = []

    def declare(config: str, seed: int) -> dict[str, Any]:
        keys.append(declare_task(tiny, config, seed))
        return keys[-1]

    TrainedModel.jobs.delete()
    yield declare
    (SavedState & keys).discard()
    for key in keys:
        (TrainingTask & key).delete(prompt=False)
    TrainedModel.jobs.delete()


@pytest.fixture
def counts(declare) -> Callable[[], dict[str, int]]:
    """How far the trainings of a test are, with the one that is done; without what other tests have left."""
    from pipeline.work import status
    from schemas.training import TrainedModel, TrainingTask

    others = {"declared": len(TrainingTask()) - 1, "done": len(TrainedModel()) - 1}

    def count() -> dict[str, int]:
        row = {name: number for name, number in status.table_status()[0].items() if name != "table"}
        return row | {name: row[name] - number for name, number in others.items()}

    return count


@pytest.fixture
def state_left(trained, store) -> Path:
    """The file of a saved state whose training has ended: its process was killed before it could remove it."""
    from schemas.training import SavedState, TrainedModel

    row = (TrainedModel & trained).fetch1()
    copied = {name: row[name] for name in SavedState.heading.names if name in row}
    SavedState.insert1(copied | {"steps_taken": 1, "state": row["weights"].load()})
    return store / (SavedState & trained).fetch1("state").path


@pytest.fixture
def other(connection) -> Iterator[dj.Connection]:
    """A connection beside that of the tests."""
    info = connection.conn_info
    words = [info[name] for name in ("host", "user", "passwd", "port", "ssl_input")]
    one = dj.Connection(*words, database_name=info["database_name"], config_override=connection._config)
    yield one
    one.close()


@pytest.fixture
def tidy(connection) -> Iterator[None]:
    """Nothing of an experiment is left afterwards."""
    from schemas.architecture import Core, ModelConfig, Readout
    from schemas.experiment import Experiment
    from schemas.insilico import InSilicoTask
    from schemas.training import TrainedModel, TrainerConfig, TrainingTask

    tables = (ModelConfig, Core, Readout, TrainerConfig)
    before = [table.proj().to_dicts() for table in tables]
    yield
    tasks = tasks_of_experiments()
    for table in (Experiment.Member, Experiment.Published, Experiment):
        table().delete_quick()
    if trained := (TrainedModel & tasks).proj().to_dicts():
        (TrainingTask & trained).delete(prompt=False)
    for table in (InSilicoTask, TrainingTask):
        (table & tasks).delete_quick()
    for table, known in zip(tables, before, strict=True):
        new = [row for row in table.proj().to_dicts() if row not in known]
        if table is Core:
            (Core.Layer & new).delete_quick()
        (table & new).delete_quick()


@pytest.fixture
def written(tmp_path) -> Callable[[str | bytes], Path]:
    """Write an experiment's YAML file; gives its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "own.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def _alone(recording: Recording) -> Recording:
    """One neuron of it, of which nothing is known, each test image shown once."""
    return Recording(
        **{f"{split}_images": getattr(recording, f"{split}_images") for split in ("train", "validation", "test")},
        train_responses=recording.train_responses[:, :1],
        validation_responses=recording.validation_responses[:, :1],
        test_responses=recording.test_responses[:1, :, :1],
    )


def _named(config: str, **changes: Any) -> configs.NamedConfig:
    return configs.CONFIGS["rotation-equivariant"].derived(
        config,
        "a few steps of a tiny network",
        core={"core": "shown-2-2-5", "num_rotations": 4},
        layers={"filter_size": [5, 3, 3], "num_filters": [2, 2, 5]},
        trainer={"trainer": "shown", "batch_size": 12, "val_steps": 2, "max_iter": 4},
        **changes,
    )


def _experiment(name: str, points: list[tuple[str, str, float | None, list[dict]]], axis: str | None = None) -> None:
    from schemas.experiment import Experiment

    Experiment.insert1({"experiment_name": name, "summary": f"What {AWKWARD} asks", "axis": axis})
    for position, (series, label, value, keys) in enumerate(points, start=1):
        point = {"series": series, "label": label, "value": value, "position": position, "family": "own"}
        Experiment.Member.insert({"experiment_name": name, **point, **key} for key in keys)


def _insert_published(name: str) -> None:
    from schemas.experiment import Experiment

    series = (Experiment.Member & {"experiment_name": name}).to_dicts(limit=1)[0]["series"]
    row = {"experiment_name": name, "series": series, "source": SOURCE, "test_corr_sd": None, "val_loss": None}
    Experiment.Published.insert(
        [
            row | {"label": "theirs", "value": 8.0, "position": 1, "test_corr": 0.454, "val_loss": 3664.3},
            row | {"label": "no member", "value": 12.0, "position": 9, "test_corr": 0.471, "test_corr_sd": 0.005},
            row | {"series": "weights", "label": "a share", "value": 0.62, "position": 1, "test_corr": None},
        ]
    )
