"""`hypercolumn` with a configuration of short trainings, which notes each that was computed to its end.

The file that notes them is named by CHAOS_NOTES.
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline import cli, configs
from schemas.training import TrainedModel

SHORT = configs.CONFIGS["cnn"].derived(
    "short",
    "a second or two of a tiny network",
    core={"core": "cnn-4-4-4"},
    layers={"filter_size": [5, 3, 3], "num_filters": [4, 4, 4]},
    trainer={"trainer": "short", "batch_size": 16, "val_steps": 10, "max_iter": 150, "patience": 10**6},
)


def note_computed() -> None:
    compute = TrainedModel.make_compute

    def noting(self, key, task):
        computed = compute(self, key, task)
        with Path(os.environ["CHAOS_NOTES"]).open("a") as notes:
            notes.write(f"{key['seed']}\n")  # one write, which others do not come between
        return computed

    TrainedModel.make_compute = noting


if __name__ == "__main__":
    configs.CONFIGS["short"] = SHORT
    note_computed()
    cli.main()
