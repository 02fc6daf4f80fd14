"""How long does one training step of the paper's main model take, here and in its peers?

One step is forward, penalties, loss, backward and optimiser, on images of 36 x 64 pixels, of

hypercolumn         this project's model in this project's own trainer
plain               the same network of plain convolutions of 128 channels: the floor of a direct method
neuralpredictors    its rotation-equivariant Hermite core and its factorised readout, of the same width
escnn               a network of the same width, equivariant to the rotations of C8

    python benchmarks/peers.py      # once: the environments of the last two
    python benchmarks/step.py [--paper] [--networks NAME ...] [--device cuda [--precision bfloat16]] [--json]

Each network is a process of its own, and they take their steps in turn, so that noise hits all alike; shown is the
median. `floor_share` is the share of its user seconds in which plain does the same; `user_ratio` and `wall_ratio` are
to neuralpredictors. `load` is that of the machine, these processes included. On a GPU, user seconds are those of the
CPU that serves it: wall time tells. All networks compute in single precision, or, where --precision asks this project
for another, the others as PyTorch does by default.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from common.arguments import add_machine, add_precision, parser_of
from common.children import children
from common.shown import show
from common.timing import load, medians
from networks.told import Setting
from peers import CACHE, PACKAGES, python_of

NETWORKS = ("hypercolumn", "plain", "neuralpredictors", "escnn")
SIZES, PAPER = ((200, 16), (1000, 32)), ((6005, 256),)  # neurons, images of a batch


def interpreters(networks: list[str] | None, folder: Path) -> dict[str, Path | str]:
    """The Python of each network; those of all networks for None, but for peers that are not installed."""
    pythons = {name: python_of(name, folder) if name in PACKAGES else sys.executable for name in networks or NETWORKS}
    missing = [name for name in pythons if not Path(pythons[name]).exists()]
    if missing:
        line = f"{' and '.join(missing)} not installed in {folder}: python benchmarks/peers.py --peers {folder}"
        print(line, file=sys.stderr)
        if networks:
            sys.exit(2)
    return {name: python for name, python in pythons.items() if name not in missing}


def compare(pythons: dict[str, Path | str], setting: Setting, steps: int, warm_up: int | None) -> list[dict[str, Any]]:
    """A row for each network. warm_up: steps before those that count; None for as many as the device wants."""
    warm_up = setting.warm_up if warm_up is None else warm_up
    with children([(name, setting, python) for name, python in pythons.items()]) as started:
        rounds = [[child.step() for child in started] for _ in range(warm_up + steps)]
    timed = {name: medians(taken) for name, taken in zip(pythons, zip(*rounds[warm_up:], strict=True), strict=True)}
    floor, peer = timed.get("plain"), timed.get("neuralpredictors")
    return [
        {
            "network": name,
            "neurons": setting.neurons,
            "batch": setting.batch,
            "user_s": found["user_s"],
            "wall_s": found["wall_s"],
            "floor_share": floor and floor["user_s"] / found["user_s"],
            "user_ratio": peer and found["user_s"] / peer["user_s"],
            "wall_ratio": peer and found["wall_s"] / peer["wall_s"],
            "peak_mib": found["peak_mib"],
            "loss": found["loss"],
            "steps": steps,
            "threads": setting.threads,
            "device": setting.device,
            "precision": setting.precision,
            "load": load(),
        }
        for name, found in timed.items()
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, help="default: all that are installed")
    parser.add_argument("--paper", action="store_true", help=f"{PAPER[0][0]} neurons and {PAPER[0][1]} images a step")
    parser.add_argument("--neurons", type=int, help="one size of one's own")
    parser.add_argument("--batch", type=int, default=16, help="images a step of one's own size")
    parser.add_argument("--steps", type=int, default=5, help="that are timed, of each network")
    parser.add_argument("--warm-up", type=int, help="steps before those; default: 2, and 5 on a GPU")
    add_machine(parser)
    add_precision(parser)
    parser.add_argument("--peers", type=Path, default=CACHE, metavar="FOLDER")
    options = parser.parse_args()
    sizes = ((options.neurons, options.batch),) if options.neurons else PAPER if options.paper else SIZES
    pythons = interpreters(options.networks, options.peers)
    rows = []
    for neurons, batch in sizes:
        setting = Setting(neurons, batch, device=options.device, threads=options.threads, precision=options.precision)
        rows += compare(pythons, setting, options.steps, options.warm_up)
    title = f"one training step on {options.device}, {options.threads} threads, median of {options.steps}"
    show(rows, as_json=options.json, title=title, hidden=("loss", "steps", "threads", "device", "precision"))


if __name__ == "__main__":
    main()
