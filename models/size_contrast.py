"""Tuning to the size and contrast of a grating patch, and suppression by patches larger than the preferred one.

Source: Cavanaugh, Bair & Movshon, "Nature and interaction of signals from the receptive field center and surround
in macaque V1 neurons", J. Neurophysiology 88 (2002), doi:10.1152/jn.00692.2001.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from models.gratings import disc, grating, stacked
from models.model import CorePlusReadoutModel
from models.own_stimuli import all_known, grey_response, own_rates, suppression_index
from models.progress import Progress


def size_contrast_tuning(
    model: CorePlusReadoutModel,
    x: np.ndarray,
    y: np.ndarray,
    spatial_frequency: np.ndarray,
    orientation: np.ndarray,
    phase: np.ndarray,
    *,
    image_size: tuple[int, int],
    sizes: Sequence[float],
    contrasts: Sequence[float],
    num_phases: int,
    batch_size: int,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Rates for circular patches of each neuron's grating, on grey.

    x, y (pixels), spatial_frequency (cycles per pixel), orientation (of the stripes) and phase (radians): (neurons,),
    as in `models.v1_neurons`; where one is NaN, so is all that follows. image_size: (height, width).
    sizes: diameters, pixels. contrasts: the amplitude of a grating is half of it, in units of the model's images.
    num_phases: the rates are means over so many phases, evenly over a cycle from the neuron's own, as for a grating
    that drifts.

    curves              (neurons, sizes, contrasts)
    grey_response       (neurons,)   the rate for grey
    preferred_size      (neurons,)   the diameter with the highest rate, at the highest contrast
    suppression_index   (neurons,)   1 - rate(largest) / rate(preferred size), both above that for grey, at the highest
                                     contrast; above 1 where the largest patch gives less than grey

    The last two are NaN where no patch gives more than grey.
    """
    like = next(model.parameters())
    diameters, amplitudes = np.asarray(sizes, dtype=float), np.asarray(contrasts, dtype=float) / 2
    shifts = np.arange(num_phases) * 2 * np.pi / num_phases

    def draw(neuron: np.ndarray, size: np.ndarray, contrast: np.ndarray, shift: np.ndarray) -> Tensor:
        place = x[neuron], y[neuron]
        waves = orientation[neuron], spatial_frequency[neuron], phase[neuron] + shifts[shift]
        window = disc(image_size, like, *place, diameters[size])
        return stacked(amplitudes[contrast], like) * window * grating(image_size, like, *place, *waves)

    shown = all_known(x, y, spatial_frequency, orientation, phase)
    shape = (len(diameters), len(amplitudes), num_phases)
    curves = own_rates(model, shown, shape, draw, batch_size=batch_size, progress=progress).mean(axis=3)
    grey = np.where(shown, grey_response(model, image_size), np.nan)
    by_size = curves[:, :, amplitudes.argmax()]  # (neurons, sizes)
    preferred = np.nan_to_num(by_size).argmax(axis=1)
    index = suppression_index(by_size.max(axis=1), by_size[:, diameters.argmax()], grey)
    return {
        "curves": curves,
        "grey_response": grey,
        "preferred_size": np.where(np.isfinite(index), diameters[preferred], np.nan),
        "suppression_index": index,
    }
