"""The data of several recordings, which one core sees together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from models.data import Data


class SharedData:
    """`Data` by the names of recordings, each normalised by itself; all have images of one size."""

    def __init__(self, recordings: Mapping[str, Data]) -> None:
        sizes = {name: data.image_size for name, data in recordings.items()}
        if len(set(sizes.values())) != 1:
            found = ", ".join(f"{name} {height} x {width}" for name, (height, width) in sizes.items()) or "none"
            raise ValueError(f"recordings that share a core have images of one size; found: {found}")
        self.recordings = dict(recordings)

    @property
    def parts(self) -> list[Data]:
        """The data of each recording, in their order."""
        return list(self.recordings.values())

    @property
    def num_neurons(self) -> int:
        """Of all recordings together."""
        return sum(data.num_neurons for data in self.parts)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.parts[0].image_size

    @property
    def nbytes(self) -> int:
        """Memory that the recordings take, with that of their copies."""
        return sum(data.nbytes for data in self.parts)

    @cached_property
    def train_images(self) -> Tensor:
        """(n, 1, height, width), in main memory: the training images of one recording after the other."""
        return torch.cat([data.train_images.cpu() for data in self.parts])

    def to(self, device: torch.device | str, dtype: torch.dtype) -> SharedData:
        """The same data on another device and in another precision."""
        return SharedData({name: data.to(device, dtype) for name, data in self.recordings.items()})
