"""How many images a second does a trained model predict, and how many Gabors does the search for optimal ones show?

The paper's model with random weights, on images of 36 x 64 pixels: rates of all neurons in batches of 256, and the
search through a Gabor set as `OptimalGabor` does it, whose tuning curves show each neuron Gabors of its own.

    python benchmarks/predict.py [--neurons 200 1000] [--images 128] [--device cuda] [--json]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

import models
from common.arguments import add_machine, parser_of
from common.paper_model import paper_model
from common.shown import show
from common.timing import Clock, load, medians
from models import evaluation
from models.gabors import GaborSet
from models.optimal_gabor import optimal_gabors

HEIGHT, WIDTH = 36, 64
BATCH = 256


def gabor_set(count: int) -> GaborSet:
    """So many Gabors, in eights at a place, of which four are of one neuron's tuning curve."""
    places = max(count // 8, 1)
    return GaborSet(
        canvas_size=(WIDTH, HEIGHT),
        center_range=(0, min(places, WIDTH), 0, -(-places // WIDTH)),
        sizes=[12.0],
        spatial_frequencies=[1.3, 2.0],
        contrasts=[1.0],
        orientations=2,
        phases=2,
    )


def search(model: models.CorePlusReadoutModel, gabors: GaborSet) -> int:
    """Gives how many Gabors were shown, those of the tuning curves included."""
    shown: dict[int, int] = {}
    optimal_gabors(model, gabors, batch_size=BATCH, progress=lambda done, total: shown.update({total: done}))
    return sum(shown.values())


def rates(function: Callable[[], int], repeats: int, device: str) -> dict[str, float]:
    """How many a second, of wall time and of the time computed, after one call to warm up; the median."""
    count, clocks = function(), []
    for _ in range(repeats):
        with Clock(device) as clock:
            function()
        clocks.append(clock.seconds)
    took = medians(clocks)
    return took | {"count": count} | {f"per_{kind}_second": count / took[f"{kind}_s"] for kind in ("wall", "user")}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--neurons", type=int, nargs="+", default=[200, 1000], help="of the models that predict")
    parser.add_argument("--images", type=int, default=128, help="and as many Gabors of the set")
    parser.add_argument("--gabor-neurons", type=int, default=25, help="whose optimal Gabors are searched")
    parser.add_argument("--repeats", type=int, default=3)
    add_machine(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.allow_tf32 = False
    images = torch.randn(options.images, 1, HEIGHT, WIDTH, device=options.device)
    gabors = gabor_set(options.images)
    jobs: tuple[tuple[str, list[int], Callable[[models.CorePlusReadoutModel], int]], ...] = (
        ("images predicted", options.neurons, lambda model: len(evaluation.predict(model, images, BATCH))),
        ("Gabors searched", [options.gabor_neurons], lambda model: search(model, gabors)),
    )
    rows = []
    for what, sizes, function in jobs:
        for neurons in sizes:
            model = paper_model(neurons, HEIGHT, WIDTH).to(options.device)
            found = rates(partial(function, model), options.repeats, options.device)
            rows.append({"what": what, "neurons": neurons, **found, "load": load()})
    title = f"on {options.device}, {options.threads} threads, median of {options.repeats}"
    show(rows, as_json=options.json, title=title)


if __name__ == "__main__":
    main()
