"""Draws equivariance.png: how far cores are from equivariance under turns by 45 degrees (see equivariance.md).

python docs/background/equivariance.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from models import StackedRotEquiHermiteConv2dCore
from models.equivariance import equivariance_errors
from models.hermite import HermiteBasis
from pipeline.published import PAPER

FREQUENCIES = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5])
CASES = [("all ranks", 1.0, 2), ("lower half of the ranks", 0.5, 2), ("the same, no sub-pixels", 0.5, 1)]


def core_of(share: float, upsampling: int) -> StackedRotEquiHermiteConv2dCore:
    """The paper's layers with random coefficients for the Hermite functions in the lowest share of the ranks."""
    layers = PAPER.layers | {"num_filters": [8, 8, 8]}
    core = StackedRotEquiHermiteConv2dCore(
        num_rotations=8, upsampling=upsampling, shared_biases=True, conv_smooth_weight=0, conv_sparse_weight=0, **layers
    ).double()
    core.initialize(torch.Generator().manual_seed(1))
    for layer in core.layers:
        ranks = HermiteBasis.build(layer.kernel.filter_size, upsampling).ranks
        layer.kernel.weights.data[ranks >= np.ceil(share * layer.kernel.filter_size)] = 0
    return core


def main() -> None:
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharex=True, sharey=True, layout="constrained")
    for axis, (title, share, upsampling) in zip(axes, CASES, strict=True):
        core = core_of(share, upsampling)
        errors = np.array([equivariance_errors(core, frequency) for frequency in FREQUENCIES])
        print(
            title,
            *(f"{frequency:.2f}: {row.round(4)}" for frequency, row in zip(FREQUENCIES, errors, strict=True)),
            sep="\n  ",
        )
        for i, shade in enumerate(("0.7", "0.4", "0.0")):
            axis.semilogy(FREQUENCIES, errors[:, i], "o-", color=shade, markersize=3, label=f"layer {i + 1}")
        axis.set(title=title, ylim=(5e-4, 1))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("change under a turn by 45°,\nin SD of the maps")
    axes[1].set_xlabel("highest frequency of the images (cycles / pixel)")
    axes[1].legend(frameon=False)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
