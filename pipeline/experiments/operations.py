"""How large the maps of a core are and how much there is to compute, without building it."""

from __future__ import annotations

from typing import Any

from models.padding import convolved_size

Layers = dict[str, list[Any]]  # one value a layer in each column of `Core.Layer`


def map_sizes(layers: Layers, height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of the maps of each layer; less than 1 where nothing is left of the image."""
    sizes = []
    for geometry in zip(*(layers[name] for name in ("filter_size", "stride", "rate", "padding")), strict=True):
        height, width = convolved_size(height, *geometry), convolved_size(width, *geometry)
        sizes.append((height, width))
    return sizes


def operations(layers: Layers, num_rotations: int | None, height: int, width: int, neurons: int) -> int:
    """Multiplications that the rates of one image take: convolutions, and the masks of the neurons."""
    total, inputs = 0, 1
    sizes = map_sizes(layers, height, width)
    for filter_size, num_filters, (height, width) in zip(
        layers["filter_size"], layers["num_filters"], sizes, strict=True
    ):
        outputs = num_filters * (num_rotations or 1)
        total += inputs * outputs * filter_size**2 * height * width
        inputs = outputs
    return total + inputs * height * width * neurons
