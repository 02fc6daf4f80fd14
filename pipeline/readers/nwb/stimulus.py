"""Which image was shown when: from an IndexSeries, the frames of an ImageSeries, or a table of intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.lazy import LazyArray, Rows
from pipeline.errors import UserError
from pipeline.readers.nwb.opened import MOST_IMAGE_BYTES, Opened, chosen, place
from pipeline.readers.splits import same_content

IMAGE_COLUMNS = ("image_id", "frame")  # of a table of intervals


@dataclass(frozen=True)
class Shown:
    """Presentations in the order of the file."""

    images: Rows  # (images, height, width) or (images, height, width, 3), uint8 or float32
    image_of_trial: np.ndarray  # (trials,)
    onsets: np.ndarray  # (trials,) seconds
    source: str
    table: Any = None  # the table of intervals that tells it, of pynwb


def read_stimulus(file: Opened, name: str | None) -> Shown:
    """The images of a file and their presentations; name: which of several stimuli."""
    from pynwb.epoch import TimeIntervals
    from pynwb.image import ImageSeries, IndexSeries

    presented = [one for one in file.nwb.stimulus.values() if isinstance(one, IndexSeries | ImageSeries)]
    outside = [one for one in presented if getattr(one, "external_file", None) is not None]
    candidates = [one for one in presented if one not in outside]
    if _templates(file):
        tables = file.objects(TimeIntervals)
        with_images = [one for one in tables if _image_column(one)]
        candidates += with_images if not candidates or name is not None else []
    lacking = "no image is presented; /stimulus/presentation must hold an IndexSeries or an ImageSeries"
    if outside and (not candidates or name in [one.name for one in outside]):
        raise UserError(
            f"{file.path}: the images of {place(outside[0])} lie in another file; allowed is data within the file"
        )
    stimulus = chosen(file, candidates, name, "stimulus", "--stimulus", lacking)
    if isinstance(stimulus, IndexSeries):
        shown = _by_index(file, stimulus)
    elif isinstance(stimulus, ImageSeries):
        shown = _by_frame(file, stimulus)
    else:
        shown = _by_table(file, stimulus)
    if not len(shown.onsets) or not len(shown.images):
        raise UserError(f"{file.path}: {place(stimulus)} presents nothing; allowed is 1 image or more")
    if not np.isfinite(shown.onsets).all():
        raise UserError(f"{file.path}: {place(stimulus)} has times that are not finite; allowed are seconds")
    return shown


def times_of(file: Opened, series: Any, count: int) -> np.ndarray:
    """(count,) float64: seconds of a time series' samples."""
    if series.timestamps is not None:
        times = file.whole(series.timestamps, f"the timestamps of {place(series)}")
        if times.shape != (count,) or times.dtype.kind not in "uif":
            raise UserError(
                f"{file.path}: {place(series)} has timestamps of the shape {times.shape}; allowed is one for each of "
                f"its {count} samples"
            )
        return times.astype(np.float64)
    if not series.rate or not np.isfinite([series.rate, series.starting_time]).all() or series.rate < 0:
        raise UserError(f"{file.path}: {place(series)} has neither timestamps nor a rate; it must have one of them")
    file.check_size(8 * count, f"the times of {place(series)}")
    return series.starting_time + np.arange(count) / series.rate


def _by_index(file: Opened, series: Any) -> Shown:
    target = series.indexed_images if series.indexed_images is not None else series.indexed_timeseries
    if target is None:
        raise UserError(f"{file.path}: {place(series)} points to no images; it must")
    images = _images(file, target)
    index = file.whole(file.dataset(series.data, place(series)), place(series))
    return Shown(
        images=images,
        image_of_trial=_checked(file, index, len(images), place(series)),
        onsets=times_of(file, series, len(index)),
        source=f"IndexSeries {place(series)} of {place(target)}",
    )


def _by_frame(file: Opened, series: Any) -> Shown:
    """Each frame is a presentation; of frames of equal content all show the first."""
    frames = _images(file, series)
    return Shown(
        images=frames,
        image_of_trial=same_content(frames),
        onsets=times_of(file, series, len(frames)),
        source=f"{type(series).__name__} {place(series)}, a frame a presentation",
    )


