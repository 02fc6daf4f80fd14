"""What must hold of a recording in any format, and what is only worth a warning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.lazy import Rows, chunks
from models.recording import ARRAYS, Recording
from models.spread import Spread
from pipeline.errors import UserError
from pipeline.readers.oddities import constant_images, constant_test_responses, few_repeats, repeated_images, some

LARGEST_ID = np.iinfo(np.int64).max
ONE_ROW_A_TRIAL = ("train_responses", "validation_responses")  # all else has three dimensions
NEGATIVE_NOISE = 0.05  # of the SD of all training responses; what is further below zero is no noise


@dataclass(frozen=True, eq=False)
class Statistics:
    """What one look at all arrays of a recording gives."""

    mean_response: np.ndarray  # (neurons,) float64: over the training set
    is_silent: np.ndarray  # (neurons,) bool: without any response in the training set
    test_repeats: np.ndarray  # (m, neurons): how often each test image was shown to each neuron


def check_recording(recording: Recording, source: str) -> Statistics:
    """Raises UserError about the first fault: source, field, what was found, what is allowed.

    All is read once, chunk by chunk, however large it is.
    """
    _check_shapes(recording, source)
    _check_columns(recording, source)
    lowest, highest = _check_images(recording.train_images, f"{source}: /train/images")
    for split in ("validation", "test"):
        _check_images(getattr(recording, f"{split}_images"), f"{source}: /{split}/images")
    if lowest == highest:
        raise UserError(f"{source}: /train/images has the same value in every pixel; allowed are images that vary")
    total, fires = np.zeros(recording.num_neurons), np.zeros(recording.num_neurons, bool)
    lowest_of, spread = dict.fromkeys(("train", "validation", "test"), np.inf), Spread(of_columns=False)
    for rows, responses in chunks(recording.train_responses):
        _check_finite(responses, rows.start, f"{source}: /train/responses")
        total += responses.sum(axis=0, dtype=np.float64)
        fires |= responses.any(axis=0)
        lowest_of["train"] = min(lowest_of["train"], float(responses.min()))
        spread.add(responses)
    for rows, responses in chunks(recording.validation_responses):
        _check_finite(responses, rows.start, f"{source}: /validation/responses")
        lowest_of["validation"] = min(lowest_of["validation"], float(responses.min()))
    repeats = np.zeros(recording.test_responses.shape[1:], np.int32)
    for _, responses in chunks(recording.test_responses):
        _check_no_infinity(responses, f"{source}: /test/responses")
        repeats += np.isfinite(responses).sum(axis=0, dtype=np.int32)
        lowest_of["test"] = min(lowest_of["test"], float(np.fmin.reduce(responses, axis=None)))
    _check_repeats(repeats, recording.neuron_id, f"{source}: /test/responses")
    _check_negative(lowest_of, float(spread.sd), source)
    return Statistics(total / len(recording.train_responses), ~fires, repeats)


def warnings_of(recording: Recording, statistics: Statistics) -> list[str]:
    """What a user should know of a recording that is kept all the same, a line each."""
    lines = []
    silent = recording.neuron_id[statistics.is_silent]
    if len(silent):
        verb = "neuron never fires" if len(silent) == 1 else "neurons never fire"
        lines.append(f"{len(silent)} {verb} in the training set and cannot be predicted: {some(silent)}")
    lines += few_repeats(statistics.test_repeats, recording.neuron_id)
    lines += constant_test_responses(recording, statistics.is_silent)
    return lines + repeated_images(recording) + constant_images(recording)


def _check_shapes(recording: Recording, source: str) -> None:
    for name, where in ARRAYS.items():
        shape, dimensions = getattr(recording, name).shape, 2 if name in ONE_ROW_A_TRIAL else 3
        if len(shape) != dimensions:
            raise UserError(f"{source}: /{where} has {len(shape)} dimensions, {shape}; allowed is {dimensions}")
    if recording.num_neurons == 0:
        raise UserError(f"{source}: /train/responses has 0 neurons; allowed is 1 or more")
    size = recording.image_size
    for split in ("train", "validation", "test"):
        images = getattr(recording, f"{split}_images")
        responses = getattr(recording, f"{split}_responses")
        if len(images) == 0:
            raise UserError(f"{source}: /{split}/images holds 0 images; allowed is 1 or more")
        if images.shape[1:] != size:
            raise UserError(
                f"{source}: /{split}/images has images of {_by(images.shape[1:])} pixels, "
                f"/train/images of {_by(size)}; allowed is one size"
            )
        if 0 in size:
            raise UserError(f"{source}: /{split}/images has images of {_by(size)} pixels; allowed is 1 x 1 or more")
        if responses.shape[-2] != len(images):
            raise UserError(
                f"{source}: /{split}/responses has {responses.shape[-2]} images, /{split}/images {len(images)}; "
                "allowed is the same number"
            )
        if responses.shape[-1] != recording.num_neurons:
            raise UserError(
                f"{source}: /{split}/responses has {responses.shape[-1]} neurons, /train/responses "
                f"{recording.num_neurons}; allowed is the same number"
            )


def _check_columns(recording: Recording, source: str) -> None:
    for name, column in recording.neurons.items():
        if not name.isprintable() or not name.strip(". ") or "/" in name:
            raise UserError(f"{source}: a column of neurons is named {name!r}; allowed are words without '/'")
        _check_kind(column, "uifbU", "numbers and text", f"{source}: /neurons/{name}")
        if column.ndim < 1 or len(column) != recording.num_neurons:
            raise UserError(
                f"{source}: /neurons/{name} has the shape {column.shape}; allowed is one value for each of "
                f"{recording.num_neurons} neurons"
            )
    _check_expected_rate(recording, source)
    given = recording.neurons.get("neuron_id")
    if given is None:
        return
    _check_kind(given, "ui", "whole numbers", f"{source}: /neurons/neuron_id")
    if given.ndim != 1:
        raise UserError(f"{source}: /neurons/neuron_id has the shape {given.shape}; allowed is one dimension")
    numbers, counts = np.unique(given, return_counts=True)
    if (counts > 1).any():
        raise UserError(
            f"{source}: /neurons/neuron_id holds {numbers[counts > 1][0]} twice; allowed is each number once"
        )
    if numbers[-1] > LARGEST_ID:
        raise UserError(f"{source}: /neurons/neuron_id holds {numbers[-1]}; allowed is at most {LARGEST_ID}")


def _check_kind(column: np.ndarray, kinds: str, allowed: str, field: str) -> None:
    """kinds: those of `numpy.dtype.kind` that are allowed."""
    if column.dtype.kind not in kinds:
        what = "text" if column.dtype.kind == "U" else column.dtype
        raise UserError(f"{field} holds {what}; allowed are {allowed}")


def _check_expected_rate(recording: Recording, source: str) -> None:
    """The truth of a simulated recording, which has a column of its own in the table."""
    rates = recording.neurons.get("expected_rate")
    if rates is None:
        return
    _check_kind(rates, "uif", "numbers", f"{source}: /neurons/expected_rate")
    shape = recording.num_neurons, len(recording.test_images)
    if rates.shape != shape:
        raise UserError(
            f"{source}: /neurons/expected_rate has the shape {rates.shape}; allowed is {shape}, a rate for each neuron "
            "and test image"
        )


def _check_images(images: Rows, field: str) -> tuple[float, float]:
    """The lowest and the highest value."""
    lowest, highest = np.inf, -np.inf
    for rows, part in chunks(images):
        _check_finite(part, rows.start, field)
        lowest, highest = min(lowest, float(part.min())), max(highest, float(part.max()))
    return lowest, highest


def _check_finite(array: np.ndarray, first: int, field: str) -> None:
    """first: number of the first row among all."""
    if not np.isfinite(array).all():
        row, *rest = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
        where = (first + row, *rest)
        raise UserError(f"{field} holds {array[row, *rest]} at {where}; allowed are finite numbers")


def _check_no_infinity(array: np.ndarray, field: str) -> None:
    if np.isinf(array).any():
        raise UserError(f"{field} holds infinity; allowed are finite numbers, and NaN where a repeat was not shown")


def _check_repeats(repeats: np.ndarray, neuron_id: np.ndarray, field: str) -> None:
    if not repeats.any():
        raise UserError(f"{field} has no repeat of any image; allowed is 1 or more for each image")
    if not repeats.all():
        image, neuron = (int(i) for i in np.argwhere(repeats == 0)[0])
        raise UserError(f"{field} has no repeat of image {image} for neuron {neuron_id[neuron]}; allowed is 1 or more")


def _check_negative(lowest_of: dict[str, float], sd: float, source: str) -> None:
    """lowest_of: the lowest response of each split. sd: of all training responses."""
    lowest = -NEGATIVE_NOISE * sd
    for split, found in lowest_of.items():
        if found < lowest:
            raise UserError(
                f"{source}: /{split}/responses holds {found:.4g}; allowed is 0 or more, "
                f"but for noise down to {lowest:.2g}"
            )


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(str(pixels) for pixels in size)
