"""NWB files, written by pynwb: they come back bit for bit."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdmf.common import VectorData, VectorIndex
from nwbinspector import Importance, inspect_nwbfile
from pynwb.misc import Units

import nwb_files
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import find, nwb, read
from pipeline.readers.bounded import MOST
from pipeline.readers.nwb.responses import UNITS_AT_ONCE
from pipeline.readers.options import Options

ROOT = Path(__file__).parents[3]
opened = import_module("pipeline.readers.nwb.opened")  # whose package has a function of that name
needs_bounds = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where memory can be bounded")
V4 = sorted((ROOT.parent / "shared" / "data").glob("v4_*.h5"))


@pytest.mark.parametrize(
    ("images", "responses"),
    [("Images", "units"), ("ImageSeries", "dF/F"), ("OpticalSeries", "units"), ("table", "dF/F")],
)
def test_there_and_back(whole_numbers, tmp_path, images, responses):
    path = nwb_files.write_nwb(whole_numbers, tmp_path / "there.nwb", images=images, responses=responses)
    found = list(inspect_nwbfile(nwbfile_path=path, importance_threshold=Importance.CRITICAL))
    assert not found, found
    assert find(path) is nwb
    back = read(path)
    assert back.content_sha256() == whole_numbers.content_sha256()
    assert back.attributes["subject_id"] == "m1"
    assert "0.05 to 0.55 s from onset" in back.attributes["nwb_responses"]


def test_the_older_index_of_frames(whole_numbers, edited_nwb):
    def older(file: h5py.File) -> None:
        images = [file[name][()] for name in file["stimulus/templates/natural_images/order_of_images"][()]]
        del file["stimulus/templates/natural_images"], file["stimulus/presentation/presentations/indexed_images"]
        series = file.create_group("stimulus/templates/frames")
        series.attrs.update({"namespace": "core", "neurodata_type": "ImageSeries", "object_id": "f" * 32})
        series["data"] = np.stack(images)
        series["data"].attrs["unit"] = "n.a."
        series["starting_time"] = 0.0
        series["starting_time"].attrs.update({"rate": 1.0, "unit": "seconds"})
        file["stimulus/presentation/presentations/indexed_timeseries"] = h5py.SoftLink("/stimulus/templates/frames")

    assert read(edited_nwb(older)).content_sha256() == whole_numbers.content_sha256()


def test_units_of_one_area(whole_numbers, good_nwb):
    found = read(good_nwb, options=Options(units="area=V1"))
    kept = whole_numbers.neurons["area"] == "V1"
    assert found.neurons["neuron_id"].tolist() == [3, 1, 5]
    np.testing.assert_array_equal(found.test_responses[:], whole_numbers.test_responses[..., kept])
    with pytest.raises(UserError, match="no neuron has area 'V4'; its values are LM, V1"):
        read(good_nwb, options=Options(units="area=V4"))


def test_units_of_one_number(whole_numbers, tmp_path):
    """The choice is among the file's own numbers, also where neurons get others since these are not unique."""
    made = nwb_files.new_file()
    nwb_files.add_trials(made, np.arange(12.0), split=["train"] * 8 + ["validation"] * 2 + ["test"] * 2)
    nwb_files.add_images(made, whole_numbers.train_images, np.arange(12), np.arange(12.0))
    for unit, number in enumerate([7, 5, 7]):
        made.add_unit(id=number, spike_times=np.arange(12.0) + 0.1 * (unit + 1))
    path = nwb_files.write(made, tmp_path / "numbers.nwb")
    found = read(path, options=Options(units="neuron_id=7"))
    assert found.neurons["unit_id"].tolist() == [7, 7]
    assert found.train_responses.shape == (8, 2)


def test_a_large_file_may_take_more_memory(good_nwb, monkeypatch):
    allowed = []
    monkeypatch.setattr(opened, "bounded_memory", lambda most: allowed.append(most) or nullcontext())
    read(good_nwb)
    monkeypatch.setattr(opened, "MOST", 0)
    read(good_nwb)
    assert allowed == [MOST] * 2 + [16 * good_nwb.stat().st_size] * 2


