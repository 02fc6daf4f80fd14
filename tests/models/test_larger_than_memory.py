"""What is read chunk by chunk, and trained on from the disk, gives the bits of what lies in memory."""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from models import Data, Recording, Trainer, data, lazy
from models.lazy import LazyArray, chunks
from models.recording import ARRAYS
from models.spread import spread_of
from models.steady_file import SteadyFile

PLACES = ("train_images", "train_responses")


@pytest.fixture(params=[2**26, 1000], ids=["one chunk", "chunks"])
def chunk_bytes(request, monkeypatch):
    """How much is read at a time: all, or two images."""
    monkeypatch.setattr(lazy, "CHUNK_BYTES", request.param)
    monkeypatch.setattr(data, "AT_ONCE", request.param // 2)
    return request.param


@pytest.fixture
def recording():
    """Noise of the small model's size."""
    rng = np.random.default_rng(0)

    def images(count):
        return rng.integers(0, 256, size=(count, 9, 10), dtype=np.uint8)

    def responses(*shape):
        return rng.gamma(1.0, size=(*shape, 6)).astype(np.float32)

    repeats = responses(3, 8)
    repeats[1, 2:] = np.nan
    area = {"area": np.array(["V1", "LM", "", "AL", "Übergang", "V1"])}
    return Recording(images(60), responses(60), images(16), responses(16), images(8), repeats, area)


@pytest.fixture
def on_disk(recording, tmp_path):
    """The same, of which nothing is in memory."""
    path = tmp_path / "recording.h5"
    recording.write(path)
    return Recording.lazy(partial(h5py.File, path))


def test_it_is_read_when_it_is_looked_at(recording, on_disk, chunk_bytes, tmp_path):
    assert all(isinstance(getattr(on_disk, name), LazyArray) for name in ARRAYS)
    assert on_disk.content_sha256() == recording.content_sha256()
    np.testing.assert_array_equal(on_disk.test_repeats, recording.test_repeats)
    on_disk.write(tmp_path / "again.h5")
    again = Recording.read(tmp_path / "again.h5")
    assert again.content_sha256() == recording.content_sha256()
    for name in ARRAYS:
        assert getattr(again, name).dtype == getattr(on_disk, name).dtype == getattr(recording, name).dtype
    (tmp_path / "recording.h5").unlink()  # nothing holds it open
    with pytest.raises(FileNotFoundError):
        on_disk.content_sha256()


@pytest.mark.parametrize("per_mille", [1000, 500, 20])
def test_a_part_of_it(recording, on_disk, chunk_bytes, per_mille):
    wanted, part = (one.training_part(per_mille=per_mille, seed=1) for one in (recording, on_disk))
    for name in PLACES:
        assert isinstance(getattr(part, name), LazyArray)
        assert getattr(part, name).shape == getattr(wanted, name).shape
    assert part.content_sha256() == wanted.content_sha256()
    np.testing.assert_array_equal(part.train_images[1:40:3], wanted.train_images[1:40:3])


@pytest.mark.parametrize("rows", ["::-1", "5:1:-2", ":2:-1", "1:40:3", "-3:", "3:1", "9:", ":-9:-1", "40::-7", ":0:-1"])
def test_rows_are_those_of_any_slice(rows):
    array = np.arange(7 * 3).reshape(7, 3)
    wanted = slice(*(int(bound) if bound else None for bound in rows.split(":")))
    lazy_array = LazyArray(array.shape, array.dtype, lambda start, stop: array[start:stop])
    np.testing.assert_array_equal(lazy_array[wanted], array[wanted])


@pytest.mark.parametrize("rows", [2, np.array([1, 2]), (slice(2), 0), ...], ids=str)
def test_rows_by_other_things_than_slices_are_refused(rows):
    with pytest.raises(TypeError, match="allowed is a slice"):
        LazyArray((7, 3), float, lambda start, stop: np.zeros((stop - start, 3)))[rows]


def test_chunks_are_all_rows_in_order():
    array = np.arange(7 * 3).reshape(7, 3)
    for most_bytes, multiple, lengths in ((1, 1, [1] * 7), (50, 1, [2, 2, 2, 1]), (100, 3, [3, 3, 1]), (9999, 4, [7])):
        found = list(chunks(array, most_bytes, multiple))
        assert [len(part) for _, part in found] == lengths
        np.testing.assert_array_equal(np.concatenate([part for _, part in found]), array)
        assert all((array[rows] == part).all() for rows, part in found)


@pytest.mark.parametrize("of_columns", [True, False])
def test_mean_and_sd_of_parts(of_columns, monkeypatch):
    # far from zero: a difference of squares would keep no digit
    array = np.random.default_rng(0).normal(1e6, 1e-2, size=(1000, 5))
    axis = 0 if of_columns else None
    whole = spread_of(array, of_columns=of_columns)
    np.testing.assert_array_equal(whole.mean, array.mean(axis=axis))
    np.testing.assert_array_equal(whole.sd, array.std(axis=axis))
    monkeypatch.setattr(lazy, "CHUNK_BYTES", 300)
    parts = spread_of(array, of_columns=of_columns)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(parts.sd, whole.sd, rtol=1e-6)


def test_a_training_ends_with_the_same_bits(recording, on_disk, chunk_bytes, small_model, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ends = []
    for source, room in ((recording, 2**40), (on_disk, 2**40), (on_disk, 0)):
        monkeypatch.setattr(data, "free_memory", lambda _, room=room: room)
        trainer = Trainer(small_model(), Data.from_recording(source), seed=3, precision="float64")
        assert trainer.data.train_images.dtype == (torch.float64 if room else torch.float32)
        result = trainer.fit(val_steps=4, batch_size=8, patience=1, lr_decay_steps=1, max_iter=8)
        ends.append((result.val_loss, result.test_corr.tobytes(), *map(_bits, trainer.model.state_dict().values())))
        files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
        assert files == ["recording.h5"]  # what lies on the disk has no name, and so goes with this process
    assert ends[0] == ends[1] == ends[2]


def test_a_file_is_closed_on_a_full_disk(recording):
    """HDF5 would end the process if it could not write to close the file, or not read what it wrote."""
    with Path("/dev/full").open("r+b", buffering=0) as full:  # has no room, and zeros to read
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            recording.write(full)
        steady = SteadyFile(full)
        for at, content in ((0, b"before"), (3, b"after")):
            steady.seek(at)
            assert steady.write(content) == len(content)
        steady.seek(2)
        assert steady.read(8) == b"fafter\0\0"
        with pytest.raises(OSError, match="No space left on device"):
            steady.check()


def test_a_full_disk_is_named(tmp_path):
    mount = f'mount -t tmpfs -o size=1m none "{tmp_path}" && exec "$@"'
    unshare = ("unshare", "--mount", "sh", "-c", mount, "sh")
    if os.geteuid() or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user or machine mounts nothing, so no small disk can be filled")
    code = """if True:
        import os
        import numpy as np
        from models.on_disk import on_disk

        kept = on_disk((3, 2**16), np.dtype("f4"), (np.ones((1, 2**16)) for _ in range(3)))
        try:
            on_disk((2, 2**16), np.dtype("f4"), (np.ones((1, 2**16)) for _ in range(2)))
        except OSError as error:
            print(error)
        print(os.listdir(os.environ["TMPDIR"]), kept.sum() == kept.size)
        del kept
        print(on_disk((2, 2**16), np.dtype("f4"), (np.ones((1, 2**16)) for _ in range(2))).shape)
    """
    command = [*unshare, sys.executable, "-c", code]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    said = f"[Errno 28] No space left on device: '{tmp_path}'\n[] True\n(2, 65536)\n"
    assert (done.stdout, done.stderr) == (said, "")


def _bits(tensor):
    return tensor.numpy().tobytes()
