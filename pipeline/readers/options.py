"""What a user may choose of how a recording is read; kept with its row, so that reading again gives the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """None leaves what the file has."""

    grey: bool = False  # images in colour become their luminance
    crop: tuple[int, int, int, int] | None = None  # pixels taken off: top, bottom, left, right; before the size
    size: tuple[int, int] | None = None  # (height, width) in pixels, by averages over areas
    split: tuple[float, float, float] | None = None  # shares of the images: train, validation, test
    split_seed: int = 0
    window: tuple[float, float] | None = None  # seconds from an image's onset in which its responses are taken
    units: str | None = None  # which neurons: a column of the file and its value, "area=V1"
