"""How far a core is from equivariance when an image turns by one of its rotations.

By 90 degrees it is exact. In between, kernels are sampled on other pixels and cut off by another square; how much
that matters depends on the kernels and on how fine the images are. To measure that and nothing else, the images
are sums of gratings, which can be turned by any angle without interpolation, and maps are compared at the centre,
which stays where it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.cores import StackedRotEquiHermiteConv2dCore

NUM_GRATINGS = 40


def equivariance_errors(
    core: StackedRotEquiHermiteConv2dCore,
    max_frequency: float,
    *,
    num_images: int = 32,
    image_size: int = 27,
    seed: int = 0,
) -> np.ndarray:
    """(layers,): root mean square change of the maps at the centre when images turn by one rotation, over their SD.

    The change is what is left when the maps' rotations are counted on by one; 0 is perfect equivariance.
    max_frequency: of the images, cycles per pixel; they are of unit variance. image_size: pixels, odd. The core is
    taken as in evaluation, and must have stride 1, padding 'SAME' and the same batch norm for all rotations.
    """
    rotations = core.num_rotations
    generator = np.random.RandomState(seed)
    frequency = max_frequency * np.sqrt(generator.uniform(size=(num_images, NUM_GRATINGS)))  # even over the disc
    angle, phase = 2 * np.pi * generator.uniform(size=(2, num_images, NUM_GRATINGS))
    amplitude = generator.normal(size=(num_images, NUM_GRATINGS)) * np.sqrt(2 / NUM_GRATINGS)
    turn = 2 * np.pi / rotations
    # Counter-clockwise as one sees an image, whose rows run downwards.
    upright = _maps_at_centre(core, _gratings(image_size, frequency, angle, phase, amplitude))
    turned = _maps_at_centre(core, _gratings(image_size, frequency, angle - turn, phase, amplitude))
    errors = []
    for before, after in zip(upright, turned, strict=True):
        filters = before.shape[1] // rotations
        errors.append(float((after - before.roll(filters, dims=1)).square().mean().sqrt() / before.std()))
    return np.array(errors)


def _gratings(size: int, frequency: np.ndarray, angle: np.ndarray, phase: np.ndarray, amplitude: np.ndarray) -> Tensor:
    """(images, 1, size, size): sums of gratings, with the centre of the image as origin."""
    at = np.arange(size) - (size - 1) / 2
    along_x = 2 * np.pi * (frequency * np.cos(angle))[..., None] * at
    along_y = 2 * np.pi * (frequency * np.sin(angle))[..., None] * at
    # cos(a + b) in parts, which is a matrix product for each image
    weighted = amplitude[..., None] * np.exp(1j * (along_y + phase[..., None]))
    images = np.einsum("ngy,ngx->nyx", weighted, np.exp(1j * along_x)).real
    return torch.from_numpy(images)[:, None]


@torch.no_grad()
def _maps_at_centre(core: StackedRotEquiHermiteConv2dCore, images: Tensor) -> list[Tensor]:
    """(images, channels) of each layer."""
    core.eval()
    maps, centres = images.to(core.layers[0].kernel.weights), []
    for layer, kernel in zip(core.layers, core.kernels(), strict=True):
        maps = layer(maps, kernel)
        centres.append(maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2])
    return centres
