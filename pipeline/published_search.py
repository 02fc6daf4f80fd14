"""The random searches of the paper's authors, link by link from the settings of a model to its log hash.

The original names its rows by hashes over their values; a model's name seeds the search for the weights of its
penalties, and the name of each draw seeds its training. So all follows from the settings.
"""

from __future__ import annotations

from typing import Any

from models.original_hashes import key_hash, search_seed
from models.random_search import random_search
from pipeline.named_config import NamedConfig

DATA_HASH = key_hash({"data": 0})  # of the one recording that the paper uses
TYPES = {  # of the cores that the original has; others have their own names
    "StackedRotEquiHermiteConv2dCore": "ThreeLayerRotEquiHermiteConv2d",
    "StackedConv2dCore": "ThreeLayerConv2d",
}


def model_hash(named: NamedConfig) -> str:
    """The original's name of a model, over its core, its readout and the bounds of its search."""
    core = _limits(named, "conv_smooth_weight", "conv_sparse_weight")
    core |= {name: value for name, value in named.core.items() if name not in ("core", "core_class")}
    core["core_type"] = TYPES.get(named.core["core_class"], named.core["core_class"])
    for name, values in named.layers.items():
        core |= {f"{name}_{i}": f"{value:g}" if isinstance(value, float) else value for i, value in enumerate(values)}
    weights = [weight for weight in named.search_bounds if not weight.startswith("conv_")]
    readout = _limits(named, *weights)
    readout |= {name: value for name, value in named.readout.items() if name not in ("readout", "readout_class")}
    readout["readout_type"] = named.readout["readout_class"].removesuffix("Readout")
    hashes = {"core_hash": _hash_of_given(core), "readout_hash": _hash_of_given(readout)}
    return key_hash({"model_type": "CorePlusReadout"} | hashes)


def published_search(named: NamedConfig, num_draws: int = 32) -> list[tuple[str, dict[str, float]]]:
    """The draws that the original made for a model: the log hash and the weights of each."""
    hashed = model_hash(named)
    return [
        (key_hash({"model_hash": hashed, "reg_seed": seed, "data_hash": DATA_HASH}), draw)
        for seed, draw in random_search(search_seed(hashed), named.search_bounds, num_draws)
    ]


def _limits(named: NamedConfig, *weights: str) -> dict[str, Any]:
    lower = {f"{weight}_min": named.search_bounds[weight][0] for weight in weights}
    return lower | {f"{weight}_max": named.search_bounds[weight][1] for weight in weights}


def _hash_of_given(values: dict[str, Any]) -> str:
    return key_hash({name: value for name, value in values.items() if value is not None})
