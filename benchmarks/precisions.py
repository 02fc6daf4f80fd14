"""What does the training of the paper's main model take in each precision, from its task to its row?

Makes a recording of the paper's size (36 x 64 pixels, 6,005 neurons of known kind that saw dead leaves), declares one
task of the configuration `paper` a precision, bounded in steps, in an embedded database of its own, and works them off
as a worker does. Shown are the time of a step with its share of validations, the time from task to row, the device's
largest memory and the scores, which shall agree.

    python benchmarks/precisions.py [--device cuda] [--steps 500] [--precisions float32 tf32 bfloat16] [--json]

The recording alone takes about three minutes of one core.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from common.arguments import parser_of
from common.database import own_database
from common.shown import show
from common.timing import Clock, load
from models.dead_leaves import dead_leaves_images
from models.precision import PRECISIONS
from models.recording import Recording
from models.v1_neurons import V1Neurons

NAME, SEED = "paper-size", 0
HEIGHT, WIDTH, REPEATS, NUM_TEST = 36, 64, 4, 100
AT_ONCE = 1000  # images


def recording(num_neurons: int, num_images: int) -> Recording:
    """Poisson counts of `V1Neurons` on the middle rows of square images; validation has a quarter as many images."""
    random = np.random.default_rng(SEED)

    def seen(count: int) -> np.ndarray:
        above = (WIDTH - HEIGHT) // 2
        return np.ascontiguousarray(dead_leaves_images(count, WIDTH, random)[:, above : above + HEIGHT])

    neurons = V1Neurons.draw(seen(256), num_neurons, random)

    def counts(images: np.ndarray, *repeats: int) -> np.ndarray:
        parts = [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
        drawn = [random.poisson(neurons.rates(part), (*repeats, len(part), num_neurons)) for part in parts]
        return np.concatenate(drawn, axis=-2).astype(np.float32)

    train, validation, test = seen(num_images), seen(max(num_images // 4, 16)), seen(NUM_TEST)
    return Recording(
        train_images=train, train_responses=counts(train),
        validation_images=validation, validation_responses=counts(validation),
        test_images=test, test_responses=counts(test, REPEATS),
    )  # fmt: skip


def train(precision: str, steps: int, batch: int, device: str) -> dict[str, Any]:
    """A row of the table: a task, declared and worked off."""
    from pipeline.published import PAPER
    from pipeline.tasks import declare_task
    from pipeline.work import worker
    from schemas.training import TrainedModel

    trainer = {"trainer": f"paper-{precision}", "precision": precision, "max_iter": steps, "batch_size": batch}
    trainer |= {"val_steps": max(1, steps // 10)}
    key = declare_task(NAME, PAPER.derived(f"paper-{precision}", "of a benchmark", trainer=trainer), SEED)
    ended: list[tuple[int, float]] = []
    TrainedModel.on_validation = staticmethod(lambda _, point: ended.append((point.iteration, time.perf_counter())))
    on_cuda = device.startswith("cuda")
    if on_cuda:
        torch.cuda.reset_peak_memory_stats(device)
    with Clock(device) as clock:
        done, failures = worker.work("TrainedModel")
    if failures:
        return {"precision": precision, "failure": failures[0]}
    assert done == 1
    row = (TrainedModel & key).proj("num_iterations", "val_loss", "test_corr").fetch1()
    # from the second validation on: before it lie the capture and the first use of everything
    (first, began), (last, finished) = ended[min(1, len(ended) - 1)], ended[-1]
    return {
        "precision": precision,
        "step_s": (finished - began) / (last - first) if last > first else None,
        **clock.seconds,
        "peak_mib": torch.cuda.max_memory_allocated(device) / 2**20 if on_cuda else None,
        "reserved_mib": torch.cuda.max_memory_reserved(device) / 2**20 if on_cuda else None,
        "steps": last,
        "val_loss": row["val_loss"],
        "test_corr": row["test_corr"],
        "failure": None,
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["float32", "tf32", "bfloat16"])
    parser.add_argument("--steps", type=int, default=500, help="at most, with ten validations")
    parser.add_argument("--neurons", type=int, default=6005)
    parser.add_argument("--images", type=int, default=4400, help="for training")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Clock() as clock:
        made = recording(options.neurons, options.images)
    with own_database():
        from pipeline.datasets import add_recording
        from pipeline.device import use_device

        use_device(options.device)
        add_recording(NAME, made)
        rows = [train(name, options.steps, options.batch, options.device) for name in options.precisions]
    common = {"neurons": options.neurons, "batch": options.batch, "recording_s": clock.seconds["wall_s"]}
    title = f"the paper's main model on {options.device}: {options.neurons} neurons, {options.batch} images a step"
    rows = [row | common | {"load": load()} for row in rows]
    show(rows, as_json=options.json, title=title, hidden=("neurons", "batch"))


if __name__ == "__main__":
    main()
