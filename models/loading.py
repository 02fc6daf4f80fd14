"""The images and responses of a training step, as they come to the device: taken from the data, with noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.data import Data
from models.shared_data import SharedData
from models.training_step import Minibatch


class Loader:
    """Makes minibatches of data for a core of so many channels; `noise` draws all that is random in them."""

    def __init__(
        self, data: Data | SharedData, channels: int, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._data, self._channels, self._device, self._dtype = data, channels, device, dtype
        self.noise = torch.Generator().manual_seed(seed)

    def minibatch(self, rows: Sequence[np.ndarray], map_dropout: float, max_shift: int) -> Minibatch:
        """Rows of each recording, on the device.

        map_dropout: share of the maps that an image is read without. max_shift: of an image, pixels along either axis.
        """
        shown, responses = [], []
        for own, recording in zip(rows, self._data.parts, strict=True):
            which = torch.from_numpy(own)
            images = self._taken(recording.train_images, which)
            shown.append(self._shifted(images, max_shift) if max_shift else images)
            responses.append(self._taken(recording.train_responses, which))
        images = shown[0] if len(shown) == 1 else torch.cat(shown)
        if not map_dropout:
            return Minibatch(images, tuple(responses))
        kept = torch.rand(len(images), self._channels, generator=self.noise) >= map_dropout
        return Minibatch(images, tuple(responses), self._on_device(kept.to(self._dtype) / (1 - map_dropout)))

    def _taken(self, array: Tensor, which: Tensor) -> Tensor:
        """Rows of a training array, which is not on the device where that has no room for it."""
        if array.device.type == "cpu":
            return self._on_device(array[which].to(self._dtype))
        return array[self._on_device(which)]

    def _shifted(self, images: Tensor, max_shift: int) -> Tensor:
        """Each image moved by its own whole number of pixels; what enters is a repeat of the border."""
        height, width = images.shape[2:]
        shifts = torch.randint(-max_shift, max_shift + 1, (2, len(images), 1), generator=self.noise)
        rows = self._on_device((torch.arange(height) + shifts[0]).clamp(0, height - 1))
        columns = self._on_device((torch.arange(width) + shifts[1]).clamp(0, width - 1))
        which = torch.arange(len(images), device=images.device)[:, None, None]
        return images[which, 0, rows[:, :, None], columns[:, None, :]][:, None]

    def _on_device(self, tensor: Tensor) -> Tensor:
        """Moved there; from memory that a GPU reads by itself, so that the host need not wait."""
        waiting = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return waiting.to(self._device, non_blocking=True)
