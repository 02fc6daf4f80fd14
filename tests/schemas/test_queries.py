"""Every query of docs/how-to/queries.md runs as it stands there and says what the tables say in Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datajoint as dj
import pytest

from pipeline.tasks import declare_task
from schemas.architecture import Core, ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainingTask

DOCUMENT = (Path(__file__).parents[2] / "docs" / "how-to" / "queries.md").read_text()
QUERIES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```sql\n(.+?)^```", DOCUMENT, re.MULTILINE | re.DOTALL))

KEY = ("training_set", "config", "regularization", "trainer", "seed")  # of a trained model

Rows = list[dict[str, Any]]


def key_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in KEY}


def models() -> Rows:
    return TrainedModel.proj(..., "-weights").to_dicts()


def best_models() -> Rows:
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(models(), key=lambda row: row["val_loss"]):
        best.setdefault((row["training_set"], row["config"]), row)
    return list(best.values())


def over_seeds() -> Rows:
    scores = {"mean_test_corr": "avg(test_corr)", "lowest": "min(test_corr)", "highest": "max(test_corr)"}
    groups = dj.U("training_set", "config").aggr(TrainedModel.proj("test_corr"), num_models="count(*)", **scores)
    return groups.to_dicts()


def neurons() -> Rows:
    return (TrainedModel.Neuron & {"training_set": "tiny", "config": "quick"}).to_dicts()


def close_to_the_ceiling() -> Rows:
    def counted(key: dict) -> dict[str, int]:
        scores = TrainedModel.Neuron & key & "ceiling IS NOT NULL"
        return {"num_above": len(scores & "test_corr > 0.8 * ceiling"), "num_neurons": len(scores)}

    return [key | counted(key) for key in map(key_of, models())]


def explained() -> Rows:
    enough = TrainedModel.Neuron & "explainable_variance >= 0.15"
    scores = {"mean_feve": "avg(feve)", "num_neurons": "count(*)"}
    rows = dj.U(*KEY).aggr(enough.proj("feve"), **scores).to_dicts()
    for row in rows:
        assert row["mean_feve"] == pytest.approx((TrainedModel & key_of(row)).fetch1("feve"))
    return rows


def differences() -> Rows:
    one = TrainedModel.Neuron & {"training_set": "tiny", "config": "quick"}
    other = TrainedModel.Neuron & {"training_set": "tiny", "config": "quick-equivariant"}
    forget = {"other_config": "config", "other_regularization": "regularization", "other_trainer": "trainer"}
    both = one.proj("test_corr") * other.proj(**forget, other_test_corr="test_corr")
    return [row | {"difference": row["test_corr"] - row["other_test_corr"]} for row in both.to_dicts()]


def recordings() -> Rows:
    rows = Dataset.proj("num_neurons").to_dicts()
    return [
        row | {"num_silent": len(Dataset.Neuron & {"dataset_name": row["dataset_name"]} & "is_silent")} for row in rows
    ]


def curve() -> Rows:
    return (TrainedModel.Curve & {"training_set": "tiny", "config": "quick"}).to_dicts()


def layers() -> Rows:
    return (ModelConfig * Core * Core.Layer).to_dicts()


def origins() -> Rows:
    made = (TrainedModel.proj(..., "-weights") * TrainingSet.Member * Dataset.proj("content_sha256")).to_dicts()
    imported = {tuple(key_of(row).values()): row["log_hash"] for row in TrainedModel.Imported.to_dicts()}
    assert imported
    return [row | {"log_hash": imported.get(tuple(key_of(row).values()))} for row in made]


# Of each query: what DataJoint gives, the columns that tell its rows apart, and the number that orders them.
EXPECTED: dict[str, tuple[Callable[[], Rows], tuple[str, ...], str | None]] = {
    "Scores of all models": (models, ("training_set", "config", "seed", "val_loss"), "-test_corr"),
    "The best model of each configuration": (best_models, ("training_set", "config"), None),
    "Configurations over seeds": (over_seeds, ("training_set", "config"), None),
    "The neurons of a model": (neurons, ("seed", "neuron_id"), "seed"),
    "Neurons close to their ceiling": (close_to_the_ceiling, KEY, "-num_above"),
    "The explained fraction where there is something to explain": (
        explained,
        KEY,
        "-mean_feve",
    ),
    "Two configurations, neuron by neuron": (differences, ("seed", "neuron_id"), "-difference"),
    "Neurons of each recording": (recordings, ("dataset_name",), None),
    "The learning curve of a model": (curve, ("seed", "iteration"), "seed"),
    "The layers of a configuration": (layers, ("config", "layer"), None),
    "Where a model came from": (origins, ("training_set", "config", "seed", "started"), None),
}


@pytest.fixture(scope="module")
def removed(connection) -> Iterator[list[dict]]:
    """Keys of tasks that are deleted with all that came of them when the last query has run."""
    keys: list[dict] = []
    yield keys
    (TrainingTask & keys).delete(prompt=False)


@pytest.fixture
def several_models(trained, tiny, removed) -> None:
    """Beside the trained model one of another seed, which pretends to be imported, and one of another network."""
    if removed:
        return
    removed += [declare_task(tiny, "quick", 3), declare_task(tiny, "quick-equivariant", 0)]
    TrainedModel.populate(removed)
    origin = {"log_hash": "0" * 32, "variables_sha256": "0" * 64}
    TrainedModel.Imported.insert1(removed[0] | origin, allow_direct_insert=True)


def as_in_the_tests(sql: str) -> str:
    """The query for this database's schemas, recording and configurations."""
    names = {"'demo'": "'tiny'", "'rotation-equivariant'": "'quick'", "'cnn'": "'quick-equivariant'"}
    names["hypercolumn_"] = TrainedModel.database.removesuffix("training")
    for name, here in names.items():
        sql = sql.replace(name, here)
    return sql


def test_every_query_is_tested():
    assert list(QUERIES) == list(EXPECTED)
    assert DOCUMENT.count("```sql") == len(QUERIES)
    for sql in QUERIES.values():
        assert sql.count(";") == 1
        assert not set('`"%') & set(sql)


@pytest.mark.parametrize("heading", QUERIES)
def test_query(connection, several_models, heading):
    expected, key, order = EXPECTED[heading]
    found = [dict(row) for row in connection.query(as_in_the_tests(QUERIES[heading]), as_dict=True)]
    assert found
    wanted = [{name: row[name] for name in found[0]} for row in expected()]
    for row in found:
        if isinstance(row.get("versions"), str):  # as MySQL gives what PostgreSQL reads
            row["versions"] = json.loads(row["versions"])

    def identity(row: dict[str, Any]) -> list[str]:
        return [str(row[name]) for name in key]

    assert len({tuple(identity(row)) for row in found}) == len(found)
    for row, other in zip(sorted(found, key=identity), sorted(wanted, key=identity), strict=True):
        for name, value in other.items():
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), name
    if order is not None:
        sign = -1 if order.startswith("-") else 1
        numbers = [sign * row[order.removeprefix("-")] for row in found]
        assert numbers == sorted(numbers)