@needs_bounds
def test_spikes_of_one_unit_are_in_memory_at_a_time(whole_numbers, tmp_path, monkeypatch):
    """Of 200 MB with 100 MB to have."""
    monkeypatch.setattr(opened, "MOST", 100_000_000)
    monkeypatch.setattr(opened, "TIMES_THE_FILE", 0)
    made = nwb_files.new_file()
    nwb_files.add_images(made, whole_numbers.train_images, np.arange(12), np.arange(12.0))
    spikes = np.arange(12 * 2**15) / 2**15
    times = VectorData(name="spike_times", description="All.", data=np.tile(spikes, UNITS_AT_ONCE))
    ends = len(spikes) * np.arange(1, UNITS_AT_ONCE + 1)
    index = VectorIndex(name="spike_times_index", target=times, data=ends)
    made.units = Units(name="units", description="Busy.", columns=[times, index], id=np.arange(UNITS_AT_ONCE))
    path = nwb_files.write(made, tmp_path / "long.nwb")
    assert (nwb.read(path, Options(window=(0, 0.5))).responses == 2**14).all()


@pytest.mark.parametrize("apart", [1.0, 0.05])
@pytest.mark.parametrize("after", [-0.015, 0.3, 0.85])
def test_a_presentation_belongs_to_a_trial(whole_numbers, tmp_path, apart, after):
    """It begins in it, or seems to begin a little before it. apart: seconds; after: share of a trial."""
    splits = ["train"] * 8 + ["validation"] * 2 + ["test"] * 2
    made, starts = nwb_files.new_file(), np.arange(1, 13) * apart
    made.add_trial_column("split", "Which trials are for what.")
    for start, split in zip(starts, splits, strict=True):
        made.add_trial(start_time=start, stop_time=start + apart, split=split)
    nwb_files.add_images(made, whole_numbers.train_images, np.arange(12), starts + after * apart)
    made.add_unit(spike_times=starts)
    path = nwb_files.write(made, tmp_path / "early.nwb")
    found = nwb.read(path, Options(window=(0, 0.04)))
    assert found.split_of_trial.tolist() == splits


def test_windows(whole_numbers, good_nwb):
    """Spikes of a unit lie evenly from 0.05 to 0.55 s: a quarter of the window holds a quarter of four of them."""
    found = read(good_nwb, options=Options(window=(0.05, 0.175)))
    number = whole_numbers.train_responses.astype(int)
    wanted = [[sum((i + 0.5) / n < 0.25 for i in range(n)) for n in row] for row in number.tolist()]
    np.testing.assert_array_equal(found.train_responses[:], wanted)


def test_fluorescence_is_averaged_and_not_negative(tmp_path):
    values = np.array([[2.0, 1], [4, -5], [6, 7]], np.float32)
    onsets = np.array([0.0, 1, 2])
    made = nwb_files.new_file()
    nwb_files.add_images(made, np.eye(9, dtype=np.float32).reshape(9, 3, 3)[:3], np.arange(3), onsets)
    nwb_files.add_fluorescence(made, values, onsets)
    path = nwb_files.write(made, tmp_path / "fluorescence.nwb")
    assert nwb.read(path, Options()).responses[:].tolist() == [[2, 1], [4, 0], [6, 7]]
    both = nwb.read(path, Options(window=(0, 1))).responses  # the other sample of each is -3
    assert both[0:3].tolist() == [[0, 0], [0.5, 0], [1.5, 2]]
    assert both[1:2].tolist() == [[0.5, 0]]
    with pytest.raises(UserError, match=r"plane0 has no sample from 0.31 to 0.4 s, .* choose another window"):
        nwb.read(path, Options(window=(0.31, 0.4)))
    with pytest.raises(UserError, match="has no split into training, validation and test set"):
        read(path)


