"""Readouts of new recordings on the core of a trained model, which is not trained again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.named_config import NamedConfig
from pipeline.names import LONGEST
from pipeline.results import short_id
from pipeline.tasks import check_task, config_named, insert_task
from pipeline.training_sets import insert_named_set
from schemas.architecture import Core, ModelConfig, Readout
from schemas.training import Regularization, StoredCore, TrainerConfig, TrainingTask
from schemas.training.stored_core import core_sha256, weights_of_core
from schemas.training.trained_model import TrainedModel


def declare_on_core(
    training_set: str, origin: dict[str, Any], config: str | None, seed: int, called: str | None = None
) -> dict[str, Any]:
    """Declare the training of a readout on the core of the model of the key `origin`; gives the key of the task.

    config: the named configuration of readout, penalties and trainer; None for that of the origin.
    called: another name for the training set, where it is declared here.
    """
    if not TrainedModel & origin:
        raise UserError(
            f"model {short_id(origin)} is not trained yet; train it before a readout on its core is declared"
        )
    row, layers = _stored(origin)
    named = _configuration(origin, config, row, layers)
    stored = {f"origin_{name}": origin[name] for name in TrainedModel.primary_key}
    stored |= {"core": row["core"], "stored": datetime.now(UTC).replace(tzinfo=None)}

    def insert() -> dict[str, Any]:
        name = insert_named_set(training_set, called)
        check_task(name, named, seed)
        key = insert_task(name, named, seed)
        if not StoredCore & {"core": row["core"]}:
            StoredCore.insert1(stored)
        return key

    return all_or_nothing(insert)


def _stored(origin: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The row of the stored core, which may be there already, and its layers."""
    row = (Core & (ModelConfig & origin)).fetch1()
    if row["weights_sha256"] is not None:
        raise UserError(
            f"model {short_id(origin)} has itself a stored core, {row['core']!r}; name the model that it came from, "
            "which `hypercolumn show` tells"
        )
    columns = [name for name in Core.Layer.heading.names if name not in Core.Layer.primary_key]
    layers = (Core.Layer & {"core": row["core"]}).to_dicts(order_by="layer")
    digest = core_sha256(weights_of_core(TrainedModel & origin))
    row |= {"core": _name(row["core"], origin), "weights_sha256": digest}
    known = (Core & {"core": row["core"]}).to_arrays("weights_sha256")
    if len(known) and known[0] != digest:
        raise UserError(
            f"core {row['core']!r} was stored with other weights, of a model that was trained again since; delete its "
            "row in Core first"
        )
    return row, {column: [layer[column] for layer in layers] for column in columns}


def _configuration(
    origin: dict[str, Any], config: str | None, core: dict[str, Any], layers: dict[str, list[Any]]
) -> NamedConfig:
    if config is not None:
        base = config_named(config)
        parts = {"readout": base.readout, "regularization": base.regularization, "trainer": base.trainer}
    else:
        weights = (Regularization & origin).fetch1()
        parts = {
            "readout": (Readout & (ModelConfig & origin)).fetch1(),
            "regularization": {
                name: value for name, value in weights.items() if name not in ("regularization", "search_seed")
            },
            "trainer": (TrainerConfig & origin).fetch1(),
        }
    return NamedConfig(
        config=_name(config or origin["config"], origin),
        summary=f"a readout on the core of {short_id(origin)}",
        core=core,
        layers=layers,
        bounds={},
        **parts,
    )


def _name(name: str, origin: dict[str, Any]) -> str:
    """With the id of the origin behind it."""
    named = f"{name}@{short_id(origin)}"
    if len(named) > LONGEST:
        raise UserError(
            f"the name {named!r} would have {len(named)} characters; allowed are {LONGEST}, so {name!r} needs a "
            "shorter name"
        )
    return named


def origin_of(key: dict[str, Any]) -> dict[str, Any] | None:
    """The key of the trained model whose core the task of a key has; None where it has one of its own.

    Also None where that model is gone.
    """
    stored = StoredCore & (Core & (ModelConfig & (TrainingTask & key)))
    return stored.origin() if stored else None
