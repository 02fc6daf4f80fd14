"""Random search over the weights of the penalties.

A search needs nothing but a seed: every draw of every weight has a generator of its own. Source: Ecker et al.,
ICLR 2019, section 3.4, and the parameter tables of their code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

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


def _log_uniform(draw_seed: int, name: str, lower: float, upper: float) -> float:
    own = int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16)
    generator = np.random.RandomState((draw_seed + own) % SEEDS)
    return float(np.exp(generator.uniform(np.log(lower), np.log(upper))))
