"""Cores that are not trained: they have the weights of a trained model, and only readouts are fitted to them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import datajoint as dj

from schemas.architecture import Core, ModelConfig
from schemas.training.schema import schema
from schemas.training.trained_model import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor


class StoredCoreError(Exception):
    """The weights of a stored core are not there any more, or are others."""


@schema
class StoredCore(dj.Manual):
    definition = """
    # Where the weights of a core came from that is not trained
    -> Core
    ---
    -> TrainedModel.proj(origin_training_set='training_set', origin_config='config', origin_regularization='regularization', origin_trainer='trainer', origin_seed='seed')
    stored      : datetime      # UTC
    """  # noqa: E501 - DataJoint takes a foreign key on one line

    def origin(self) -> dict[str, Any]:
        """The key of the trained model that the one core that is left came from."""
        row = self.fetch1()
        return {name: row[f"origin_{name}"] for name in TrainedModel.primary_key}


def core_weights(key: dict[str, Any]) -> dict[str, Tensor] | None:
    """The weights of the core of the task of this key where it is a stored one, None where it is to be trained.

    Raises StoredCoreError where they are not those that the core was stored with.
    """
    core, sha256 = (Core & (ModelConfig & key)).fetch1("core", "weights_sha256")
    if sha256 is None:
        return None
    stored = StoredCore & {"core": core}
    if not stored:
        raise StoredCoreError(
            f"the weights of the stored core {core!r} are gone with the trained model that it came from; train that "
            "model again and store its core again, or choose another core"
        )
    weights = weights_of_core(TrainedModel & stored.origin())
    if core_sha256(weights) != sha256:
        raise StoredCoreError(
            f"the trained model that the stored core {core!r} came from has other weights now; store its core under "
            "another name"
        )
    return weights


def weights_of_core(model: dj.Table) -> dict[str, Tensor]:
    """Of the one trained model that is left."""
    weights = model.fetch1("weights").load()
    return {name.removeprefix("core."): tensor for name, tensor in weights.items() if name.startswith("core.")}


def core_sha256(weights: dict[str, Tensor]) -> str:
    """Over names, types, shapes and values of all tensors of a core, the averages of its batch norm included."""
    import safetensors.torch

    ordered = {name: weights[name].contiguous() for name in sorted(weights)}
    return hashlib.sha256(safetensors.torch.save(ordered)).hexdigest()
