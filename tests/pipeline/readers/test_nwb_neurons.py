"""Which columns the neurons of an NWB file get: from units, from their electrodes, from regions of interest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBFile

import nwb_files
from pipeline.readers import nwb
from pipeline.readers.options import Options


def columns(path: Path, units: str | None = None) -> dict[str, list]:
    neurons = nwb.read(path, Options(units=units)).neurons
    return {name: column.tolist() for name, column in neurons.items()}


@pytest.fixture
def session(whole_numbers, tmp_path) -> Callable[..., Path]:
    """A file with four images, each shown once, and what a function adds."""

    def make(add: Callable[[NWBFile], None]) -> Path:
        made = nwb_files.new_file()
        nwb_files.add_images(made, whole_numbers.validation_images, np.arange(4), np.arange(4.0))
        add(made)
        return nwb_files.write(made, tmp_path / "session.nwb")

    return make


def with_electrodes(of_units: list[list[int]], locations: tuple[str, ...] = ("V1", "V1", "LM")):
    def add(made: NWBFile) -> None:
        probe = made.create_device(name="probe")
        shank = made.create_electrode_group(name="shank0", description="Silicon.", location="brain", device=probe)
        for i, location in enumerate(locations):
            made.add_electrode(x=0.0, y=0.0, z=20.0 * i, location=location, group=shank)
        made.add_unit_column("quality", "Of the sorting.")
        for number, electrodes in enumerate(of_units):
            made.add_unit(
                id=7 - number,
                spike_times=[0.1],
                quality="good" if number else "poor",
                electrodes=electrodes,
                electrode_group=shank,
                waveform_mean=np.zeros(5),
            )

    return add


OF_ELECTRODES = {
    "electrode_group_name": ["shank0"] * 3,
    "electrode_x": [0.0, 0.0, 0.0],
    "electrode_y": [0.0, 0.0, 0.0],
    "electrode_z": [20.0, 40.0, 0.0],
}


def test_of_the_first_electrode_of_each_unit(session):
    path = session(with_electrodes([[1, 0], [2], [0, 1, 2]]))
    own = {"neuron_id": [7, 6, 5], "quality": ["poor", "good", "good"]}
    assert columns(path) == own | OF_ELECTRODES | {"location": ["V1", "LM", "V1"]}
    assert columns(path, "location=LM")["neuron_id"] == [6]


def test_of_one_electrode_a_unit(session):
    path = session(with_electrodes([[1], [2], [0]]))
    with h5py.File(path, "r+") as file:
        del file["units/electrodes_index"]
    found = columns(path)
    assert {name: found[name] for name in OF_ELECTRODES} == OF_ELECTRODES
    assert found["location"] == ["V1", "LM", "V1"]


def test_of_units_without_an_electrode(session):
    assert columns(session(with_electrodes([[1], [], [0]]))).keys() == {"neuron_id", "quality"}


def test_places_that_nobody_knows(session):
    path = session(with_electrodes([[1], [2], [0]], ("unknown", "N/A", "none")))
    assert columns(path).keys() == {"neuron_id", "quality"} | OF_ELECTRODES.keys()


def test_numbers_of_a_column(session):
    def add(made: NWBFile) -> None:
        made.add_unit_column("neuron_id", "The lab's.")
        for number in (12, 4):
            made.add_unit(spike_times=[0.1], neuron_id=number)

    assert columns(session(add)) == {"neuron_id": [12, 4]}


def test_of_regions_of_a_plane(session, whole_numbers):
    def add(made: NWBFile) -> None:
        nwb_files.add_fluorescence(made, whole_numbers.validation_responses, np.arange(4.0))

    path = session(add)
    assert columns(path) == {"neuron_id": [0, 1, 2, 3]}
    with h5py.File(path, "r+") as file:
        file["general/optophysiology/imaging_plane0/location"][()] = "VISp"
    assert columns(path)["location"] == ["VISp"] * 4
