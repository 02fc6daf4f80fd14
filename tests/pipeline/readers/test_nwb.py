"""NWB files, written by pynwb: they come back bit for bit, or are refused in one line."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from nwbinspector import Importance, inspect_nwbfile

import nwb_files
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import find, nwb, read
from pipeline.readers.options import Options

ROOT = Path(__file__).parents[3]
V4 = sorted((ROOT.parent / "shared" / "data").glob("v4_*.h5"))
AREAS = np.array(["V1", "V1", "LM", "V1"])


@pytest.fixture(scope="module")
def counts() -> Recording:
    """Whole numbers, so that spikes can be made of them, and a repeat that one test image lacks."""
    rng = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return rng.integers(0, 256, (count, 5, 7), dtype=np.uint8)

    def responses(*shape: int) -> np.ndarray:
        return rng.poisson(2, (*shape, 4)).astype(np.float32)

    test = responses(3, 6)
    test[2, 4] = np.nan
    return Recording(
        *(images(12), responses(12), images(4), responses(4), images(6), test),
        neurons={
            "neuron_id": np.array([3, 1, 7, 5]),
            "area": AREAS,
            "depth": np.array([100.5, np.nan, 300, 250]),
            "position": rng.normal(size=(4, 3)),
        },
    )


@pytest.fixture(scope="module")
def good(counts, tmp_path_factory) -> Path:
    return nwb_files.write_nwb(counts, tmp_path_factory.mktemp("nwb") / "good.nwb")


@pytest.fixture
def edited(good, tmp_path) -> Callable[[Callable[[h5py.File], None]], Path]:
    """A copy of the good file after an edit."""

    def make(edit: Callable[[h5py.File], None]) -> Path:
        path = tmp_path / "edited.nwb"
        shutil.copy(good, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        return path

    return make


@pytest.mark.parametrize(
    ("images", "responses"),
    [("Images", "units"), ("ImageSeries", "dF/F"), ("OpticalSeries", "units"), ("table", "dF/F")],
)
def test_there_and_back(counts, tmp_path, images, responses):
    path = nwb_files.write_nwb(counts, tmp_path / "there.nwb", images=images, responses=responses)
    found = list(inspect_nwbfile(nwbfile_path=path, importance_threshold=Importance.CRITICAL))
    assert not found, found
    assert find(path) is nwb
    back = read(path)
    assert back.content_sha256() == counts.content_sha256()
    assert back.attributes["subject_id"] == "m1"
    assert "0.05 to 0.55 s from onset" in back.attributes["nwb_responses"]


def test_the_older_index_of_frames(counts, edited):
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

    assert read(edited(older)).content_sha256() == counts.content_sha256()


def test_units_of_one_area(counts, good):
    found = read(good, options=Options(units="area=V1"))
    kept = AREAS == "V1"
    assert found.neurons["neuron_id"].tolist() == [3, 1, 5]
    np.testing.assert_array_equal(found.test_responses[:], counts.test_responses[..., kept])
    with pytest.raises(UserError, match="no neuron has area 'V4'; its values are LM, V1"):
        read(good, options=Options(units="area=V4"))


def test_units_of_one_number(counts, tmp_path):
    """The choice is among the file's own numbers, also where neurons get others since these are not unique."""
    made = nwb_files.new_file()
    nwb_files.add_trials(made, np.arange(12.0), split=["train"] * 8 + ["validation"] * 2 + ["test"] * 2)
    nwb_files.add_images(made, counts.train_images, np.arange(12), np.arange(12.0))
    for unit, number in enumerate([7, 5, 7]):
        made.add_unit(id=number, spike_times=np.arange(12.0) + 0.1 * (unit + 1))
    path = nwb_files.write(made, tmp_path / "numbers.nwb")
    found = read(path, options=Options(units="neuron_id=7"))
    assert found.neurons["unit_id"].tolist() == [7, 7]
    assert found.train_responses.shape == (8, 2)


def test_windows(counts, good):
    """Spikes of a unit lie evenly from 0.05 to 0.55 s: a quarter of the window holds a quarter of four of them."""
    found = read(good, options=Options(window=(0.05, 0.175)))
    number = counts.train_responses.astype(int)
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


def test_one_of_several(counts, tmp_path):
    made = nwb_files.new_file()
    onsets = np.arange(12.0)
    nwb_files.add_images(made, counts.train_images, np.arange(12), onsets)
    for name in ("plane0", "plane1"):
        nwb_files.add_fluorescence(made, counts.train_responses, onsets, name=name)
    nwb_files.add_units(made, counts.train_responses, onsets)
    path = nwb_files.write(made, tmp_path / "several.nwb")
    there = "ophys/DfOverF_plane0/plane0, ophys/DfOverF_plane1/plane1"
    with pytest.raises(UserError, match=f"holds 3 responses: units, {there}; choose one by --responses"):
        nwb.read(path, Options())
    with pytest.raises(UserError, match=f"response 'plane2' is not there; --responses can be: units, {there}"):
        nwb.read(path, Options(responses="plane2"))
    for name in ("units", "plane1", "ophys/DfOverF_plane0/plane0"):
        found = nwb.read(path, Options(responses=name)).responses
        np.testing.assert_array_equal(found[0:12], counts.train_responses)


