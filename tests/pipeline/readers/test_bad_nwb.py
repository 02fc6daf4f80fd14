"""NWB files that are damaged, or lack something, or lead elsewhere: they are refused in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

import h5py
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.readers import nwb, read
from pipeline.readers.options import Options
from written_formats import packed_by


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
        (packed_by(32015, f"{SERIES}/data"), f"/{SERIES}/data is packed by a filter that HDF5 has not here (32015); "),
        (packed_by(32001, f"{SERIES}/timestamps"), f"/{SERIES}/timestamps is packed by a filter that HDF5 has not"),
        (_without("session_start_time"), "is damaged, or no NWB file that pynwb can read"),
        (_without("intervals/trials/start_time"), "is damaged, or no NWB file that pynwb can read"),
    ],
)
def test_refused(edited_nwb, edit, said):
    path = edited_nwb(edit)
    with pytest.raises(UserError) as refusal:
        read(path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert "\n" not in line


def test_images_that_follow_faster_than_the_window(edited_nwb):
    def faster(file: h5py.File) -> None:
        for where in (f"{SERIES}/timestamps", "intervals/trials/start_time", "intervals/trials/stop_time"):
            file[where][:] = file[where][:] / 4

    path = edited_nwb(faster)
    with pytest.raises(UserError, match=r"follow one another after 0.25 s, .* choose a window of at most 0.25 s"):
        read(path)
    assert read(path, options=Options(window=(0.05, 0.3))).num_neurons == 4


def test_damaged_files_are_one_line(good_nwb, tmp_path):
    """Bytes that are changed, and files that end too early; whether it shows at once or in reading the arrays."""
    content, path = good_nwb.read_bytes(), tmp_path / "damaged.nwb"
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


def test_a_heap_without_end_is_no_hang(good_nwb, tmp_path):
    """As in a file of which a part was not copied; HDF5 itself would read its text for ever."""
    content = bytearray(good_nwb.read_bytes())
    start = content.index(b"GCOL")
    content[start + 16 : start + 64] = bytes(48)
    path = tmp_path / "endless.nwb"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"is damaged \\(a heap at byte {start} has no end\\); make a whole copy"):
        read(path)


def test_without_pynwb(good_nwb, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    assert nwb.recognises(good_nwb)
    with pytest.raises(UserError, match=r"NWB files are read with pynwb; pip install 'hypercolumn\[nwb\]'"):
        read(good_nwb)
