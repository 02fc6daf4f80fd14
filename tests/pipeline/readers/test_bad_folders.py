"""Folders and archives that are not as they should be, or are made to do harm, are refused in one line."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.readers import read
from written_formats import write_sensorium, zipped


@pytest.fixture(scope="module")
def good(shown, tmp_path_factory) -> Path:
    """A folder of few trials; no test changes it."""
    few = replace(
        shown,
        train_images=shown.train_images[:9],
        train_responses=shown.train_responses[:9],
        test_images=shown.test_images[:4],
        test_responses=shown.test_responses[:2, :4],
    )
    return write_sensorium(few, tmp_path_factory.mktemp("good") / "static")


@pytest.fixture
def folder(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "static", copy_function=os.link))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def with_header(text: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1") + data


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\n"
BAD_FILES = {
    "a pickle": ("data/responses/7.npy", npy(np.array([{}], object)), "holds object (1,)"),
    "no array": ("data/responses/7.npy", b"PK\x03\x04 and so on", "is not a file of numpy's format .npy"),
    "an empty file": ("data/images/7.npy", b"", "is not a file of numpy's format .npy"),
    "a call in the header": (
        "data/images/7.npy",
        with_header("{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': ()}"),
        "allowed are arrays of numbers or text, without pickle",
    ),
    "a deep header": ("data/images/7.npy", with_header("(" * 60_000), "allowed are arrays of numbers or text"),
    "a structure": ("data/images/7.npy", npy(np.zeros(3, "f4,f4")), "allowed are arrays of numbers or text"),
    "more than there is": ("data/images/7.npy", with_header(HEADER % "1, 7, 9", b"abc"), "announces 252 bytes"),
    "far more": ("data/images/7.npy", with_header(HEADER % "99999999999, 99999999999"), "holds 39999999"),
    "no comma": ("data/images/7.npy", with_header(HEADER % "7     9"), "allowed are arrays of numbers or text"),
    "nothing, many times": ("data/images/7.npy", with_header(HEADER % "0, 99999999999, 99999999999"), "allowed are"),
    "text without letters": (
        "data/images/7.npy",
        with_header((HEADER % "99999999999,").replace("<f4", "<U0")),
        "allowed are arrays of numbers or text",
    ),
    "another shape": ("data/images/7.npy", npy(np.zeros((1, 7, 8), np.uint8)), "that of trial 0 is uint8 (7, 9, 1)"),
    "another type": ("data/responses/7.npy", npy(np.zeros(5)), "is float64 (5,), that of trial 0 is float32 (5,)"),
    "text for numbers": ("data/images/0.npy", npy(np.array(["a"])), "data/images/0.npy holds <U1; allowed are numbers"),
    "a table of responses": ("data/responses/0.npy", npy(np.zeros((5, 2), "f4")), "has the shape (5, 2); allowed is"),
    "two channels": ("data/images/0.npy", npy(np.zeros((2, 7, 9), "u1")), "that of trial 0 is uint8 (7, 9, 2)"),
    "other tiers": ("meta/trials/tiers.npy", npy(np.array(["train"] * 3)), "has the shape (3,); allowed is ("),
    "numbers for tiers": ("meta/trials/tiers.npy", npy(np.zeros(300)), "tiers.npy"),
    "pickled tiers": ("meta/trials/tiers.npy", npy(np.array(["train", None])), "without pickle"),
    "NaN": ("data/responses/7.npy", npy(np.full(5, np.nan, "f4")), None),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_FILES)
@pytest.mark.parametrize("pack", [lambda folder: folder, zipped], ids=["folder", "zip"])
def test_bad_files(folder, refusal, fault, pack):
    name, content, said = BAD_FILES[fault]
    (folder / name).unlink()  # and not its other names
    (folder / name).write_bytes(content)
    if said is None:
        assert read(pack(folder)).num_neurons == 5  # what the numbers are, the checks of all formats look at
    else:
        assert said in refusal(pack(folder))


def test_missing_files(folder, refusal):
    (folder / "data/images/3.npy").unlink()
    assert "files, and not 3.npy; trials count from 0" in refusal(folder)
    shutil.rmtree(folder / "data/images")
    (folder / "data/images").mkdir()
    assert "has no files data/images/0.npy" in refusal(folder)
    assert refusal(folder.parent).endswith(
        "is not a folder of a known format; give the path of a file, or choose a format"
    )


def test_a_number_of_two_images(folder, refusal):
    (folder / "meta/trials/frame_image_id.npy").unlink()  # and not its other names
    np.save(folder / "meta/trials/frame_image_id.npy", np.repeat([-1, 7], [10, num_trials(folder) - 10]))
    line = refusal(folder)
    assert "frame_image_id.npy has one number for trials 0 and 1, whose images differ" in line


def test_trials_that_are_left_out_may_share_a_number(folder):
    is_left_out = np.arange(num_trials(folder)) < 3
    for name, value in (("frame_image_id", -1), ("tiers", "none")):
        path = folder / f"meta/trials/{name}.npy"
        column = np.load(path)
        path.unlink()  # and not its other names
        np.save(path, np.where(is_left_out, value, column))
    assert len(read(folder).train_images) == 6


def num_trials(folder: Path) -> int:
    return len(list((folder / "data/images").iterdir()))


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(folder, refusal, put):
    (folder / "data/images/3.npy").unlink()
    put(folder / "data/images/3.npy")
    assert refusal(folder).endswith("data/images/3.npy is no ordinary file; put a copy in its place")


def test_columns_that_are_none_are_left_out(folder):
    np.save(folder / "meta/neurons/pickled.npy", np.array([{}] * 5, object))
    np.save(folder / "meta/neurons/short.npy", np.zeros(4))
    found = read(folder)
    assert set(found.neurons) == {"neuron_id", "area"}
    assert len(found.attributes["left_out"]) == 2


def member(name: str, *, link: bool = False) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | 0o644) << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (member("static/../../evil.npy"), "holds a path with .., 'static/../../evil.npy'"),
        (member("..\\evil.npy"), "holds a path with .., '..\\\\evil.npy'"),
        (member("/etc/evil.npy"), "holds an absolute path, '/etc/evil.npy'"),
        (member("C:\\evil.npy"), "holds an absolute path"),
        (member("static/data/images/x.npy", link=True), "holds a link, 'static/data/images/x.npy'"),
    ],
)
def test_names_that_lead_out_of_an_archive(folder, refusal, entry, said):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "../../secret")
    before = sorted(path.parent.rglob("*"))
    assert said in refusal(path)
    assert sorted(path.parent.rglob("*")) == before


def test_bombs(folder, refusal, monkeypatch):
    path = zipped(folder)
    monkeypatch.setattr("pipeline.readers.trees.FREE_BYTES", 2**20)
    zeros = bytes(2**22)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"static/other/{number}.npy", zeros)
    assert "times its size; allowed are 100 times" in refusal(path)
    content = bytearray(zipped(folder).read_bytes())
    # An archive that says of one file that it is large, and of another that it is small and is not.
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    assert "holds a file of 2147483648 bytes" in refusal(path)
    content[directory + 24 : directory + 28] = struct.pack("<I", 5)
    path.write_bytes(content)
    assert "damaged" in refusal(path) or "is not a file of numpy's format" in refusal(path)


def test_an_archive_whose_files_overlap(folder, refusal):
    # Each entry of the list points to the same packed content.
    content = zipped(folder).read_bytes()
    end = content.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<II", content[end + 12 : end + 20])
    entries, many = content[start : start + size], 200
    ending = bytearray(content[end:])
    ending[8:12] = struct.pack("<HH", *[content.count(b"PK\x01\x02") * many] * 2)
    ending[12:16] = struct.pack("<I", size * many)
    path = folder.parent / "overlap.zip"
    path.write_bytes(content[:start] + entries * many + ending)
    assert "holds files that overlap" in refusal(path)


def _with_large_end(content: bytes, *, located: bool = True) -> bytes:
    """With the record of a large archive before its end, which says less unless the record is to be found."""
    end = content.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HII", content[end + 10 : end + 20])
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size if located else 46, start)
    if not located:
        return content[:end] + large + bytes(20) + content[end:]
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    return content[:end] + large + locator + content[end : end + 8] + b"\xff" * 12 + bytes(2)


def _commented(content: bytes) -> bytes:
    return content[:-2] + struct.pack("<H", 65535) + b"PK and " * 9362 + b"."


@pytest.mark.parametrize(
    ("change", "is_whole"),
    [
        (_commented, True),
        (lambda content: b"\x7fELF and so on" * 100 + content, True),
        (_with_large_end, True),
        (lambda content: _with_large_end(content, located=False), False),
        (lambda content: content[:-18] + b"PK\x05\x06" + content[-14:], False),  # where it tells its disks
    ],
    ids=["commented", "appended to a program", "large", "large, not located", "an end within the end"],
)
def test_an_archive_that_lists_too_much(folder, refusal, monkeypatch, change, is_whole):
    path = zipped(folder)
    content = path.read_bytes()
    path.write_bytes(change(content))
    if is_whole:
        assert read(path).num_neurons == 5
    length = int.from_bytes(content[-10:-6], "little")
    monkeypatch.setattr("pipeline.readers.trees.MOST_DIRECTORY_BYTES", length - 1)
    assert refusal(path, "sensorium").endswith("lists too many files; unpack it and give the folder")


def test_two_recordings_in_an_archive(folder, refusal):
    shutil.copytree(folder, folder / "again")
    assert "holds 2 recordings; allowed is one" in refusal(zipped(folder))


def test_changed_bytes_of_an_archive(good, tmp_path):
    content, generator = zipped(good).read_bytes(), np.random.default_rng(0)
    directory, path, refusals = content.index(b"PK\x01\x02"), tmp_path / "changed.zip", 0
    for _ in range(60):
        changed = bytearray(content)
        lowest = directory if generator.random() < 0.7 else 0
        for place in generator.integers(lowest, len(content), size=generator.integers(1, 4)):
            changed[place] = generator.integers(256)
        path.write_bytes(changed[: generator.integers(1, len(content))] if generator.random() < 0.1 else changed)
        said = ""
        try:
            read(path, "sensorium").content_sha256()
        except UserError as error:
            said = str(error)
        refusals += bool(said)
        assert not said or said.startswith(str(path))
    assert refusals > 10