def test_units_that_were_not_observed_all_the_time(counts, tmp_path):
    made = nwb_files.new_file()
    onsets = np.arange(4.0)
    nwb_files.add_images(made, counts.validation_images, np.arange(4), onsets)
    made.add_unit(spike_times=[0.1, 1.1, 2.1, 3.1], obs_intervals=np.array([[0, 1.5], [2.9, 4]]))
    made.add_unit(spike_times=[0.1, 0.2], obs_intervals=np.array([[0, 4.0]]))
    path = nwb_files.write(made, tmp_path / "observed.nwb")
    found = nwb.read(path, Options(window=(0.05, 0.45))).responses
    np.testing.assert_array_equal(found, [[1, 2], [1, 0], [np.nan, 0], [1, 0]])


def test_images_in_colour(counts, tmp_path):
    colour = np.repeat(counts.validation_images[..., None], 3, axis=3)
    made = nwb_files.new_file()
    nwb_files.add_images(made, colour, np.arange(4), np.arange(4.0))
    nwb_files.add_units(made, counts.validation_responses, np.arange(4.0))
    path = nwb_files.write(made, tmp_path / "colour.nwb")
    np.testing.assert_array_equal(nwb.read(path, Options()).images[0:4], colour)


def _outside(file: h5py.File) -> None:
    file["stimulus/presentation/else"] = h5py.ExternalLink("other.nwb", "/")


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((5,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (5,))
    file.create_virtual_dataset("scratch_values", layout)


def _external_file(file: h5py.File) -> None:
    series = file["stimulus/presentation/presentations"]
    del series["indexed_images"], series["data"]
    series.attrs["neurodata_type"] = "ImageSeries"
    series["data"] = np.zeros((0, 0, 0), np.uint8)
    series["data"].attrs["unit"] = "n.a."
    series["external_file"] = np.array(["film.avi"], h5py.string_dtype())
    series["external_file"].attrs["starting_frame"] = [0]
    series["format"] = "external"


def _put(where: str, place: int, value: object) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        file[where][place] = value

    return edit


def _without(where: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[where]

    return edit


SERIES = "stimulus/presentation/presentations"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_outside, "/stimulus/presentation/else lies in another file; allowed is data within the file"),
        (_virtual, "/scratch_values lies in another file; allowed is data within the file"),
        (_external_file, "the images of presentations lie in another file; allowed is data within the file"),
        (_without("stimulus/presentation/presentations"), "no image is presented; /stimulus/presentation must hold"),
        (_without("units"), "no responses are there; it must hold units with spike_times, or a RoiResponseSeries"),
        (_without("stimulus/templates/natural_images/order_of_images"), "natural_images has no order_of_images"),
        (_put(f"{SERIES}/data", 0, 22), "presentations holds 22; allowed are whole numbers from 0 to 21"),
        (_put(f"{SERIES}/timestamps", 3, np.nan), "presentations has times that are not finite; allowed are seconds"),
        (_put("intervals/trials/split", 1, "tset"), "column split of trials holds 'tset'; allowed are train, valid"),
        (_put("units/spike_times_index", 1, 2**15), "the index of spike_times of units does not ascend from 0 to at"),
        (_without("session_start_time"), "is damaged, or no NWB file that pynwb can read"),
        (_without("intervals/trials/start_time"), "is damaged, or no NWB file that pynwb can read"),
    ],
)
def test_refused(edited, edit, said):
    path = edited(edit)
    with pytest.raises(UserError) as refusal:
        read(path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert "\n" not in line


def test_images_that_follow_faster_than_the_window(edited):
    def faster(file: h5py.File) -> None:
        for where in (f"{SERIES}/timestamps", "intervals/trials/start_time", "intervals/trials/stop_time"):
            file[where][:] = file[where][:] / 4

    path = edited(faster)
    with pytest.raises(UserError, match=r"follow one another after 0.25 s, .* choose a window of at most 0.25 s"):
        read(path)
    assert read(path, options=Options(window=(0.05, 0.3))).num_neurons == 4


def test_damaged_files_are_one_line(good, tmp_path):
    """Bytes that are changed, and files that end too early; whether it shows at once or in reading the arrays."""
    content, path = good.read_bytes(), tmp_path / "damaged.nwb"
    rng = np.random.default_rng(0)
    refusals = []
    for number in range(24):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(0, len(content), 2 ** (number // 2))] = rng.integers(0, 256)
        path.write_bytes(damaged[: len(content) // 2].tobytes() if number < 2 else damaged.tobytes())
        try:
            read(path, "nwb").content_sha256()
        except UserError as refusal:
            refusals.append(str(refusal))
        path.unlink()
    assert len(refusals) > 4
    assert not any("\n" in line for line in refusals)


def test_a_heap_without_end_is_no_hang(good, tmp_path):
    """As in a file of which a part was not copied; HDF5 itself would read its text for ever."""
    content = bytearray(good.read_bytes())
    start = content.index(b"GCOL")
    content[start + 16 : start + 64] = bytes(48)
    path = tmp_path / "endless.nwb"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"is damaged \\(a heap at byte {start} has no end\\); make a whole copy"):
        read(path)


def test_without_pynwb(good, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    assert nwb.recognises(good)
    with pytest.raises(UserError, match=r"NWB files are read with pynwb; pip install 'hypercolumn\[nwb\]'"):
        read(good)


def test_the_page_about_it(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "nwb.md").read_text(encoding="utf-8")
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
