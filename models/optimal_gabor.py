"""The Gabor that excites each neuron most, of a whole set, and what its tuning around that one tells.

One pass over the set: images are made when they are shown, and of the rates only running maxima are kept.
Source: Ecker et al., ICLR 2019, section 4.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.gabors import GaborSet
from models.model import CorePlusReadoutModel
from models.own_stimuli import own_rates
from models.progress import Progress
from models.repeats import MIN_SD


def optimal_gabors(
    model: CorePlusReadoutModel, gabors: GaborSet, *, batch_size: int, progress: Progress | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The optimal Gabor of each neuron by name, each (neurons,), and orientation tuning (neurons, orientations).

    gabor_index                the number of the Gabor in the set, int64
    response                   its rate
    x, y, size, spatial_frequency, contrast   as in `GaborSet`
    orientation, phase         of the stripes, as in `models.v1_neurons`: radians, in [0, pi) and [0, 2 pi)
    mean_response              mean rate over the whole set
    centre_x, centre_y         centre of the neuron's field, finer than the set's places: the mean of the places that
                               excite it more than half as much as the best one, weighted by how much more; a place
                               by its highest rate, averaged over phases, above that of the worst place
    preferred_orientation      half the angle of the tuning curve's vector mean, [0, pi)
    orientation_selectivity    its length: 1 - circular variance (Ringach, Shapley & Hawken, "Orientation selectivity
                               in macaque V1", J. Neurosci. 22 (2002), doi:10.1523/JNEUROSCI.22-13-05639.2002)

    The tuning curve is at the optimal place, size, frequency and contrast, and averaged over phases, as are rates for
    a drifting grating; its orientations are `tuning_orientations(gabors)`. Neurons whose rate is the same for all of
    the set have -1 for a number, and NaN for all but the mean.

    batch_size: rounded down to whole cycles of phases, at least one. progress: called with the numbers of stimuli
    shown and of all, for the set and then for the tuning curves.
    """
    survey = _survey(model, gabors, batch_size, progress)
    varies = survey.highest - survey.lowest > MIN_SD
    index = np.where(varies, survey.index, 0)
    orientations, phases = gabors.num_params[-2:]
    block = orientations * phases
    like = next(model.parameters())

    def draw(neuron: np.ndarray, orientation: np.ndarray, phase: np.ndarray) -> Tensor:
        numbers = index[neuron] // block * block + orientation * phases + phase
        return gabors.images(numbers, like.device, like.dtype)

    shape = (orientations, phases)
    rates = own_rates(model, varies, shape, draw, batch_size=batch_size, progress=progress)
    curves = rates.mean(axis=2)[:, np.argsort(_stripes(gabors))]
    best = gabors.parameters(index)
    centre = _centres(survey.by_place, varies, gabors)
    vector = (curves * np.exp(2j * tuning_orientations(gabors))).sum(axis=1)
    # a set's phase is that of a wave along its own direction, which may be opposite to the one across the stripes
    orientation = _half_turn(best["orientation"] + np.pi / 2)
    opposite = np.sin(orientation - best["orientation"]) < 0
    columns = {
        "response": survey.highest,
        "x": best["x"],
        "y": best["y"],
        "size": best["size"],
        "spatial_frequency": best["spatial_frequency"],
        "contrast": best["contrast"],
        "orientation": orientation,
        "phase": np.mod(np.where(opposite, best["phase"], -best["phase"]), 2 * np.pi),
        "centre_x": centre[:, 0],
        "centre_y": centre[:, 1],
        "preferred_orientation": _half_turn(np.angle(vector) / 2),
        "orientation_selectivity": np.abs(vector) / np.where(varies, curves.sum(axis=1), 1),
    }
    known = {name: np.where(varies, values, np.nan) for name, values in columns.items()}
    everywhere = {"gabor_index": np.where(varies, survey.index, -1), "mean_response": survey.total / len(gabors)}
    return everywhere | known, curves


def tuning_orientations(gabors: GaborSet) -> np.ndarray:
    """(orientations,): of the stripes, radians in [0, pi), ascending: those of the tuning curves."""
    return np.sort(_stripes(gabors))


@dataclass(frozen=True)
class _Survey:
    """Of the rates for a whole set, each (neurons,); by_place (places, neurons) is the highest mean over phases."""

    index: np.ndarray
    highest: np.ndarray
    lowest: np.ndarray
    total: np.ndarray
    by_place: np.ndarray


@torch.no_grad()
def _survey(model: CorePlusReadoutModel, gabors: GaborSet, batch_size: int, progress: Progress | None) -> _Survey:
    model.eval()
    like = next(model.parameters())
    places, phases = gabors.num_params[0], gabors.num_params[-1]
    width, height = gabors.canvas_size
    grey = model(like.new_zeros(1, 1, height, width))[0]  # (neurons,)
    highest, lowest = torch.full_like(grey, -math.inf), torch.full_like(grey, math.inf)
    total, index = torch.zeros_like(grey, dtype=torch.float64), torch.zeros_like(grey, dtype=torch.int64)
    by_place = highest.repeat(places, 1)
    step = max(batch_size // phases, 1) * phases
    for start in range(0, len(gabors), step):
        numbers = np.arange(start, min(start + step, len(gabors)))
        rates = model(gabors.images(numbers, like.device, like.dtype)[:, None])  # (n, neurons)
        top, at = rates.max(dim=0)
        index = torch.where(top > highest, at + start, index)
        highest, lowest = torch.maximum(highest, top), torch.minimum(lowest, rates.amin(dim=0))
        total += rates.sum(dim=0, dtype=torch.float64)
        over_phases = rates.unflatten(0, (-1, phases)).mean(dim=1)
        place = torch.from_numpy(numbers[::phases] // (len(gabors) // places)).to(like.device)
        by_place.scatter_reduce_(0, place[:, None].expand_as(over_phases), over_phases, "amax")
        if progress:
            progress(start + len(numbers), len(gabors))
    highest, lowest, by_place = highest.double(), lowest.double(), by_place.double()
    return _Survey(*(values.cpu().numpy() for values in (index, highest, lowest, total, by_place)))


def _centres(by_place: np.ndarray, varies: np.ndarray, gabors: GaborSet) -> np.ndarray:
    """(neurons, 2): x and y, of those that vary."""
    above = by_place - by_place.min(axis=0)
    weights = np.maximum(above - above.max(axis=0) / 2, 0)
    # one place, or places that do not differ, are as good as each other
    weights = np.where(weights.any(axis=0), weights, 1)
    first_of_place = np.arange(len(by_place)) * (len(gabors) // len(by_place))
    places = np.stack([gabors.parameters(first_of_place)[name] for name in ("x", "y")], axis=1)
    return weights.T @ places / weights.sum(axis=0)[:, None]


def _stripes(gabors: GaborSet) -> np.ndarray:
    """(orientations,): of the stripes, in the order of the set."""
    orientations, phases = gabors.num_params[-2:]
    return _half_turn(gabors.parameters(np.arange(orientations) * phases)["orientation"] + np.pi / 2)


def _half_turn(angle: np.ndarray) -> np.ndarray:
    """The same orientation in [0, pi)."""
    turned = np.mod(angle, np.pi)
    return np.where(turned < np.pi, turned, 0)  # rounding may give pi itself