def _by_table(file: Opened, table: Any) -> Shown:
    templates = _templates(file)
    if len(templates) > 1:
        there = ", ".join(place(one) for one in templates)
        raise UserError(
            f"{file.path}: {place(table)} does not say of which images its {_image_column(table)} is: {there}; "
            "allowed is one, or an IndexSeries that points to them"
        )
    (target,) = templates
    column = _image_column(table)
    what = f"column {column} of {place(table)}"
    given = file.whole(table[column].data, what)
    are_names = given.dtype.kind == "U"
    images = _images(file, target, are_names)
    onsets = file.whole(table["start_time"].data, f"start_time of {place(table)}").astype(np.float64)
    if given.ndim != 1 or given.dtype.kind not in "Uuif":
        raise UserError(
            f"{file.path}: {what} holds {given.dtype} {given.shape}; allowed are names or numbers of images, one a row"
        )
    if are_names:
        ordered = _ordered(file, target, are_names) if hasattr(target, "images") else ()
        names = {image.name: i for i, image in enumerate(ordered)}
        unknown = sorted(set(given.tolist()) - names.keys() - {""})
        if unknown:
            raise UserError(f"{file.path}: {what} names {unknown[0]!r}; allowed are names of images in {place(target)}")
        given = np.array([names.get(one, -1) for one in given.tolist()], dtype=np.int64)
    else:
        given = np.where(np.isfinite(given), given, -1)
    showing = given >= 0  # the others are blank
    return Shown(
        images=images,
        image_of_trial=_checked(file, given[showing], len(images), what),
        onsets=onsets[showing],
        source=f"{what}, images of {place(target)}",
        table=table,
    )


def _checked(file: Opened, index: np.ndarray, count: int, what: str) -> np.ndarray:
    wrong = (index < 0) | (index >= count) | (index != np.floor(index))
    if index.ndim != 1 or wrong.any():
        found = index[wrong][0] if index.ndim == 1 else f"the shape {index.shape}"
        raise UserError(f"{file.path}: {what} holds {found}; allowed are whole numbers from 0 to {count - 1}")
    return index.astype(np.int64)


def _templates(file: Opened) -> list[Any]:
    from pynwb.base import Images
    from pynwb.image import ImageSeries

    kept = [one for one in file.nwb.stimulus_template.values() if isinstance(one, Images | ImageSeries)]
    return [one for one in kept if getattr(one, "external_file", None) is None]


def _image_column(table: Any) -> str | None:
    return next((column for column in IMAGE_COLUMNS if column in table.colnames), None)


def _images(file: Opened, container: Any, are_named: bool = False) -> LazyArray:
    """The frames of an ImageSeries, or the images of an `Images` in its order, which it needs unless they are named."""
    if hasattr(container, "images"):
        ordered = _ordered(file, container, are_named)
        datasets = [file.dataset(image.data, f"{place(container)}/{image.name}").name for image in ordered]
        shapes = {(file.file[name].shape, file.file[name].dtype) for name in datasets}
        if len(shapes) > 1:
            sizes = " and ".join(sorted(" x ".join(map(str, shape)) + f" {dtype}" for shape, dtype in shapes)[:2])
            raise UserError(f"{file.path}: {place(container)} has images of {sizes}; allowed is one size and type")
        if not shapes:
            raise UserError(f"{file.path}: {place(container)} holds 0 images; allowed is 1 or more")
        ((shape, dtype),) = shapes
        return _pixels(
            file,
            container,
            (len(datasets), *shape),
            dtype,
            lambda start, stop: np.stack([file.file[name][()] for name in datasets[start:stop]]),
        )
    frames = file.dataset(container.data, place(container))
    return _pixels(file, container, frames.shape, frames.dtype, lambda start, stop: frames[start:stop])


def _ordered(file: Opened, images: Any, are_named: bool) -> list[Any]:
    if images.order_of_images is None and are_named:
        return [images.images[name] for name in sorted(images.images)]
    if images.order_of_images is None:
        raise UserError(
            f"{file.path}: {place(images)} has no order_of_images, so that an index into it says nothing; set it"
        )
    return list(images.order_of_images.data[:])


def _pixels(
    file: Opened, container: Any, shape: tuple[int, ...], dtype: np.dtype, read: Callable[[int, int], np.ndarray]
) -> LazyArray:
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3) or 0 in shape:
        raise UserError(
            f"{file.path}: {place(container)} has images of the shape {shape[1:]}; allowed is (height, width), or "
            "(height, width, 3) in colour"
        )
    if np.prod(shape[1:], dtype=np.float64) * dtype.itemsize > MOST_IMAGE_BYTES:
        raise UserError(
            f"{file.path}: {place(container)} has images of {shape[1]} x {shape[2]} pixels; allowed are "
            f"{MOST_IMAGE_BYTES >> 20} MB an image"
        )
    kept = np.dtype(np.uint8) if dtype == np.uint8 else np.dtype(np.float32)

    def rows(start: int, stop: int) -> np.ndarray:
        if start == stop:
            return np.empty((0, *shape[1:]), kept)
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinity, and is refused
            return read(start, stop).astype(kept, copy=False)

    return file.lazy(shape, kept, rows)