def test_one_of_several(whole_numbers, tmp_path):
    made = nwb_files.new_file()
    onsets = np.arange(12.0)
    nwb_files.add_images(made, whole_numbers.train_images, np.arange(12), onsets)
    for name in ("plane0", "plane1"):
        nwb_files.add_fluorescence(made, whole_numbers.train_responses, onsets, name=name)
    nwb_files.add_units(made, whole_numbers.train_responses, onsets)
    path = nwb_files.write(made, tmp_path / "several.nwb")
    there = "ophys/DfOverF_plane0/plane0, ophys/DfOverF_plane1/plane1"
    with pytest.raises(UserError, match=f"holds 3 responses: units, {there}; choose one by --responses"):
        nwb.read(path, Options())
    with pytest.raises(UserError, match=f"response 'plane2' is not there; --responses can be: units, {there}"):
        nwb.read(path, Options(responses="plane2"))
    for name in ("units", "plane1", "ophys/DfOverF_plane0/plane0"):
        found = nwb.read(path, Options(responses=name)).responses
        np.testing.assert_array_equal(found[0:12], whole_numbers.train_responses)


def test_a_place_that_is_the_name_of_another(whole_numbers, tmp_path):
    """As where a file holds its units, and in a module those of another sorting."""
    made = nwb_files.new_file()
    onsets = np.arange(4.0)
    nwb_files.add_images(made, whole_numbers.validation_images, np.arange(4), onsets)
    made.add_unit(spike_times=onsets + 0.1)
    other = Units(name="units", description="Another sorting.")
    other.add_unit(spike_times=onsets[:2] + 0.1)
    made.create_processing_module("ecephys", "Spikes.").add(other)
    path = nwb_files.write(made, tmp_path / "sortings.nwb")
    for where, counts in (("units", [1, 1, 1, 1]), ("ecephys/units", [1, 1, 0, 0])):
        assert nwb.read(path, Options(responses=where)).responses[:, 0].tolist() == counts


def test_units_that_were_not_observed_all_the_time(whole_numbers, tmp_path):
    made = nwb_files.new_file()
    onsets = np.arange(4.0)
    nwb_files.add_images(made, whole_numbers.validation_images, np.arange(4), onsets)
    made.add_unit(spike_times=[0.1, 1.1, 2.1, 3.1], obs_intervals=np.array([[0, 1.5], [2.9, 4]]))
    made.add_unit(spike_times=[0.1, 0.2], obs_intervals=np.array([[0, 4.0]]))
    path = nwb_files.write(made, tmp_path / "observed.nwb")
    found = nwb.read(path, Options(window=(0.05, 0.45))).responses
    np.testing.assert_array_equal(found, [[1, 2], [1, 0], [np.nan, 0], [1, 0]])


def test_images_in_colour(whole_numbers, tmp_path):
    colour = np.repeat(whole_numbers.validation_images[..., None], 3, axis=3)
    made = nwb_files.new_file()
    nwb_files.add_images(made, colour, np.arange(4), np.arange(4.0))
    nwb_files.add_units(made, whole_numbers.validation_responses, np.arange(4.0))
    path = nwb_files.write(made, tmp_path / "colour.nwb")
    np.testing.assert_array_equal(nwb.read(path, Options()).images[0:4], colour)


def test_the_page_about_it(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "how-to" / "nwb.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], {})  # the page's own lines
    found = read(Path("mouse1.nwb"), options=Options(units="area=V1"))
    assert found.test_responses.shape == (5, 10, 6)
    assert found.train_images.shape == (50, 36, 64)


@pytest.mark.skipif(not V4, reason="the recordings of V4 are not there")
@pytest.mark.parametrize("path", V4, ids=lambda path: path.stem)
def test_recordings_of_v4_there_and_back(path, tmp_path):
    given = Recording.read(path)
    repeats = np.where(np.isnan(given.test_responses), np.float32(np.nan), given.test_responses)  # one kind of NaN
    given = replace(given, test_responses=repeats, neurons={"neuron_id": given.neuron_id})
    there = nwb_files.write_nwb(given, tmp_path / "v4.nwb", images="ImageSeries", responses="dF/F")
    assert read(there).content_sha256() == given.content_sha256()
