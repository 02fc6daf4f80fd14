"""Configurations that train in a blink, and settings of in-silico experiments that take seconds.

Run as a program, this file is `hypercolumn` with those configurations added.
"""

from __future__ import annotations

from pipeline import cli, configs
from schemas import insilico

QUICK = configs.CONFIGS["cnn"].derived(
    "quick",
    "a few steps of a tiny network",
    core={"core": "cnn-4-4-4"},
    layers={"filter_size": [5, 3, 3], "num_filters": [4, 4, 4]},
    trainer={"trainer": "quick", "batch_size": 16, "val_steps": 2, "max_iter": 6},
)
QUICK_EQUIVARIANT = configs.CONFIGS["rotation-equivariant"].derived(
    "quick-equivariant",
    "the same with rotations",
    core={"core": "hermite-2-2-4", "num_rotations": 4},
    layers={"filter_size": [5, 3, 3], "num_filters": [2, 2, 4]},
    trainer={"trainer": "quick", "batch_size": 16, "val_steps": 2, "max_iter": 6},
)
ENDLESS = QUICK.derived(
    "endless", "trains until it is stopped", trainer={"trainer": "endless", "max_iter": None, "patience": 10**9}
)
# Of in-silico experiments, so that they take seconds.
SMALL_SETTINGS = {
    insilico.GradientRFParameters: {"num_images": 4},
    insilico.MEIParameters: {"num_starts": 2, "max_iter": 3},
    insilico.GaborParameters: {"place_step": 6, "num_sizes": 1, "num_phases": 2},
    insilico.SizeContrastParameters: {"num_sizes": 3, "num_contrasts": 2},
    insilico.PlaidParameters: {"num_contrasts": 2},
    insilico.ClusteringParameters: {"num_steps": 5, "max_clusters": 3, "num_splits": 1, "num_starts": 1},
}
LONGER = QUICK.derived(
    "longer", "long enough to be interrupted", trainer={"trainer": "longer", "max_iter": 400, "patience": 10**9}
)
ADDED = {named.config: named for named in (QUICK, QUICK_EQUIVARIANT, ENDLESS, LONGER)}

if __name__ == "__main__":
    configs.CONFIGS.update(ADDED)
    cli.main()
