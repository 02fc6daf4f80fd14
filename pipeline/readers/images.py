"""Crop, grey and size of images, the same for every format and in this order."""

from __future__ import annotations

import numpy as np

from models.lazy import Rows, as_float32, mapped
from pipeline.errors import UserError
from pipeline.readers.options import Options

MOST_PIXELS = 2**24  # of an image, as of 4096 x 4096: whole ones are in memory several times, also in double precision
MOST_WEIGHTS = 2**24  # of pixels in the parts of a line, which are a matrix
LUMA = np.array([299, 587, 114])  # thousandths of red, green and blue in the luminance of Rec. ITU-R BT.601


def prepared(images: Rows, options: Options, source: str) -> Rows:
    """Images (n, height, width), or with a channel axis (n, height, width, 1 or 3), as (n, height, width).

    uint8 stays uint8 unless a size changes it; all else is float32. Raises UserError where the options do not fit.
    """
    if images.dtype.kind not in "uif":
        raise UserError(f"{source}: images are {images.dtype}; allowed are numbers")
    top, bottom, left, right = options.crop or (0, 0, 0, 0)
    colour = _is_colour(images, options, source)
    if images.shape[1] * images.shape[2] > MOST_PIXELS:
        raise UserError(
            f"{source}: images of {images.shape[1]} x {images.shape[2]} pixels are too large; allowed are "
            f"{MOST_PIXELS} pixels, 4096 x 4096"
        )
    height, width = images.shape[1] - top - bottom, images.shape[2] - left - right
    if options.crop and (height < 1 or width < 1):
        raise UserError(
            f"{source}: crop {top},{bottom},{left},{right} leaves nothing of images of {images.shape[1]} x "
            f"{images.shape[2]} pixels; take off less"
        )
    size = options.size or (height, width)
    if size[0] > height or size[1] > width:
        raise UserError(
            f"{source}: size {size[0]}x{size[1]} is larger than the images, {height} x {width} pixels; "
            "allowed are sizes up to that"
        )
    is_resized = size != (height, width)
    dtype = np.dtype(np.uint8 if images.dtype == np.uint8 and not is_resized else np.float32)
    if len(images.shape) == 3 and not options.crop and not is_resized:
        return images if images.dtype == dtype else as_float32(images)
    if is_resized and max(height * size[0], width * size[1]) > MOST_WEIGHTS:
        raise UserError(f"{source}: images of {height} x {width} pixels are too large to be brought to another size")
    rows, columns = (overlaps(height, size[0]), overlaps(width, size[1]).T) if is_resized else (None, None)

    def change(block: np.ndarray) -> np.ndarray:
        block = block[:, top : top + height, left : left + width]
        if block.ndim == 4:
            block = luminance(block) if colour else block[..., 0]
        with np.errstate(all="ignore"):  # NaN and infinity are refused later, where they can be named
            if is_resized:
                # Whole numbers up to the division, so that pixels of whole numbers give the same bits everywhere.
                block = rows @ block.astype(np.float64) @ columns / (height * width)
            return block.astype(dtype)

    return mapped(images, size, dtype, change)


def luminance(images: np.ndarray) -> np.ndarray:
    """(..., 3) to (...): 0.299 red + 0.587 green + 0.114 blue, rounded to uint8 for uint8, else float64."""
    with np.errstate(all="ignore"):
        grey = (images.astype(np.float64) @ LUMA.astype(np.float64)) / 1000
    return np.rint(grey).astype(np.uint8) if images.dtype == np.uint8 else grey


def overlaps(pixels: int, fewer: int) -> np.ndarray:
    """(fewer, pixels) float64: how much of a pixel lies in each of `fewer` equal parts of a line of pixels, in
    units of 1 / fewer of a pixel; whole numbers, each row of which sums to `pixels`."""
    parts = np.arange(fewer)[:, None] * pixels
    places = np.arange(pixels)[None] * fewer
    return np.clip(np.minimum(parts + pixels, places + fewer) - np.maximum(parts, places), 0, None).astype(np.float64)


def _is_colour(images: Rows, options: Options, source: str) -> bool:
    if len(images.shape) == 3 or (len(images.shape) == 4 and images.shape[3] == 1):
        return False
    if len(images.shape) != 4 or images.shape[3] != 3:
        raise UserError(
            f"{source}: images have the shape {tuple(images.shape)}; allowed are (images, height, width), and the same "
            "with 1 or 3 channels"
        )
    if not options.grey:
        raise UserError(f"{source}: images are in colour, models take grey ones; choose grey")
    return True
