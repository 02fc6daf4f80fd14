"""How do the time and the memory of a training step grow with what is trained?

Steps of the paper's model in this project's trainer, one factor varied at a time and the others as they are by
default: neurons, images of a batch, pixels of an image (its width is twice its height), features of each layer, and
workers that compute beside each other. Each point is a process of its own, whose largest memory is shown.

    python benchmarks/scaling.py [--vary neurons images pixels features workers] [--device cuda] [--json]

With several workers, each of one thread (on a CPU), the time is that until all have taken a step.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from common.arguments import add_machine, parser_of
from common.children import children
from common.shown import show
from common.timing import Clock, load, medians
from networks.told import Setting

VALUES = {
    "neurons": (50, 200, 800, 3200),
    "images": (4, 8, 16, 32),
    "pixels": (18 * 36, 24 * 48, 36 * 72, 48 * 96),
    "features": (4, 8, 16, 32),
    "workers": (1, 2, 4),
}


def varied(factor: str, value: int, base: Setting) -> Setting:
    """The base with another value of one factor."""
    if factor == "pixels":
        height = round((value / 2) ** 0.5)
        return replace(base, height=height, width=2 * height)
    if factor == "workers":
        return replace(base, threads=1)
    changes: dict[str, Any] = {{"images": "batch"}.get(factor, factor): value}
    return replace(base, **changes)


def measured(setting: Setting, workers: int, steps: int) -> dict[str, Any]:
    """Time until all workers took a step, and what each used for it, as the median; the most memory of one."""
    taken = []
    with children([("hypercolumn", setting, sys.executable)] * workers) as started:
        for number in range(setting.warm_up + steps):
            with Clock() as clock:
                for child in started:
                    child.tell()
                answers = [child.answer() for child in started]
            if number >= setting.warm_up:
                taken.append(medians(answers) | {"wall_s": clock.seconds["wall_s"]})
            peak = max(answer["peak_mib"] for answer in answers)
    return medians(taken) | {"peak_mib": peak}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--vary", nargs="+", choices=VALUES, default=list(VALUES), help="default: all")
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    add_machine(parser)
    options = parser.parse_args()
    base = Setting(options.neurons, options.batch, device=options.device, threads=options.threads)
    rows = []
    for factor in options.vary:
        for value in VALUES[factor]:
            setting, workers = varied(factor, value, base), value if factor == "workers" else 1
            found = measured(setting, workers, options.steps)
            per_image = found["wall_s"] / (setting.batch * workers)
            rows.append(
                {
                    "varied": factor,
                    "value": value,
                    "wall_s": found["wall_s"],
                    "user_s": found["user_s"],
                    "wall_ms_an_image": 1000 * per_image,
                    "peak_mib": found["peak_mib"],
                    "threads": setting.threads,
                    "load": load(),
                }
            )
    title = f"a step on {options.device}; else {base.neurons} neurons, {base.batch} images of 36 x 64, 16 features"
    show(rows, as_json=options.json, title=title)


if __name__ == "__main__":
    main()
