"""HDF5 files that are damaged, or not of the layout, or lead elsewhere: `hypercolumn ingest` refuses them in one line,
and nothing has changed."""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Callable

import h5py
import numpy as np
import pytest

from models.recording import ARRAYS
from pipeline.readers import read
from written_formats import packed_by


def _delete(where: str) -> Callable[[h5py.File], None]:
    return lambda file: file.pop(where)


def _replace(where: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if where in file:
            del file[where]
        file[where] = value

    return change


def _not_utf8(file: h5py.File) -> None:
    column = file.create_dataset("neurons/area", (6,), h5py.string_dtype(length=4))
    column[:] = b"\xff\xfe"


def _scalar_group(file: h5py.File) -> None:
    del file["neurons"]
    file["neurons"] = 5


def _only_announced(where: str, shape: tuple[int, ...], kind: str) -> Callable[[h5py.File], None]:
    """A dataset of which nothing is in the file."""

    def change(file: h5py.File) -> None:
        if where in file:
            del file[where]
        file.create_dataset(where, shape, kind, chunks=(1, *shape[1:]) if shape[0] > 10 else None)

    return change


def _one_long_text(file: h5py.File) -> None:
    file["neurons/area"] = ["V1"] * 5 + ["V" * 2**23]


BAD_STRUCTURE = {
    "far more images than there are": (
        _only_announced("train/images", (200_000_000, 36, 64), "u1"),
        "/train/images would take 439453 MB; allowed, or there, are 128",
    ),
    "a filter that is not here": (
        packed_by(32015, "validation/responses"),
        "/validation/responses is packed by a filter that HDF5 has not here (32015); pack it by gzip",
    ),
    "one image of a gigabyte": (
        _only_announced("train/images", (2, 2**15, 2**15), "u1"),
        "/train/images, a row of it,",
    ),
    "a column of gigabytes": (_only_announced("neurons/depth", (6, 10**9), "f4"), "/neurons/depth, a row of it,"),
    "one text that is far longer": (_one_long_text, "/neurons/area would take 192 MB; allowed, or there, are 64"),
    "a name with a line's end": (
        _replace("neurons/a\nb", np.arange(6)),
        "a column of neurons is named 'a\\nb'; allowed",
    ),
    **{
        f"no group {group}": (_delete(group), f"group /{group} is missing; it must hold images and responses")
        for group in ("train", "validation", "test")
    },
    **{f"no dataset {where}": (_delete(where), f"dataset /{where} is missing from group") for where in ARRAYS.values()},
    "a dataset for a group": (_replace("test", 3), "group /test is missing"),
    "neurons is no group": (_scalar_group, "/neurons is no group"),
    "a group for a column": (_replace("neurons/area/deep", 1), "/neurons/area is no dataset"),
    "a column of another length": (_replace("neurons/area", np.arange(5)), "/neurons/area has the shape (5,)"),
    "a column of one value": (_replace("neurons/area", 5), "/neurons/area has the shape ()"),
    "a column of pairs": (
        _replace("neurons/area", np.zeros(6, dtype=[("a", "f4"), ("b", "f4")])),
        "/neurons/area holds [('a', '<f4'), ('b', '<f4')]; allowed are numbers and text",
    ),
    "text that is not UTF-8": (_not_utf8, "/neurons holds text that is not UTF-8 ("),
    "a neuron twice": (
        _replace("neurons/neuron_id", np.array([1, 2, 3, 4, 5, 1])),
        "/neurons/neuron_id holds 1 twice; allowed is each number once",
    ),
    "neuron_id as text": (
        _replace("neurons/neuron_id", np.array(list(b"abcdef")).astype("S1")),
        "neuron_id holds text",
    ),
    "neuron_id not whole": (_replace("neurons/neuron_id", np.arange(6) + 0.5), "neuron_id holds float64"),
    "neuron_id in two dimensions": (
        _replace("neurons/neuron_id", np.zeros((6, 2), int)),
        "/neurons/neuron_id has the shape (6, 2)",
    ),
    "a truth of text": (
        _replace("neurons/expected_rate", np.full((6, 100), b"high")),
        "/neurons/expected_rate holds text; allowed are numbers",
    ),
    "a truth of other images": (
        _replace("neurons/expected_rate", np.zeros((6, 99), np.float32)),
        "/neurons/expected_rate has the shape (6, 99); allowed is (6, 100), a rate for each neuron and test image",
    ),
    "neuron_id too large": (
        _replace("neurons/neuron_id", np.array([1, 2, 3, 4, 5, 2**63 + 1], dtype=np.uint64)),
        "/neurons/neuron_id holds 9223372036854775809; allowed is at most 9223372036854775807",
    ),
}


def test_heaps_within_heaps_take_no_time(refused, recording_file, tmp_path):
    path = tmp_path / "bad.h5"
    shutil.copy(recording_file, path)
    one = b"GCOL\x01\0\0\0" + (2**40).to_bytes(8, "little") + bytes.fromhex("0100000000000000") + bytes([16] + 7 * [0])
    with h5py.File(path, "r+") as file:
        file["heaps"] = np.frombuffer(one * 2**17, np.uint8)  # which, each looked through to the end, take an hour
    assert "is damaged (a heap at byte " in refused("ingest", "bad", path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where memory can be bounded")
@pytest.mark.parametrize("where", ["an attribute", "a column"])
def test_a_text_that_says_it_is_of_gigabytes(refused, recording_file, tmp_path, where):
    """HDF5 takes the memory before it looks whether there is as much."""
    path, text = tmp_path / "bad.h5", "a text that stands in the heap"
    with h5py.File(recording_file) as good, h5py.File(path, "w") as file:
        for name in ("train", "validation", "test"):
            good.copy(name, file)
        if where == "an attribute":
            file.attrs["description"] = text
        else:
            file["neurons/area"] = [text] * 6
    content = path.read_bytes()
    at = content.index(len(text).to_bytes(4, "little") + content.index(b"GCOL").to_bytes(8, "little"))
    path.write_bytes(content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :])
    assert "is damaged or truncated (Can't synchronously read data (memory allocation failed" in refused(
        "inspect", path
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where memory can be bounded")
@pytest.mark.parametrize("options", [[], ["--format", "hdf5"], ["--format", "nwb"]])
def test_a_drivers_block_that_says_it_is_of_gigabytes(refused, recording_file, tmp_path, options):
    """HDF5 takes the memory while it opens the file. "HDF5 File Format Specification", II.A and B."""
    path, content = tmp_path / "bad.h5", bytearray(recording_file.read_bytes())
    struct.pack_into("<QQ", content, 40, len(content) + 16, len(content))  # the file's end, and the block's address
    path.write_bytes(content + struct.pack("<4xI8s", 2**31 - 1, b"NCSAmult"))
    assert "Unable to synchronously open file (image null after H5MM_realloc())" in refused("inspect", path, *options)


@pytest.mark.parametrize("where", ["an attribute", "an attribute of a column", "a column", "a part of a column"])
@pytest.mark.parametrize("kind", [2, 3, 15])
def test_a_type_that_nothing_is_of(refused, recording_file, tmp_path, where, kind):
    """HDF5 crashes on it. "HDF5 File Format Specification", IV.A.2.d: what has a varying length."""
    path = tmp_path / "bad.h5"
    with h5py.File(recording_file) as good, h5py.File(path, "w") as file:
        for name in ("train", "validation", "test"):
            good.copy(name, file)
        file["neurons/depth"] = np.arange(6)
        if where == "an attribute":
            file.attrs["description"] = "text"
        elif where == "an attribute of a column":
            file["neurons/depth"].attrs["unit"] = "um"
        elif where == "a column":
            file["neurons/area"] = ["V1"] * 6
        else:
            parts = np.array([("V1", 1)] * 6, [("area", h5py.string_dtype()), ("layer", "i2")])
            file.create_dataset("neurons/place", data=parts)
    content, text = path.read_bytes(), bytes([0x19, 1, 1, 0])
    assert content.count(text) == 1
    path.write_bytes(content.replace(text, bytes([0x19, kind, 1, 0])))
    assert "or an attribute of it is of no type); make a whole copy" in refused("inspect", path, "--format", "hdf5")


def test_groups_in_a_circle_are_gone_through_once(refused, recording_file, tmp_path):
    path = tmp_path / "round.h5"
    shutil.copy(recording_file, path)
    with h5py.File(path, "r+") as file:
        file["train/all"] = file["/"]
        file["train/all/again"] = file["train"]
    assert read(path).num_neurons == read(recording_file).num_neurons
    with h5py.File(path, "r+") as file:
        file["train/all/neurons/elsewhere"] = h5py.ExternalLink("other.h5", "/")
    assert "/neurons/elsewhere lies in another file" in refused("ingest", "bad", path)


@pytest.mark.parametrize("fault", BAD_STRUCTURE)
def test_bad_structure(refused, recording_file, tmp_path, fault):
    change, expected = BAD_STRUCTURE[fault]
    path = tmp_path / "bad.h5"
    shutil.copy(recording_file, path)
    with h5py.File(path, "r+") as file:
        change(file)
    line = refused("ingest", "bad", path)
    assert line.startswith(f"hypercolumn: {path}: ")
    assert expected in line


@pytest.mark.parametrize("where", ["train/responses", "neurons/area"])
@pytest.mark.parametrize("kind", ["external link", "external storage", "virtual", "soft link", "broken link"])
def test_data_of_another_file(refused, recording_file, tmp_path, where, kind):
    path, secret = tmp_path / "bad.h5", tmp_path / "secret.h5"
    shutil.copy(recording_file, path)
    shape = (60, 6) if where == "train/responses" else (6,)
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones(shape, np.float32)
    (tmp_path / "secret.raw").write_bytes(bytes(4 * 360))
    with h5py.File(path, "r+") as file:
        if where in file:
            del file[where]
        if kind == "external link":
            file[where] = h5py.ExternalLink(str(secret), "/secret")
        elif kind == "external storage":
            file.create_dataset(where, shape, "f4", external=str(tmp_path / "secret.raw"))
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "f4")
            layout[:] = h5py.VirtualSource(str(secret), "secret", shape)
            file.create_virtual_dataset(where, layout)
        elif kind == "soft link":
            file["elsewhere"] = h5py.ExternalLink(str(secret), "/secret")
            file[where] = h5py.SoftLink("/elsewhere")
        else:
            file[where] = h5py.ExternalLink(str(tmp_path / "gone.h5"), "/secret")
    line = refused("ingest", "bad", path)
    assert line.startswith(f"hypercolumn: {path}: ")
    assert ("elsewhere" if kind == "soft link" else where) in line
    assert kind == "broken link" or "lies in another file; allowed is data within the file" in line


def test_a_group_of_another_file(refused, recording_file, tmp_path):
    path = tmp_path / "bad.h5"
    shutil.copy(recording_file, path)
    with h5py.File(path, "r+") as file:
        del file["train"]
        file["train"] = h5py.ExternalLink(str(recording_file), "/train")
    assert "lies in another file" in refused("ingest", "bad", path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999])
