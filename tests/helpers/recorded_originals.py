"""What the published code left: checkpoints, and the recording that they were trained on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from models.recording import Recording

REFERENCE = Path(__file__).parents[1] / "reference"
CHECKPOINTS = {  # log hash: recorded variables
    "647bb1d1bd02979996e492b5422eb95f": "ckpt_hermite",
    "96c4d0cc8869d2b5a4297f13f2cdd422": "ckpt_conv2d",
}
# Writes the recorded variables of an .npz file as a checkpoint of TensorFlow.
WRITE_CHECKPOINT = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
values = {k.removeprefix("values/"): v for k, v in np.load(sys.argv[1]).items() if k.startswith("values/")}
tf.raw_ops.SaveV2(prefix=sys.argv[2], tensor_names=list(values), shape_and_slices=[""] * len(values),
                  tensors=[tf.constant(v) for v in values.values()])
"""


def write_checkpoints(folder: Path) -> dict[str, Path]:
    """Checkpoint directories by log hash."""
    for log_hash, name in CHECKPOINTS.items():
        (folder / log_hash).mkdir()
        arguments = [str(REFERENCE / f"{name}.npz"), str(folder / log_hash / "model.ckpt")]
        subprocess.run([sys.executable, "-P", "-c", WRITE_CHECKPOINT, *arguments], check=True)
    return {log_hash: folder / log_hash for log_hash in CHECKPOINTS}


def recorded_recording() -> Recording:
    with np.load(REFERENCE / "dataset_tiny.npz") as arrays:
        splits = {"train": "train", "validation": "val", "test": "test"}
        images = {f"{split}_images": arrays[f"raw/images_{name}"] for split, name in splits.items()}
        responses = {f"{split}_responses": arrays[f"raw/responses_{name}"] for split, name in splits.items()}
    return Recording(**images, **responses)
