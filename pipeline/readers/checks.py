"""What must hold of a recording in any format, and what is only worth a warning."""

from __future__ import annotations

import numpy as np

from models.recording import Recording
from pipeline.errors import UserError

NEGATIVE_NOISE = 0.05  # of the SD of all training responses; what is further below zero is no noise


def check_recording(recording: Recording, source: str) -> None:
    """Raises UserError about the first fault: source, field, what was found, what is allowed."""
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
        _check_finite(images, f"{source}: /{split}/images")
        if split != "test":
            _check_finite(responses, f"{source}: /{split}/responses")
    if np.ptp(recording.train_images) == 0:
        raise UserError(f"{source}: /train/images has the same value in every pixel; allowed are images that vary")
    _check_repeats(recording, source)
    _check_negative(recording, source)


def warnings_of(recording: Recording) -> list[str]:
    """What a user should know of a recording that is kept all the same, a line each."""
    lines = []
    silent = recording.neuron_id[~recording.train_responses.any(axis=0)]
    if len(silent):
        verb = "neuron never fires" if len(silent) == 1 else "neurons never fire"
        lines.append(f"{len(silent)} {verb} in the training set and cannot be predicted: {_some(silent)}")
    if (recording.test_repeats < 2).all():
        lines.append("no test image has two repeats, so that no ceiling can be computed")
    return lines


def _check_finite(array: np.ndarray, field: str) -> None:
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UserError(f"{field} holds {array[where]} at {where}; allowed are finite numbers")


def _check_repeats(recording: Recording, source: str) -> None:
    field = f"{source}: /test/responses"
    if np.isinf(recording.test_responses).any():
        raise UserError(f"{field} holds infinity; allowed are finite numbers, and NaN where a repeat was not shown")
    repeats = recording.test_repeats
    if not repeats.any():
        raise UserError(f"{field} has no repeat of any image; allowed is 1 or more for each image")
    if not repeats.all():
        image, neuron = (int(i) for i in np.argwhere(repeats == 0)[0])
        raise UserError(
            f"{field} has no repeat of image {image} for neuron {recording.neuron_id[neuron]}; allowed is 1 or more"
        )


def _check_negative(recording: Recording, source: str) -> None:
    lowest = -NEGATIVE_NOISE * float(recording.train_responses.std())
    for split in ("train", "validation", "test"):
        found = float(np.nanmin(getattr(recording, f"{split}_responses")))
        if found < lowest:
            raise UserError(
                f"{source}: /{split}/responses holds {found:.4g}; allowed is 0 or more, "
                f"but for noise down to {lowest:.2g}"
            )


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(str(pixels) for pixels in size)


def _some(numbers: np.ndarray, most: int = 8) -> str:
    shown = ", ".join(str(number) for number in numbers[:most])
    return shown if len(numbers) <= most else f"{shown}, ..."
