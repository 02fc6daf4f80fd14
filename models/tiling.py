"""How maps are cut into tiles whose Fourier transforms make convolutions cheap, and when that pays.

A 5 x 5 kernel takes 25 multiplications for each pixel and pair of maps. Between the transforms of tiles, where only
frequencies are multiplied, it takes about 3, and the transforms of 128 maps take 2 more. Tiles overlap by the kernel's
size less one pixel; see Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.7 (overlap-save for maps,
overlap-add for their gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MOST_TILES = 16  # along an axis
OVERHEAD = 3.0  # tilings that save fewer multiplications than this take longer than direct convolutions; measured
BATCH = 16  # images over which the kernel's own transform is thought to spread


@dataclass(frozen=True)
class Tiling:
    """Tiles of maps; everywhere (along y, along x). size: pixels of what the convolution gives."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    count: tuple[int, int]

    @property
    def step(self) -> tuple[int, int]:
        """Pixels of the result that a tile gives, and from one tile to the next."""
        return -(-self.size[0] // self.count[0]), -(-self.size[1] // self.count[1])

    @property
    def tile(self) -> tuple[int, int]:
        return self.step[0] + self.kernel[0] - 1, self.step[1] + self.kernel[1] - 1

    @property
    def given(self) -> tuple[int, int]:
        """Pixels that all tiles give together, `size` or a few more."""
        return self.count[0] * self.step[0], self.count[1] * self.step[1]

    @property
    def covered(self) -> tuple[int, int]:
        """Pixels that all tiles need together."""
        return self.given[0] + self.kernel[0] - 1, self.given[1] + self.kernel[1] - 1

    @property
    def half(self) -> int:
        """Frequencies along x; the others are their conjugates."""
        return self.tile[1] // 2 + 1

    @property
    def frequencies(self) -> int:
        return self.tile[0] * self.half

    def cost(self, num_inputs: int, num_outputs: int) -> float:
        """Multiplications an image, from (inputs, pixels) to (outputs, pixels)."""
        (ny, nx), (sy, sx), (ty, tx) = self.count, self.step, self.tile
        (ky, kx), half = self.kernel, self.half
        there = nx * self.covered[0] * 2 * half * tx + ny * nx * 4 * ty * ty * half
        back = ny * nx * (4 * sy * ty * half + sy * sx * 2 * half)
        products = ny * nx * 4 * self.frequencies
        of_kernel = ky * 2 * half * kx + 4 * ty * ky * half
        pairs = num_inputs * num_outputs
        return num_inputs * there + num_outputs * back + pairs * (products + of_kernel / BATCH)


@lru_cache(maxsize=1024)
def worthwhile(size: tuple[int, int], kernel: tuple[int, int], num_inputs: int, num_outputs: int) -> Tiling | None:
    """The cheapest tiling, or None where the direct convolution is cheaper. size: pixels of the result."""
    counts = [range(1, min(MOST_TILES, pixels) + 1) for pixels in size]
    tilings = [Tiling(size, kernel, (ny, nx)) for ny in counts[0] for nx in counts[1]]
    best = min(tilings, key=lambda tiling: tiling.cost(num_inputs, num_outputs))
    direct = float(np.prod([*size, *kernel, num_inputs, num_outputs]))
    return best if OVERHEAD * best.cost(num_inputs, num_outputs) < direct else None
