"""Recordings with something changed, and recordings of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.recording import Recording


def changed(recording: Recording, **arrays) -> Recording:
    """The recording with some arrays replaced, each by what a function makes of a copy of it."""
    return replace(recording, **{name: change(getattr(recording, name).copy()) for name, change in arrays.items()})


def put(place: tuple, value: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that makes float32 of an array and sets one place of it."""

    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.float32)
        array[place] = value
        return array

    return change


def noise(num_train: int) -> Recording:
    """A recording without any structure, of two neurons and images of 8 x 8 pixels."""
    generator = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return generator.integers(0, 256, (count, 8, 8), dtype=np.uint8)

    def responses(*shape: int) -> np.ndarray:
        return generator.gamma(1.0, size=(*shape, 2)).astype(np.float32)

    return Recording(
        train_images=images(num_train),
        train_responses=responses(num_train),
        validation_images=images(4),
        validation_responses=responses(4),
        test_images=images(4),
        test_responses=responses(2, 4),
    )


def unequally_shown() -> Recording:
    """Five neurons in two areas, images of 7 x 9 pixels; the test images were not all shown equally often."""
    generator = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return generator.integers(0, 256, (count, 7, 9), dtype=np.uint8)

    test_responses = generator.gamma(1.0, size=(4, 60, 5)).astype(np.float32)
    test_responses[2:, 3] = np.nan
    test_responses[3, 40:] = np.nan
    return Recording(
        train_images=images(80),
        train_responses=generator.gamma(1.0, size=(80, 5)).astype(np.float32),
        validation_images=images(6),
        validation_responses=generator.gamma(1.0, size=(6, 5)).astype(np.float32),
        test_images=images(60),
        test_responses=test_responses,
        neurons={"neuron_id": np.array([4, 7, 1, 9, 12]), "area": np.array(["V1", "V1", "LM", "LM", "LM"])},
    )
