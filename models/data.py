"""What a model is trained on: the arrays of a recording, normalised as in the original, as tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models import lazy, scores
from models.lazy import Rows, chunks
from models.memory import free_memory
from models.on_disk import on_disk
from models.recording import Recording
from models.spread import spread_of

AT_ONCE = 2**22  # bytes that are normalised at a time: in double precision they are up to eight times as many
MIN_RELATIVE_SD = 0.01  # a neuron whose SD is below this share of the mean SD is not scaled


@dataclass(frozen=True, eq=False)
class Data:
    """Images (n, 1, height, width), responses (n, neurons); test responses (repeats, m, neurons), NaN if not shown."""

    train_images: Tensor
    train_responses: Tensor
    validation_images: Tensor
    validation_responses: Tensor
    test_images: Tensor
    test_responses: Tensor

    @classmethod
    def from_recording(cls, recording: Recording) -> Data:
        """Normalise: images by one mean and SD of all training pixels, responses by each neuron's SD over the
        training set, then negatives to 0. Nothing is changed in place.

        Training arrays that are not in memory go to the disk (`models.on_disk`), to be read row by row."""
        mean, sd = image_scale(recording.train_images)
        scale = response_scale(recording.train_responses)

        def images(raw: np.ndarray) -> np.ndarray:
            return (raw - mean) / sd

        def responses(raw: np.ndarray) -> np.ndarray:
            return np.maximum(raw / scale, 0)

        return cls(
            train_images=_each(images, recording.train_images)[:, None],
            train_responses=_each(responses, recording.train_responses),
            validation_images=_each(images, recording.validation_images[:])[:, None],
            validation_responses=_each(responses, recording.validation_responses[:]),
            test_images=_each(images, recording.test_images[:])[:, None],
            test_responses=_each(responses, recording.test_responses[:]),
        )

    @property
    def parts(self) -> list[Data]:
        """Of one recording it is all of it."""
        return [self]

    @property
    def num_neurons(self) -> int:
        return self.train_responses.shape[1]

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.train_images.shape[2], self.train_images.shape[3]

    @property
    def mean_responses(self) -> np.ndarray:
        """(neurons,) float64: mean response over the training set."""
        responses = self.train_responses
        rows = max(1, lazy.CHUNK_BYTES // (responses[:1].nbytes or 1))
        total = torch.stack([part.double().sum(dim=0) for part in responses.split(rows)]).sum(dim=0)
        return (total / len(responses)).cpu().numpy()

    @cached_property
    def repeat_scores(self) -> dict[str, np.ndarray]:
        """`models.scores.repeat_scores` of the test set."""
        return scores.repeat_scores(self.test_responses.cpu().numpy())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Data:
        """The same data on another device and in another precision; made once, and kept as long as these are.

        Training arrays that would take more than half of what is free there stay as they are: who takes rows of them
        moves those.
        """
        place = torch.empty(0, device=device).device, dtype  # "cuda" is where tensors say "cuda:0"
        if place not in self._copies:
            training = [self.train_images, self.train_responses]
            needed = sum(tensor.numel() for tensor in training if not _is_at(tensor, place)) * dtype.itemsize
            stays = training if needed and needed > free_memory(place[0]) / 2 else []
            self._copies[place] = Data(
                *(tensor if any(tensor is one for one in stays) else tensor.to(*place) for tensor in self._tensors())
            )
        return self._copies[place]

    @property
    def nbytes(self) -> int:
        """Memory, or room on the disk, that it takes, with that of its copies."""
        tensors = [*self._tensors(), *(tensor for copy in self._copies.values() for tensor in copy._tensors())]
        return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())

    @cached_property
    def _copies(self) -> dict[tuple[torch.device, torch.dtype], Data]:
        return {}

    def _tensors(self) -> list[Tensor]:
        return [getattr(self, f.name) for f in fields(self)]


def image_scale(train_images: Rows) -> tuple[float, float]:
    """Mean and SD of all pixels of the training set (n, height, width)."""
    pixels = spread_of(train_images, of_columns=False)
    return float(pixels.mean), float(pixels.sd)


def response_scale(train_responses: Rows) -> np.ndarray:
    """(neurons,): SD over the training set (n, neurons), or 1 for neurons that hardly vary."""
    sd = spread_of(train_responses, of_columns=True).sd
    return np.where(sd < MIN_RELATIVE_SD * sd.mean(), 1.0, sd) if sd.any() else np.ones_like(sd)


def _is_at(tensor: Tensor, place: tuple[torch.device, torch.dtype]) -> bool:
    return (tensor.device, tensor.dtype) == place


def _each(normalised: Callable[[np.ndarray], np.ndarray], raw: Rows) -> Tensor:
    """All rows of an array normalised, float32: in memory where it is, otherwise on the disk."""
    if not isinstance(raw, np.ndarray):
        parts = (normalised(part) for _, rows in chunks(raw) for _, part in chunks(rows, AT_ONCE))
        return torch.from_numpy(on_disk(raw.shape, np.dtype(np.float32), parts))
    found = np.empty(raw.shape, np.float32)
    for rows, part in chunks(raw, AT_ONCE):
        found[rows] = normalised(part)
    return torch.from_numpy(found)
