"""A set of Gabor stimuli: every combination of place, size, frequency, contrast, orientation and phase.

An image is made when it is asked for, on the device where it is shown: the paper's set has nine million.
Source: Ecker et al., ICLR 2019, section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class GaborSet:
    """Gabor patches on a canvas of grey, numbered with the phase as the fastest of their parameters.

    canvas_size: (width, height), pixels.
    center_range: (first x, end of x, first y, end of y), whole pixels; the ends are left out.
    center_step: pixels from one place to the next, along x and y.
    sizes: 4 SD of the Gaussian envelope, pixels.
    spatial_frequencies: cycles per size where `relative_sf`, else cycles per pixel.
    contrasts: the peak of a patch is half of it.
    orientations, phases: radians; a number n stands for n of them, evenly over pi or 2 pi.
    """

    canvas_size: tuple[int, int]
    center_range: tuple[int, int, int, int]
    sizes: Sequence[float]
    spatial_frequencies: Sequence[float]
    contrasts: Sequence[float]
    orientations: int | Sequence[float]
    phases: int | Sequence[float]
    relative_sf: bool = True
    center_step: int = 1

    @property
    def num_params(self) -> tuple[int, ...]:
        """How many places, sizes, spatial frequencies, contrasts, orientations and phases there are."""
        given = [len(values) for values in (self.sizes, self.spatial_frequencies, self.contrasts)]
        return (len(self._places()), *given, len(self._orientations()), len(self._phases()))

    def __len__(self) -> int:
        return math.prod(self.num_params)

    def parameters(self, index: np.ndarray | int) -> dict[str, np.ndarray]:
        """x, y, size (pixels), spatial_frequency (cycles per pixel), contrast, orientation and phase (radians).

        index: numbers of patches, of any shape, which is also the shape of each array.
        """
        place, size, frequency, contrast, orientation, phase = np.unravel_index(index, self.num_params)
        sizes, frequencies = np.asarray(self.sizes)[size], np.asarray(self.spatial_frequencies)[frequency]
        return {
            "x": self._places()[place, 0],
            "y": self._places()[place, 1],
            "size": sizes,
            "spatial_frequency": frequencies / sizes if self.relative_sf else frequencies,
            "contrast": np.asarray(self.contrasts)[contrast],
            "orientation": self._orientations()[orientation],
            "phase": self._phases()[phase],
        }

    def images(
        self, index: np.ndarray, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float64
    ) -> Tensor:
        """(n, height, width): the patches of these numbers (n,)."""
        given = {
            name: torch.as_tensor(values, dtype=dtype, device=device)[:, None, None]
            for name, values in self.parameters(index).items()
        }
        width, height = self.canvas_size
        x = torch.arange(width, dtype=dtype, device=device) - given["x"]
        y = torch.arange(height, dtype=dtype, device=device)[:, None] - given["y"]
        across = x * given["orientation"].cos() - y * given["orientation"].sin()
        envelope = torch.exp(-(x.square() + y.square()) / (2 * (given["size"] / 4).square()))
        grating = torch.cos(2 * math.pi * given["spatial_frequency"] * across + given["phase"])
        return given["contrast"] / 2 * envelope * grating

    def _places(self) -> np.ndarray:
        """(places, 2): x and y, with y as the faster."""
        first_x, end_x, first_y, end_y = self.center_range
        xs, ys = range(first_x, end_x, self.center_step), range(first_y, end_y, self.center_step)
        return np.array([(x, y) for x in xs for y in ys])

    def _orientations(self) -> np.ndarray:
        return _evenly(self.orientations, math.pi)

    def _phases(self) -> np.ndarray:
        return _evenly(self.phases, 2 * math.pi)


def _evenly(values: int | Sequence[float], period: float) -> np.ndarray:
    return np.arange(values) * period / values if isinstance(values, int) else np.asarray(values)
