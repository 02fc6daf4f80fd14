"""What is odd about a recording, though no fault: each function gives lines of warning, one an oddity.

Arrays are read chunk by chunk, however large they are.
"""

from __future__ import annotations

import numpy as np

from models.lazy import chunks, joined
from models.recording import Recording
from pipeline.readers.splits import same_content

FEWEST_FREEDOM = 30  # repeats beyond the first of an image: of fewer, the noise is known to no better than a quarter
SPLITS = {"train": "training", "validation": "validation", "test": "test"}


def repeated_images(recording: Recording) -> list[str]:
    """Images of equal pixels in several splits, and test images that stand there more than once."""
    images = {split: getattr(recording, f"{split}_images") for split in SPLITS}
    numbers = same_content(joined(list(images.values())))
    limits = np.cumsum([0, *map(len, images.values())])
    content = {split: numbers[limits[i] : limits[i + 1]] for i, split in enumerate(images)}
    lines = []
    for split, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
        common = np.flatnonzero(np.isin(content[split], content[other]))
        if len(common):
            lines.append(
                f"{_count(common, 'image')} of the {SPLITS[split]} set {_is(common)} also in the {SPLITS[other]} set, "
                f"so that a score is not of new images alone: {some(common)}"
            )
    _, first = np.unique(content["test"], return_index=True)
    again = np.setdiff1d(np.arange(len(content["test"])), first)
    if len(again):
        lines.append(f"{_count(again, 'test image')} {_is(again)} there before in the test set: {some(again)}")
    return lines


def constant_images(recording: Recording) -> list[str]:
    """Images of one grey alone."""
    lines = []
    for split, name in SPLITS.items():
        constant = [
            rows.start + np.flatnonzero(np.ptp(block.reshape(len(block), -1), axis=1) == 0)
            for rows, block in chunks(getattr(recording, f"{split}_images"))
        ]
        found = np.concatenate(constant)
        if len(found):
            lines.append(f"{_count(found, 'image')} of the {name} set {_is(found)} of one grey alone: {some(found)}")
    return lines


def constant_test_responses(recording: Recording, is_silent: np.ndarray) -> list[str]:
    """Neurons that fire in training, and have one value alone in the test set; is_silent: (neurons,) the others."""
    shape = recording.test_responses.shape[2]
    lowest, highest = np.full(shape, np.inf), np.full(shape, -np.inf)
    for _, block in chunks(recording.test_responses):
        values = block.reshape(-1, shape)
        lowest = np.fmin(lowest, np.fmin.reduce(values, axis=0))
        highest = np.fmax(highest, np.fmax.reduce(values, axis=0))
    constant = recording.neuron_id[(lowest == highest) & ~is_silent]
    if not len(constant):
        return []
    verb = "has" if len(constant) == 1 else "have"
    return [
        f"{_count(constant, 'neuron')} {verb} one response alone in the test set, and a score of 0: {some(constant)}"
    ]


def few_repeats(repeats: np.ndarray, neuron_id: np.ndarray) -> list[str]:
    """Too few to tell how well any model could do; repeats: (m, neurons), how often a test image was shown."""
    freedom = np.maximum(repeats - 1, 0).sum(axis=0)
    if not freedom.any():
        return ["no test image has two repeats, so that no ceiling can be computed"]
    lines = []
    without = neuron_id[freedom == 0]
    if len(without):
        lines.append(
            f"{_count(without, 'neuron')} without two repeats of any test image, and no ceiling: {some(without)}"
        )
    typical = int(np.median(freedom[freedom > 0]))
    if typical < FEWEST_FREEDOM:
        lines.append(
            f"test images have {typical} repeats beyond their first, so that the ceiling is uncertain; "
            f"{FEWEST_FREEDOM} or more are enough"
        )
    shown = repeats.sum(axis=0)
    fewer = neuron_id[(shown < shown.max()) & (freedom > 0)]
    if len(fewer):
        verb = "lacks" if len(fewer) == 1 else "lack"
        lines.append(f"{_count(fewer, 'neuron')} {verb} test repeats that others have: {some(fewer)}")
    return lines


def some(numbers: np.ndarray, most: int = 8) -> str:
    """The first of them, as words."""
    shown = ", ".join(str(number) for number in numbers[:most])
    return shown if len(numbers) <= most else f"{shown}, ..."


def _count(found: np.ndarray, what: str) -> str:
    return f"{len(found)} {what}" if len(found) == 1 else f"{len(found)} {what}s"


def _is(found: np.ndarray) -> str:
    return "is" if len(found) == 1 else "are"
