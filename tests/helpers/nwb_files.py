"""Recordings as NWB files, written by pynwb."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pynwb import NWBHDF5IO, NWBFile
from pynwb.base import ImageReferences, Images
from pynwb.device import Device
from pynwb.file import Subject
from pynwb.image import GrayscaleImage, ImageSeries, IndexSeries, OpticalSeries, RGBImage
from pynwb.ophys import DfOverF, ImageSegmentation, OpticalChannel, RoiResponseSeries

from models.recording import Recording

APART = 1.0  # seconds from onset to onset


def write_nwb(recording: Recording, path: Path, *, images: str = "Images", responses: str = "units") -> Path:
    """Write a recording as NWB: training, validation, then the test images repeat by repeat.

    images: "Images" with an IndexSeries; "ImageSeries" or "OpticalSeries", a frame a presentation; "template", an
        ImageSeries with an IndexSeries; "table", an ImageSeries with a column of the trials.
    responses: "units" (whole numbers) or "dF/F", a sample a presentation.
    """
    pictures = np.concatenate([recording.train_images, recording.validation_images, recording.test_images])
    shown = np.isfinite(recording.test_responses).all(axis=2)
    assert (shown == np.isfinite(recording.test_responses).any(axis=2)).all()  # NWB has no other
    num_train, num_validation = len(recording.train_images), len(recording.validation_images)
    repeat, image = np.nonzero(shown)
    index = np.concatenate([np.arange(num_train + num_validation), num_train + num_validation + image])
    values = np.concatenate(
        [recording.train_responses, recording.validation_responses, recording.test_responses[repeat, image]]
    )
    splits = ["train"] * num_train + ["validation"] * num_validation + ["test"] * len(image)
    nwb = new_file()
    onsets = 10 + APART * np.arange(len(index))
    add_trials(nwb, onsets, split=splits, **({"image_id": index} if images == "table" else {}))
    add_images(nwb, pictures, index, onsets, images)
    (add_units if responses == "units" else add_fluorescence)(nwb, values, onsets, recording)
    return write(nwb, path)


def new_file() -> NWBFile:
    return NWBFile(
        session_description="A simulated session, for tests.",
        identifier="simulated-session",
        session_start_time=datetime(2024, 5, 17, 12, tzinfo=UTC),
        experimenter=["Hubel, David"],
        institution="none",
        keywords=["V1"],
        subject=Subject(subject_id="m1", species="Mus musculus", age="P90D", sex="F", description="No animal."),
    )


def write(nwb: NWBFile, path: Path) -> Path:
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def add_trials(nwb: NWBFile, onsets: np.ndarray, **columns) -> None:
    """A row a presentation, as long as they are apart, with further columns."""
    for name in columns:
        nwb.add_trial_column(name, f"The {name} of each trial.")
    for i, onset in enumerate(onsets):
        nwb.add_trial(
            start_time=onset, stop_time=onset + APART, **{name: values[i] for name, values in columns.items()}
        )


def add_images(nwb: NWBFile, pictures: np.ndarray, index: np.ndarray, onsets: np.ndarray, kind: str = "Images") -> None:
    """Pictures (n, height, width) or (n, height, width, 3), and which was shown when."""
    if kind == "Images":
        made = [
            (RGBImage if picture.ndim == 3 else GrayscaleImage)(name=f"image{i}", data=picture)
            for i, picture in enumerate(pictures[::-1])  # whose order in the file is another one
        ][::-1]
        target = Images(
            name="natural_images",
            images=sorted(made, key=lambda image: image.name),
            description="Dead leaves.",
            order_of_images=ImageReferences(name="order_of_images", data=made),
        )
        nwb.add_stimulus_template(target)
        points = {"indexed_images": target}
    elif kind in ("ImageSeries", "OpticalSeries"):
        options = {"name": "natural_images", "data": pictures[index], "unit": "n.a.", "timestamps": onsets}
        if kind == "OpticalSeries":
            optical = {"distance": 0.7, "field_of_view": [0.5, 0.5], "orientation": "upper left"}
            nwb.add_stimulus(OpticalSeries(format="raw", **options, **optical))
        else:
            nwb.add_stimulus(ImageSeries(**options))
        return
    else:
        target = ImageSeries(name="natural_images", data=pictures, unit="n.a.", rate=1.0, description="Templates.")
        nwb.add_stimulus_template(target)
        points = {"indexed_timeseries": target}
    if kind != "table":
        series = {"data": index.astype(np.uint32), "unit": "N/A", "timestamps": onsets}
        nwb.add_stimulus(IndexSeries(name="presentations", **series, **points))


def add_units(nwb: NWBFile, counts: np.ndarray, onsets: np.ndarray, recording: Recording | None = None) -> None:
    """Units that fire as often as counts (presentations, units) tell, from 0.05 to 0.55 s after each onset."""
    columns, ids = _columns(recording, counts.shape[1])
    for name in columns:
        nwb.add_unit_column(name, f"The {name} of each unit.")
    for unit in range(counts.shape[1]):
        number = counts[:, unit].astype(int)
        place = np.concatenate([(np.arange(n) + 0.5) / n for n in number])
        spikes = np.repeat(onsets, number) + 0.05 + 0.5 * place
        nwb.add_unit(id=ids[unit], spike_times=spikes, **{name: column[unit] for name, column in columns.items()})


def add_fluorescence(
    nwb: NWBFile, values: np.ndarray, onsets: np.ndarray, recording: Recording | None = None, name: str = "plane0"
) -> None:
    """Regions whose dF/F, 0.3 s after each onset, is values (presentations, regions), and in between another."""
    columns, ids = _columns(recording, values.shape[1])
    device = nwb.devices.get("microscope") or nwb.add_device(Device(name="microscope"))
    channel = OpticalChannel(name="green", description="GCaMP", emission_lambda=510.0)
    plane = nwb.create_imaging_plane(
        name=f"imaging_{name}",
        optical_channel=channel,
        description="A plane.",
        device=device,
        excitation_lambda=920.0,
        indicator="GCaMP6s",
        location="unknown",
        imaging_rate=2 / APART,
    )
    module = nwb.processing.get("ophys") or nwb.create_processing_module("ophys", "Fluorescence.")
    segmentation = ImageSegmentation(name=f"segmentation_{name}")
    module.add(segmentation)
    table = segmentation.create_plane_segmentation(name="regions", description="Cells.", imaging_plane=plane)
    for column in columns:
        table.add_column(column, f"The {column} of each region.")
    for region in range(values.shape[1]):
        mask = [(region, 0, 1.0)]
        table.add_roi(id=ids[region], pixel_mask=mask, **{column: given[region] for column, given in columns.items()})
    traces = DfOverF(name=f"DfOverF_{name}")
    module.add(traces)
    samples = np.empty((2 * len(onsets), values.shape[1]), values.dtype)
    samples[::2], samples[1::2] = values, -3
    series = RoiResponseSeries(
        name=name,
        data=samples,
        rois=table.create_roi_table_region("All.", region=list(range(values.shape[1]))),
        unit="n.a.",
        timestamps=(onsets[:, None] + [0.3, 0.8]).ravel(),
    )
    traces.add_roi_response_series(series)


def _columns(recording: Recording | None, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    columns = {} if recording is None else dict(recording.neurons)
    return columns, columns.pop("neuron_id", np.arange(count))
