"""Model neurons of primary visual cortex, of four known kinds, that count spikes in response to images.

Each has one Gabor filter g of phase p at its place, and its partner in quadrature; L is the response of g and
E the energy, the summed squares of the pair's responses (Adelson & Bergen, "Spatiotemporal energy models for
the perception of motion", J. Opt. Soc. Am. A 2, 1985, doi:10.1364/JOSAA.2.000284). Their drive d is

    simple                         max(0, L)^2
    complex                        E
    end-stopped                    E / (1 + E_ends / s^2), E_ends the energies at the two ends of the field
    cross-orientation suppressed   E / (1 + E_orthogonal / s^2), at the same place, turned by 90 degrees

and the rate is baseline + gain * d / (d + c^2). Half-squaring, the division by other neurons' energies and
the saturation: Heeger, "Normalization of cell responses in cat striate cortex", Visual Neuroscience 9 (1992),
doi:10.1017/S0952523800009640. Cells that an edge excites unless it is too long: Hubel & Wiesel, "Receptive
fields and functional architecture in two nonstriate visual areas (18 and 19) of the cat", J. Neurophysiology
28 (1965), doi:10.1152/jn.1965.28.2.229.

Places are in pixels, where (x, y) = (0, 0) is the centre of the image's upper left pixel, x points right and
y down, so that image[y, x] lies at (x, y). Orientation is that of the stripes of the preferred grating, in
radians counter-clockwise from horizontal as the image is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

KINDS = ("simple", "complex", "end-stopped", "cross-orientation suppressed")

FREQUENCIES = (0.1, 0.2)  # cycles per pixel, one octave
ENVELOPES = (0.35, 0.45)  # SD in wavelengths: bandwidths of 1.7 to 1.3 octaves (De Valois et al. 1982: 1.4)
MARGIN = 2.0  # envelope SDs between a neuron's place and the image's border
END_DISTANCE = 2.0  # envelope SDs between a neuron's place and its two end zones

SEMISATURATION = 0.15  # c, in units of contrast
SUPPRESSION = 0.08  # s, in units of contrast
BASELINE = 0.3  # of the mean rate
MEAN_RATES = (0.7, 2.0)  # spikes per trial


@dataclass(frozen=True, eq=False)
class V1Neurons:
    """A population: arrays (neurons,), named as the columns of a recording.

    `x`, `y` and `size` (the envelope's SD) are in pixels, `spatial_frequency` is in cycles per pixel, `gain`
    and `baseline` are in spikes per trial. `phase` (radians) is NaN where a neuron does not depend on it: at
    0 the middle of the field is a bright stripe, and as it grows the pattern moves down (for vertical
    stripes, to the right).
    """

    kind: np.ndarray
    x: np.ndarray
    y: np.ndarray
    orientation: np.ndarray
    spatial_frequency: np.ndarray
    size: np.ndarray
    phase: np.ndarray
    gain: np.ndarray
    baseline: np.ndarray

    @classmethod
    def draw(cls, images: np.ndarray, num_neurons: int, rng: np.random.Generator) -> V1Neurons:
        """Neurons for images of that size, (n, height, width), whose mean rates over them lie in MEAN_RATES.

        The kinds take turns. The first neurons stay the same when more are asked for.
        """
        height, width = images.shape[1:]
        chance = iter(rng.random((num_neurons, 7)).T)  # one row a neuron, so that more are merely added
        frequency = FREQUENCIES[0] * (FREQUENCIES[1] / FREQUENCIES[0]) ** next(chance)
        size = _between(ENVELOPES, next(chance)) / frequency
        kind = np.resize(np.array(KINDS), num_neurons)
        phase = 2 * np.pi * next(chance)
        unscaled = cls(
            kind=kind,
            x=_place(width, size, next(chance)),
            y=_place(height, size, next(chance)),
            orientation=np.pi * next(chance),
            spatial_frequency=frequency,
            size=size,
            phase=np.where(kind == "simple", phase, np.nan),
            gain=np.ones(num_neurons),
            baseline=np.zeros(num_neurons),
        )
        mean_rate = _between(MEAN_RATES, next(chance))
        gain = mean_rate * (1 - BASELINE) / unscaled.rates(images).mean(axis=0)
        return replace(unscaled, gain=gain, baseline=mean_rate * BASELINE)

    def rates(self, images: np.ndarray) -> np.ndarray:
        """Expected spikes per trial, (n, neurons) float64, of images (n, height, width) of greys 0 to 255."""
        drive = self._drive(images)
        return self.baseline + self.gain * drive / (drive + SEMISATURATION**2)

    def _drive(self, images: np.ndarray) -> np.ndarray:
        even, odd = self._responses(images, self.x, self.y, self.orientation)
        energy = even**2 + odd**2
        phase = np.nan_to_num(self.phase)
        simple = np.maximum(even * np.cos(phase) + odd * np.sin(phase), 0) ** 2

        step = END_DISTANCE * self.size
        dx, dy = step * np.cos(self.orientation), -step * np.sin(self.orientation)  # y points down
        ends = self._energy(images, self.x + dx, self.y + dy, self.orientation)
        ends += self._energy(images, self.x - dx, self.y - dy, self.orientation)
        orthogonal = self._energy(images, self.x, self.y, self.orientation + np.pi / 2)

        suppression = (self.kind == "end-stopped") * ends
        suppression += (self.kind == "cross-orientation suppressed") * orthogonal
        return np.where(self.kind == "simple", simple, energy / (1 + suppression / SUPPRESSION**2))

    def _energy(self, images: np.ndarray, x: np.ndarray, y: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        even, odd = self._responses(images, x, y, orientation)
        return even**2 + odd**2

    def _responses(self, images: np.ndarray, x: np.ndarray, y: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        """(2, n, neurons): what the even and the odd filters give, were the neurons placed and turned so."""
        height, width = images.shape[1:]
        filters = quadrature_pair(height, width, x, y, orientation, self.spatial_frequency, self.size)
        contrast = images.reshape(len(images), -1) / 127.5 - 1
        return contrast @ filters.reshape(2, len(x), -1).swapaxes(1, 2)


def quadrature_pair(
    height: int,
    width: int,
    x: np.ndarray,
    y: np.ndarray,
    orientation: np.ndarray,
    spatial_frequency: np.ndarray,
    size: np.ndarray,
) -> np.ndarray:
    """Even and odd Gabor filters, (2, neurons, height, width), from parameters (neurons,).

    exp(-r^2 / 2 size^2) times cos and sin of 2 pi frequency u, where u is the distance across the stripes
    from (x, y). They see no uniform grey, and respond with 1 to the preferred grating at contrast 1.
    """
    rows, columns = np.indices((height, width))
    dx = columns - x[:, None, None]  # (neurons, height, width)
    dy = rows - y[:, None, None]
    across = dx * np.sin(orientation)[:, None, None] + dy * np.cos(orientation)[:, None, None]
    size = size[:, None, None]
    envelope = np.exp(-(dx**2 + dy**2) / (2 * size**2)) / (np.pi * size**2)
    wave = 2 * np.pi * spatial_frequency[:, None, None] * across
    pair = np.stack([envelope * np.cos(wave), envelope * np.sin(wave)])
    grey = pair.sum(axis=(2, 3), keepdims=True) / envelope.sum(axis=(1, 2), keepdims=True)[None]
    return pair - grey * envelope


def _place(extent: int, size: np.ndarray, chance: np.ndarray) -> np.ndarray:
    margin = np.minimum(MARGIN * size - 0.5, (extent - 1) / 2)  # the border is half a pixel outside
    return margin + chance * (extent - 1 - 2 * margin)


def _between(bounds: tuple[float, float], chance: np.ndarray) -> np.ndarray:
    return bounds[0] + (bounds[1] - bounds[0]) * chance
