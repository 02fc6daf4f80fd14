"""In how many steps, and in what time, does training reach what the original reached?

Trains on a recording that the original TensorFlow code was trained on, with its settings and seeds, and tells when
the validation loss was first as low as the original's best, beside the original's own steps to it; then the scores at
the end beside the recorded ones.

    python benchmarks/fit.py RECORDING.npz RESULTS.jsonl [--models hermite conv2d] [--within 0.01] [--json]

RECORDING.npz holds images_{train,val,test} and responses_{train,val,test}; each line of RESULTS.jsonl one recorded
fit: model, core, core_kwargs, readout_kwargs, fit, seed, log (lines "50 | Loss: 97.11"), val_loss, test_corr, wall_s,
cpu_s. Start values cannot be the original's, so steps differ from run to run as they would with another seed; where
the loss was never reached they are empty, and --within a share of it may tell more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

import models
from common.arguments import parser_of
from common.shown import show
from common.timing import Clock, load, num_cores
from models.training_state import Validation


def read_recording(path: Path) -> models.Recording:
    with np.load(path, allow_pickle=False) as arrays:
        splits = {"train": "train", "validation": "val", "test": "test"}
        images = {f"{split}_images": arrays[f"images_{name}"] for split, name in splits.items()}
        responses = {f"{split}_responses": arrays[f"responses_{name}"] for split, name in splits.items()}
        return models.Recording(**images, **{name: array.astype(np.float32) for name, array in responses.items()})


def original_steps(recorded: dict[str, Any], goal: float) -> int:
    """That the original took to a loss of `goal` or less."""
    losses = [float(line.rpartition(":")[2]) for line in recorded["log"] if "|" in line]
    # the log has two digits: its lowest line is the best loss, whatever was cut off
    first = next(number for number, loss in enumerate(losses, start=1) if loss <= max(goal, min(losses)))
    return first * recorded["fit"]["val_steps"]


def fit(recorded: dict[str, Any], data: models.Data, within: float) -> dict[str, Any]:
    """Train as a recorded fit was trained; gives its row of the table."""
    core = getattr(models, recorded["core"])(**recorded["core_kwargs"])
    readout = models.SpatialXFeatureJointL1Readout(
        core.output_shape(*data.image_size), data.num_neurons, **recorded["readout_kwargs"]
    )
    goal = recorded["val_loss"] * (1 + within)
    reached: dict[str, float] = {}
    with Clock() as clock:

        def progress(validation: Validation) -> None:
            if not reached and validation.val_loss <= goal:
                reached.update(clock.so_far(), steps=validation.iteration)

        trainer = models.Trainer(models.CorePlusReadoutModel(core, readout), data, seed=recorded["seed"])
        result = trainer.fit(**recorded["fit"], progress=progress)
    return {
        "model": recorded["model"],
        "seed": recorded["seed"],
        "goal": goal,
        "steps_to_goal": reached.get("steps"),
        "steps_to_goal_original": original_steps(recorded, goal),
        "user_to_goal_s": reached.get("user_s"),
        "wall_to_goal_s": reached.get("wall_s"),
        "steps": result.curve[-1].iteration,
        "steps_original": recorded["steps_taken"],
        **clock.seconds,
        "cpu_original_s": recorded["cpu_s"],
        "wall_original_s": recorded["wall_s"],
        "val_loss": result.val_loss,
        "val_loss_original": recorded["val_loss"],
        "test_corr": float(result.test_corr.mean()),
        "test_corr_original": recorded["test_corr"],
        "threads": torch.get_num_threads(),
        "load": load(),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--models", nargs="+", default=["hermite"], help="of the recorded fits; default: hermite")
    parser.add_argument("--within", type=float, default=0.0, help="share of the loss by which it may be higher")
    parser.add_argument("--threads", type=int, default=num_cores(), help="default: all cores")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = models.Data.from_recording(read_recording(options.recording))
    recorded = [json.loads(line) for line in options.results.read_text().splitlines()]
    rows = [fit(one, data, options.within) for one in recorded if one["model"] in options.models]
    show(rows, as_json=options.json, title="to the original's validation loss", hidden=("goal", "threads"))


if __name__ == "__main__":
    main()
