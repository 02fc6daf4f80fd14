"""Which share of what the device can do does a training step reach?

Measures the device's rate of matrix products (single precision; on a GPU also TF32 and bfloat16) and the bandwidth of
its memory (a copy: read and written), then steps of the paper's model in this project's trainer. Their work is counted
as that of direct convolutions: out * in * k * k * pixels * 2 a layer and an image, times 3 with the backward pass; the
readout's products of maps and masks count the same way, and nothing else does. A step that needs fewer
multiplications than the direct method may reach a share above 1. `user_share` is the same of user seconds on a CPU,
which tells more where others compute beside.

    python benchmarks/roofline.py [--neurons 1000 --batch 32] [--device cuda [--precision bfloat16]] [--json]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch

from common.arguments import add_machine, add_precision, parser_of
from common.children import children
from common.paper_model import multiplications, paper_model
from common.shown import show
from common.timing import Clock, load, medians
from networks.told import Setting

WITH_BACKWARD = 3


def fastest(function: Callable[[], Any], device: str, repeats: int = 5) -> dict[str, float]:
    """`wall_s` and `user_s` of the quickest call: what the device can do, not what it did beside others."""
    function()
    found = []
    for _ in range(repeats):
        with Clock(device) as clock:
            function()
        found.append(clock.seconds)
    return {name: min(seconds[name] for seconds in found) for name in found[0]}


def matrix_product(device: str, dtype: torch.dtype, tf32: bool = False) -> tuple[float, dict[str, float]]:
    """Operations of a product of square matrices, and what it takes."""
    size = 8192 if device.startswith("cuda") else 2048
    torch.backends.cuda.matmul.allow_tf32 = tf32
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2.0 * size**3, fastest(lambda: torch.matmul(a, b, out=out), device)


def bandwidth(device: str) -> float:
    """Bytes a second, read and written together, of a copy far larger than any cache."""
    source = torch.ones(2**26, device=device)  # 256 MiB
    target = torch.empty_like(source)
    return 2 * source.nbytes / fastest(lambda: target.copy_(source), device)["wall_s"]


def steps(setting: Setting, count: int) -> dict[str, float]:
    """The median step after those that warm up."""
    with children([("hypercolumn", setting, sys.executable)]) as (child,):
        return medians([child.step() for _ in range(setting.warm_up + count)][setting.warm_up :])


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    add_machine(parser)
    add_precision(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = options.device
    setting = Setting(
        options.neurons, options.batch, device=device, threads=options.threads, precision=options.precision
    )
    on_cpu = device == "cpu"
    products = {"float32": matrix_product(device, torch.float32)}
    if not on_cpu:
        products["tf32"] = matrix_product(device, torch.float32, tf32=True)
        products["bfloat16"] = matrix_product(device, torch.bfloat16)
    bytes_a_second = bandwidth(device)
    took = steps(setting, options.steps)

    core = paper_model(1, setting.height, setting.width).core
    channels, height, width = core.output_shape(setting.height, setting.width)
    of_core = multiplications(core, setting.height, setting.width) * setting.batch * WITH_BACKWARD
    of_readout = 2 * channels * height * width * setting.neurons * setting.batch * WITH_BACKWARD
    work = of_core + of_readout
    rows: list[dict[str, Any]] = [
        {
            "what": f"matrix product, {name}",
            "value": operations / seconds["wall_s"] / 1e9,
            "unit": "GFLOP/s",
            "step_share": work / took["wall_s"] / (operations / seconds["wall_s"]),
            "user_share": work / took["user_s"] / (operations / seconds["user_s"]) if on_cpu else None,
        }
        for name, (operations, seconds) in products.items()
    ]
    rows += [
        {"what": what, "value": value, "unit": unit, "step_share": None, "user_share": None}
        for what, value, unit in (
            ("memory copy", bytes_a_second / 1e9, "GB/s"),
            ("step: core, direct", of_core / 1e9, "GFLOP"),
            ("step: readout, direct", of_readout / 1e9, "GFLOP"),
            ("step: wall time", took["wall_s"], "s"),
            ("step: user time", took["user_s"], "s"),
            ("step: rate", work / took["wall_s"] / 1e9, "GFLOP/s"),
        )
    ]
    rows = [row | {"neurons": setting.neurons, "batch": setting.batch, "load": load()} for row in rows]
    title = f"{setting.neurons} neurons, {setting.batch} images a step; {device}, {setting.threads} threads"
    show(rows, as_json=options.json, title=title, hidden=("neurons", "batch"))


if __name__ == "__main__":
    main()
