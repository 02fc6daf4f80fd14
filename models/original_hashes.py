"""The hashes by which the original names its models and trainings, and the seeds that it makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from models.random_search import SEEDS


def key_hash(values: Mapping[str, Any]) -> str:
    """The original's name of a row: 32 hexadecimal digits over the values, as text, in the order of their names."""
    joined = "".join(str(value) for _, value in sorted(values.items()))
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def search_seed(model_hash: str) -> int:
    """The seed of the search that the original made for a model."""
    return int(model_hash, 16) % SEEDS


def training_seed(log_hash: str) -> int:
    """The seed of the training that the original named `log_hash`: the text of its first four digits as a number."""
    return int.from_bytes(log_hash[:4].encode(), "big")
