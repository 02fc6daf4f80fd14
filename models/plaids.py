"""Suppression of the response to a neuron's grating by the one orthogonal to it: plaids of both.

Source: Morrone, Burr & Maffei, "Functional implications of cross-orientation inhibition of cortical visual cells",
Proc. R. Soc. Lond. B 216 (1982), doi:10.1098/rspb.1982.0078; Busse, Wade & Carandini, "Representation of concurrent
stimuli by population activity in visual cortex", Neuron 64 (2009), doi:10.1016/j.neuron.2009.11.004, for contrasts
of both gratings crossed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from models.gratings import gaussian, grating, stacked
from models.model import CorePlusReadoutModel
from models.own_stimuli import all_known, grey_response, own_rates, suppression_index
from models.progress import Progress


def orthogonal_plaids(
    model: CorePlusReadoutModel,
    x: np.ndarray,
    y: np.ndarray,
    size: np.ndarray,
    spatial_frequency: np.ndarray,
    orientation: np.ndarray,
    phase: np.ndarray,
    *,
    image_size: tuple[int, int],
    contrasts: Sequence[float],
    num_phases: int,
    batch_size: int,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Rates for each neuron's Gabor patch with an orthogonal one of the same place, size and frequency added to it.

    x, y (pixels), size (4 SD of the envelope, pixels), spatial_frequency (cycles per pixel), orientation (of the
    stripes) and phase (radians): (neurons,), as in `models.v1_neurons` but for the size; where one is NaN, so is all
    that follows. image_size: (height, width). contrasts: of either patch, 0 among them; the amplitude is half of it,
    in units of the model's images. num_phases: the rates are means over so many phases of the orthogonal patch.

    responses           (neurons, contrasts, contrasts)   of the neuron's patch, then of the orthogonal one
    grey_response       (neurons,)   the rate for grey
    suppression_index   (neurons,)   1 - rate(both) / rate(its own alone), both above that for grey and with both
                                     patches at the highest contrast; above 1 where both give less than grey; NaN where
                                     its own gives no more than grey

    Raises ValueError where 0 is not among the contrasts.
    """
    amplitudes = np.asarray(contrasts, dtype=float) / 2
    if 0 not in amplitudes:
        raise ValueError(f"contrasts are {list(contrasts)}; 0 must be among them, for each patch alone")
    like = next(model.parameters())
    shifts = np.arange(num_phases) * 2 * np.pi / num_phases

    def draw(neuron: np.ndarray, own: np.ndarray, orthogonal: np.ndarray, shift: np.ndarray) -> Tensor:
        place, frequency = (x[neuron], y[neuron]), spatial_frequency[neuron]
        mine = grating(image_size, like, *place, orientation[neuron], frequency, phase[neuron])
        other = grating(image_size, like, *place, orientation[neuron] + np.pi / 2, frequency, shifts[shift])
        plaid = stacked(amplitudes[own], like) * mine + stacked(amplitudes[orthogonal], like) * other
        return gaussian(image_size, like, *place, size[neuron]) * plaid

    shown = all_known(x, y, size, spatial_frequency, orientation, phase)
    shape = (len(amplitudes), len(amplitudes), num_phases)
    responses = own_rates(model, shown, shape, draw, batch_size=batch_size, progress=progress).mean(axis=3)
    grey = np.where(shown, grey_response(model, image_size), np.nan)
    high, none = amplitudes.argmax(), amplitudes.argmin()
    return {
        "responses": responses,
        "grey_response": grey,
        "suppression_index": suppression_index(responses[:, high, none], responses[:, high, high], grey),
    }
