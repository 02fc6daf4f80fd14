"""Does training reach what the original reaches, and in what time?

Trains the Hermite core and the plain CNN on a recording that the original TensorFlow code was trained on, with
its settings and seeds, and prints test correlations, validation losses and times beside the recorded ones.

    python benchmarks/reference_fits.py RECORDING.npz RESULTS.jsonl [--json]

RECORDING.npz holds images_{train,val,test} and responses_{train,val,test}; each line of RESULTS.jsonl one
recorded fit: core, core_kwargs, readout_kwargs, fit, seed, val_loss, test_corr, wall_s.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import models


def read_recording(path: Path) -> models.Recording:
    with np.load(path, allow_pickle=False) as arrays:
        splits = {"train": "train", "validation": "val", "test": "test"}
        images = {f"{split}_images": arrays[f"images_{name}"] for split, name in splits.items()}
        responses = {f"{split}_responses": arrays[f"responses_{name}"] for split, name in splits.items()}
        return models.Recording(**images, **{name: array.astype(np.float32) for name, array in responses.items()})


def fit(recorded: dict, data: models.Data) -> dict:
    """Train as a recorded fit was trained; gives its row of the table."""
    core = getattr(models, recorded["core"])(**recorded["core_kwargs"])
    readout = models.SpatialXFeatureJointL1Readout(
        core.output_shape(*data.image_size), data.num_neurons, **recorded["readout_kwargs"]
    )
    wall, user = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    trainer = models.Trainer(models.CorePlusReadoutModel(core, readout), data, seed=recorded["seed"])
    result = trainer.fit(**recorded["fit"])
    return {
        "model": recorded["model"],
        "seed": recorded["seed"],
        "steps": result.curve[-1].iteration,
        "val_loss": result.val_loss,
        "val_loss_original": recorded["val_loss"],
        "test_corr": float(result.test_corr.mean()),
        "test_corr_original": recorded["test_corr"],
        "wall_s": time.perf_counter() - wall,
        "user_s": resource.getrusage(resource.RUSAGE_SELF).ru_utime - user,
        "wall_s_original": recorded["wall_s"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    data = models.Data.from_recording(read_recording(arguments.recording))
    rows = [fit(json.loads(line), data) for line in arguments.results.read_text().splitlines()]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
