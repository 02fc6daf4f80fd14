"""What was shown when, and what followed: a recording before its trials are sorted into splits and repeats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.lazy import LazyArray, Rows, as_float32, chunks, taken
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers.images import prepared
from pipeline.readers.options import Options
from pipeline.readers.splits import split_by_share
from pipeline.readers.units import only_units

SPLITS = ("train", "validation", "test")
MOST_EMPTY = 100  # places for a test response, for each that there is


@dataclass(frozen=True, eq=False)
class Presentations:
    """The trials of a recording in the order of the file."""

    images: Rows  # (images, height, width) or, in colour, (images, height, width, 3)
    image_of_trial: np.ndarray  # (trials,) which of them a trial showed; of a test image always the same one
    responses: Rows  # (trials, neurons)
    split_of_trial: (
        np.ndarray | None
    )  # (trials,) "train", "validation", "test" or "" (left out); None: the file has none
    neurons: dict[str, np.ndarray] = field(default_factory=dict)  # columns, (neurons, ...) each
    attributes: dict[str, Any] = field(default_factory=dict)
    are_chosen: bool = False  # whether the neurons are those that the options ask for already

    def recording(self, options: Options, source: str = "recording") -> Recording:
        """Sorted into splits and repeats; arrays are read when their rows are asked for.

        Training and validation trials stay one row a trial, in their order. Test images stand in the order of their
        first trial, the k-th trial of an image is its repeat k, NaN where an image was shown less often.
        Raises UserError where the options do not fit.
        """
        self._check(source)
        split = self._split(options, source)
        trials = {name: np.flatnonzero(split == name) for name in SPLITS}
        for name in SPLITS:
            if not len(trials[name]):
                raise UserError(f"{source}: none of its {len(split)} trials is of the split {name!r}; it needs some")
        images, repeats = _sorted_repeats(self.image_of_trial[trials["test"]])
        if repeats.size > MOST_EMPTY * len(trials["test"]):
            raise UserError(
                f"{source}: one test image was shown {len(repeats)} times, while {len(images)} have "
                f"{len(trials['test'])} trials together; leave it out of the test set"
            )
        trial_of_repeat = np.where(repeats < 0, -1, trials["test"][repeats])

        def shown(numbers: np.ndarray) -> Rows:
            return prepared(taken(self.images, numbers), options, source)

        recording = Recording(
            train_images=shown(self.image_of_trial[trials["train"]]),
            train_responses=self._responses(trials["train"]),
            validation_images=shown(self.image_of_trial[trials["validation"]]),
            validation_responses=self._responses(trials["validation"]),
            test_images=shown(images),
            test_responses=self._repeated(trial_of_repeat),
            neurons=self.neurons,
            attributes=self.attributes,
        )
        return recording if self.are_chosen else only_units(recording, options.units, source)

    def _check(self, source: str) -> None:
        """Raises UserError where the arrays do not fit together."""
        shown, split, images = self.image_of_trial, self.split_of_trial, len(self.images)
        if shown.ndim != 1 or shown.dtype.kind not in "ui":
            raise UserError(
                f"{source}: image_of_trial is {shown.dtype} {shown.shape}; allowed is a number of each trial"
            )
        outside = shown[(shown < 0) | (shown >= images)]
        if len(outside):
            raise UserError(
                f"{source}: image_of_trial holds {outside[0]}; allowed are the numbers of its images, 0 to {images - 1}"
            )
        if len(self.responses.shape) != 2 or len(self.responses) != len(shown):
            raise UserError(
                f"{source}: responses are {self.responses.shape}; allowed are ({len(shown)} trials, neurons)"
            )
        if split is None:
            return
        if split.shape != shown.shape:
            raise UserError(
                f"{source}: split_of_trial is {split.shape}; allowed is one for each of {len(shown)} trials"
            )
        unknown = split[~np.isin(split, (*SPLITS, ""))]
        if len(unknown):
            raise UserError(
                f"{source}: split_of_trial holds {str(unknown[0])!r}; allowed are {', '.join(SPLITS)} and '', which "
                "leaves a trial out"
            )

    def _split(self, options: Options, source: str) -> np.ndarray:
        if self.split_of_trial is not None:
            options.refuse(source, split="has a split of its own")
            return self.split_of_trial
        if options.split is None:
            raise UserError(f"{source}: has no split into training, validation and test set; choose split, .8,.1,.1")
        images = prepared(self.images, options, source)
        return split_by_share(images, self.image_of_trial, options.split, options.split_seed, source)

    def _responses(self, trials: np.ndarray) -> Rows:
        return as_float32(taken(self.responses, trials))

    def _repeated(self, trial_of_repeat: np.ndarray) -> Rows:
        """(repeats, images, neurons) from the trial (repeats, images) of each, -1 where there was none."""
        shape = (*trial_of_repeat.shape, self.responses.shape[1])

        def read(start: int, stop: int) -> np.ndarray:
            found = np.full((stop - start, *shape[1:]), np.nan, np.float32)
            for repeat, trials in zip(found, trial_of_repeat[start:stop], strict=True):
                places = np.flatnonzero(trials >= 0)
                for rows, responses in chunks(self._responses(trials[places])):
                    repeat[places[rows]] = responses
            return found

        return LazyArray(shape, np.float32, read)


def _sorted_repeats(image_of_trial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images in the order of their first trial, and (repeats, images) which trial each repeat was, -1 for none."""
    images, first, image = np.unique(image_of_trial, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.argsort(order)[image]
    by_image = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    repeat = np.arange(len(by_image)) - np.repeat(np.cumsum(counts) - counts, counts)
    trials = np.full((counts.max(), len(images)), -1)
    trials[repeat, place[by_image]] = by_image
    return images[order], trials
