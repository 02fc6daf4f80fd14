"""Two-dimensional Hermite functions: a basis of filters that rotation only mixes in pairs.

In polar coordinates the functions are Laguerre-Gaussians, R(r) cos(m phi) and R(r) sin(m phi): turning one
by an angle is a rotation of that pair by m times the angle, exact for every angle, without interpolation.
Source: Ecker et al., ICLR 2019, section 3.1; Victor et al., J. Neurophysiol. 95, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import eval_genlaguerre


@dataclass(frozen=True)
class HermiteBasis:
    """The Hermite functions of rank 0 to `filter_size - 1`.

    functions: (filter_size * (filter_size + 1) / 2, n, n) float64, n = filter_size * upsampling, each of
        unit sum of squares; the cosine of a pair stands before its sine.
    frequencies: (functions,) float64, the angular frequency m of each.
    """

    filter_size: int
    upsampling: int
    functions: np.ndarray
    frequencies: np.ndarray

    @classmethod
    def build(cls, filter_size: int, upsampling: int) -> HermiteBasis:
        """Sample the functions on (filter_size * upsampling)² pixels that span ±2 sqrt(filter_size)."""
        pixels = filter_size * upsampling
        extent = 4 * np.sqrt(filter_size)
        centres = (np.arange(pixels) - (pixels - 1) / 2) * extent / pixels
        x, y = np.meshgrid(centres, centres)
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        functions, frequencies = [], []
        for rank in range(filter_size):
            for m in range(rank % 2, rank + 1, 2):
                k = (rank - m) // 2
                radial = (-1) ** k * radius**m * eval_genlaguerre(k, m, radius**2 / 2) * np.exp(-(radius**2) / 4)
                pair = [radial] if m == 0 else [radial * np.cos(m * angle), radial * np.sin(m * angle)]
                functions += pair
                frequencies += [m] * len(pair)
        sampled = np.stack(functions)
        sampled /= np.sqrt(np.square(sampled).sum(axis=(1, 2), keepdims=True))
        return cls(filter_size, upsampling, sampled, np.array(frequencies, dtype=np.float64))

    @property
    def ranks(self) -> np.ndarray:
        """(functions,): the rank of each; the higher, the farther out and the finer."""
        return np.repeat(np.arange(self.filter_size), np.arange(1, self.filter_size + 1))

    def rotation(self, angle: float) -> np.ndarray:
        """(functions, functions): the matrix that turns a filter's coefficients by `angle` radians."""
        matrix = np.diag(np.cos(self.frequencies * angle))
        sine = np.sin(self.frequencies * angle)
        for i in np.flatnonzero(self.frequencies[:-1]):
            if self._is_cosine(i):
                matrix[i, i + 1], matrix[i + 1, i] = sine[i], -sine[i]
        return matrix

    def rotated(self, num_rotations: int) -> np.ndarray:
        """(rotations, functions, filter_size, filter_size): the basis turned and at the images' resolution.

        The upsampling² sub-pixels of a pixel are summed, not averaged, as in the original.
        """
        size, up = self.filter_size, self.upsampling
        coarse = self.functions.reshape(-1, size, up, size, up).sum(axis=(2, 4))
        angles = 2 * np.pi * np.arange(num_rotations) / num_rotations
        return np.stack([np.einsum("ab,ayx->byx", self.rotation(angle), coarse) for angle in angles])

    def _is_cosine(self, i: np.signedinteger) -> bool:
        """Pairs follow each other, so a function is a pair's first if an even number of pair members precede."""
        return np.count_nonzero(self.frequencies[:i]) % 2 == 0