def test_a_truncated_file(refused, recording_file, tmp_path, share):
    path = tmp_path / "cut.h5"
    content = recording_file.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    line = refused("ingest", "bad", path)
    assert line.startswith(f"hypercolumn: {path}: is ")
    assert "is not an HDF5 file" in line or "is damaged or truncated" in line


def test_flipped_bytes_are_refused_or_read(command, recording_file, tmp_path, connection, snapshot):
    # Whatever a damaged file makes of itself, it ends in one line.
    content, random = recording_file.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "flipped.h5"
    before, refusals = snapshot(), 0
    for _ in range(100):
        flipped = bytearray(content)
        for place in random.integers(len(content), size=3):
            flipped[place] ^= random.integers(1, 256)
        path.write_bytes(flipped)
        code, out, err = command("inspect", path)
        if code:
            assert code == 2
            assert err.startswith(f"hypercolumn: {path}: ")
            assert len(err.splitlines()) == 1
            refusals += 1
        else:
            assert "over neurons" in out
    assert refusals > 10
    assert snapshot() == before


@pytest.mark.parametrize("content", [b"not an HDF5 file", bytes(10_000), b"\x89PNG\r\n\x1a\n"])
def test_not_hdf5(refused, tmp_path, content):
    path = tmp_path / "picture.h5"
    path.write_bytes(content)
    assert refused("ingest", "bad", path).startswith(f"hypercolumn: {path}: is not an HDF5 file; allowed is ")
