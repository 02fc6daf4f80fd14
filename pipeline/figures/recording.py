"""The picture of `hypercolumn inspect`: images of a recording, and how much and how reliably its neurons respond."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.lazy import Rows
from pipeline.figures.style import COLOURS, DPI, drawn, say
from pipeline.figures.words import count
from pipeline.inspection import Inspection

ROWS, COLUMNS = 3, 7  # of images
SHARPEST = 256  # pixels of a side of an image; a picture of so many has no room for more, which would take gigabytes


def recording_figure(found: Inspection, path: Path) -> None:
    """Written as PNG."""
    drawn(lambda figure: _draw(figure, found), 11, 7).savefig(path, dpi=DPI, format="png")


def _draw(figure: Figure, found: Inspection) -> None:
    recording = found.recording
    axes = figure.subplots(2, 2)
    for axis, split, images in (
        (axes[0, 0], "training", recording.train_images),
        (axes[0, 1], "test", recording.test_images),
    ):
        _sheet(axis, images)
        axis.set_title(f"{split} images, {min(len(images), ROWS * COLUMNS)} of {len(images):,}")
    _rates(axes[1, 0], found.statistics.mean_response)
    _reliability(axes[1, 1], found)
    height, width = recording.image_size
    name = str(recording.attributes.get("name") or Path(found.source).name)
    figure.suptitle(
        f"{name}: {count(recording.num_neurons, 'neuron')}, images of {height} x {width} pixels", fontsize=12
    )


def _sheet(axis: Axes, images: Rows) -> None:
    """Images spread evenly over all, on one scale of grey."""
    chosen = np.unique(np.linspace(0, len(images) - 1, ROWS * COLUMNS).astype(int))
    step = -(-max(images.shape[1:]) // SHARPEST)
    shown = np.concatenate([images[int(i) : int(i) + 1][:, ::step, ::step].astype(float) for i in chosen])
    height, width = shown.shape[1:]
    gap = max(1, round(0.06 * width))
    sheet = np.full((ROWS * (height + gap) - gap, COLUMNS * (width + gap) - gap), np.nan)
    for i, image in enumerate(shown):
        y, x = (i // COLUMNS) * (height + gap), (i % COLUMNS) * (width + gap)
        sheet[y : y + height, x : x + width] = image
    axis.imshow(sheet, cmap="gray", vmin=shown.min(), vmax=shown.max())
    axis.set_axis_off()


def _rates(axis: Axes, rates: np.ndarray) -> None:
    lowest, highest = min(0.0, float(rates.min())), float(rates.max())
    axis.hist(rates, 25, range=(lowest, highest if highest > lowest else lowest + 1), color=COLOURS[0])
    axis.axvline(float(np.median(rates)), color="black", linewidth=1, label=f"median {np.median(rates):.3g}")
    axis.set(xlabel="mean response in the training set", ylabel="neurons", xlim=(lowest, None))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title("how much they respond")
    axis.legend()


def _reliability(axis: Axes, found: Inspection) -> None:
    known = found.ceiling[np.isfinite(found.ceiling)]
    axis.set_title("how reliably, over test repeats")
    if not len(known):
        say(axis, "Without two repeats of a test image the ceiling is not known.")
        return
    axis.hist(known, 25, range=(0, 1), color=COLOURS[2])
    axis.axvline(float(np.median(known)), color="black", linewidth=1, label=f"median {np.median(known):.3f}")
    unknown = len(found.ceiling) - len(known)
    more = f" ({count(unknown, 'neuron')} without)" if unknown else ""
    axis.set(xlabel=f"ceiling of the test correlation{more}", ylabel="neurons", xlim=(0, 1))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="upper left")
