"""The main job from start to end, on a recording that is simulated on the spot."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from models.simulation import simulate_recording
from pipeline import results
from pipeline.datasets import add_recording
from pipeline.figures import demo_figure
from pipeline.train import train

CONFIGS = ["rotation-equivariant", "cnn"]
DEFAULTS = {"neurons": 96, "images": 600, "seed": 0}


def run_demo(*, neurons: int, images: int, seed: int, out: Path, console: Console) -> Path:
    """Simulate, declare, train both models, show their scores; gives the path of the figure."""
    out.mkdir(parents=True, exist_ok=True)  # what cannot be written must not be known only after the training
    given = {"neurons": neurons, "images": images, "seed": seed}
    name = "demo" if given == DEFAULTS else f"demo-{neurons}-neurons-{images}-images-seed-{seed}"
    console.print(f"1. Simulating {neurons} neurons of V1 that see {images} natural-looking images")
    recording = simulate_recording(num_neurons=neurons, num_images=images, seed=seed)
    is_new = add_recording(name, recording)
    console.print(f"2. Declaring the recording {name!r}" + ("" if is_new else ": it is there already"))
    console.print("3. Training a rotation-equivariant model, and a regular CNN of as many feature maps")
    keys = train(name, CONFIGS, seed, console)
    console.print(results.as_table(results.query_results(where=keys), title="Trained models"))
    path = demo_figure(keys, out / f"{name}.png")
    console.print(f"Figure: {path}", soft_wrap=True)
    console.print(f"Next: hypercolumn results --dataset {name} --format json", soft_wrap=True)
    return path
