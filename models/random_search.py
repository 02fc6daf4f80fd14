"""Random search over the weights of the penalties, with the hashes by which the original names its models.

A search needs nothing but a seed: every draw of every weight has a generator of its own. Source: Ecker et al.,
ICLR 2019, section 3.4, and the parameter tables of their code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

SEEDS = 2**32


def random_search(
    seed: int, bounds: Mapping[str, tuple[float, float]], num_draws: int = 32
) -> Iterator[tuple[int, dict[str, float]]]:
    """Draw each weight log-uniformly between its bounds; gives the seed of each draw with its weights.

    bounds: (lower, upper) by the name of the weight. Raises ValueError where they are not 0 < lower <= upper.
    """
    for name, (lower, upper) in bounds.items():
        if not 0 < lower <= upper:
            raise ValueError(f"bounds of {name} are {lower:g} to {upper:g}; allowed is 0 < lower <= upper")
    for i in range(num_draws):
        draw_seed = (seed + i) % SEEDS
        yield draw_seed, {name: _log_uniform(draw_seed, name, *limits) for name, limits in bounds.items()}


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


def _log_uniform(draw_seed: int, name: str, lower: float, upper: float) -> float:
    own = int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16)
    generator = np.random.RandomState((draw_seed + own) % SEEDS)
    return float(np.exp(generator.uniform(np.log(lower), np.log(upper))))
