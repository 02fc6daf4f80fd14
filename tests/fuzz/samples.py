"""Small valid files and folders of each format, from which mutations start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py

from made_up_recordings import noise
from nwb_files import write_nwb
from written_formats import write_pickle, write_scans, write_sensorium, zipped

RECORDING = noise(12)


def hdf5(folder: Path) -> list[Path]:
    """As this project writes it; with text, without compression; in the newest form of the format."""
    paths = [folder / f"{name}.h5" for name in ("written", "plain", "newest")]
    RECORDING.write(paths[0])
    for path, options in zip(paths[1:], ({}, {"libver": "latest"}), strict=True):
        with h5py.File(path, "w", **options) as file:
            for split in ("train", "validation", "test"):
                file[f"{split}/images"] = getattr(RECORDING, f"{split}_images")
                file[f"{split}/responses"] = getattr(RECORDING, f"{split}_responses")
            file["neurons/area"] = ["V1", "V4"]
            file["neurons/neuron_id"] = [7, 8]
            file.attrs["description"] = "made up"
    return paths


def sensorium(folder: Path) -> list[Path]:
    """A folder, and an archive of one."""
    return [write_sensorium(RECORDING, folder / "static"), zipped(write_sensorium(RECORDING, folder / "archived"))]


def original(folder: Path) -> list[Path]:
    """Pickles of each protocol that is read, a scan's three files, and those of a scan of two areas."""
    pickles = [write_pickle(RECORDING, folder / f"protocol-{number}.pkl", number) for number in (2, 3, 4, 5)]
    areas = write_scans(RECORDING, folder / "areas", {"V1": slice(0, 1), "V4": slice(1, 2)})
    return [*pickles, write_scans(RECORDING, folder / "scan"), areas]


def nwb(folder: Path) -> list[Path]:
    """Spikes and fluorescence, each with another kind of images."""
    kinds = (("Images", "units"), ("ImageSeries", "dF/F"), ("table", "units"))
    return [
        write_nwb(RECORDING, folder / f"{i}.nwb", images=images, responses=responses)
        for i, (images, responses) in enumerate(kinds)
    ]


SAMPLES: dict[str, Callable[[Path], list[Path]]] = {made.__name__: made for made in (hdf5, sensorium, original, nwb)}
