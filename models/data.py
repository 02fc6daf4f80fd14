"""What a model is trained on: the arrays of a recording, normalised as in the original, as tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models import scores
from models.recording import Recording

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
        training set, then negatives to 0. Nothing is changed in place."""
        mean, sd = image_scale(recording.train_images)
        scale = response_scale(recording.train_responses)

        def images(raw: np.ndarray) -> Tensor:
            return torch.from_numpy(((raw - mean) / sd).astype(np.float32)[:, None])

        def responses(raw: np.ndarray) -> Tensor:
            return torch.from_numpy(np.maximum(raw / scale, 0).astype(np.float32))

        return cls(
            train_images=images(recording.train_images),
            train_responses=responses(recording.train_responses),
            validation_images=images(recording.validation_images),
            validation_responses=responses(recording.validation_responses),
            test_images=images(recording.test_images),
            test_responses=responses(recording.test_responses),
        )

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
        return self.train_responses.double().mean(dim=0).cpu().numpy()

    @cached_property
    def repeat_scores(self) -> dict[str, np.ndarray]:
        """`models.scores.repeat_scores` of the test set."""
        return scores.repeat_scores(self.test_responses.cpu().numpy())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Data:
        """The same data on another device and in another precision; made once, and kept as long as these are."""
        place = torch.device(device), dtype
        if place not in self._copies:
            self._copies[place] = Data(*(tensor.to(device, dtype) for tensor in self._tensors()))
        return self._copies[place]

    @property
    def nbytes(self) -> int:
        """Memory that it takes, with that of its copies."""
        own = sum(tensor.nbytes for tensor in self._tensors())
        return own + sum(copy.nbytes for copy in self._copies.values() if copy.train_images is not self.train_images)

    @cached_property
    def _copies(self) -> dict[tuple[torch.device, torch.dtype], Data]:
        return {}

    def _tensors(self) -> list[Tensor]:
        return [getattr(self, f.name) for f in fields(self)]


def image_scale(train_images: np.ndarray) -> tuple[float, float]:
    """Mean and SD of all pixels of the training set (n, height, width)."""
    pixels = train_images.astype(np.float64)
    return float(pixels.mean()), float(pixels.std())


def response_scale(train_responses: np.ndarray) -> np.ndarray:
    """(neurons,): SD over the training set (n, neurons), or 1 for neurons that hardly vary."""
    sd = train_responses.astype(np.float64).std(axis=0)
    return np.where(sd < MIN_RELATIVE_SD * sd.mean(), 1.0, sd) if sd.any() else np.ones_like(sd)
