"""`hypercolumn ingest`: a good file becomes rows; a bad one is refused in one line, and nothing has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import h5py
import numpy as np
import pytest

from models.recording import ARRAYS, Recording
from schemas.dataset import Dataset, TrainingSet

ROOT = os.geteuid() == 0


@pytest.fixture
def removed():
    """A name whose recording goes when the test ends."""
    yield "passing"
    (TrainingSet & {"training_set": "passing"}).delete(prompt=False)
    (Dataset & {"dataset_name": "passing"}).delete(prompt=False)


def changed(recording: Recording, **arrays) -> Recording:
    """The recording with some arrays replaced, each by what a function makes of a copy of it."""
    return replace(recording, **{name: change(getattr(recording, name).copy()) for name, change in arrays.items()})


def put(place: tuple, value: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that makes float32 of an array and sets one place of it."""

    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.float32)
        array[place] = value
        return array

    return change


def test_a_good_file(command, connection, recording_file, recording, removed, store):
    code, out, err = command("ingest", removed, recording_file)
    assert (code, err) == (0, "")
    assert out == "passing declared: 6 neurons, 60 train, 40 validation, 100 test images of 16 x 16 pixels\n"
    dataset = Dataset & {"dataset_name": removed}
    assert dataset.fetch1("content_sha256") == recording.content_sha256()
    assert (store / dataset.fetch1("recording").path).read_bytes() == recording_file.read_bytes()
    assert len(Dataset.Neuron & dataset) == 6
    assert len(TrainingSet.Member & {"training_set": removed, "dataset_name": removed}) == 1


def test_the_same_content_again_adds_nothing(command, recording, tiny, recording_file, snapshot, tmp_path):
    other_bytes = tmp_path / "other-bytes.h5"
    with h5py.File(recording_file) as source, h5py.File(other_bytes, "w") as file:
        for where in [*ARRAYS.values(), *(f"neurons/{name}" for name in recording.neurons)]:
            file[where] = source[where][()]  # not compressed
    assert other_bytes.read_bytes() != recording_file.read_bytes()
    before = snapshot()
    for path in (recording_file, other_bytes):
        code, out, err = command("ingest", tiny, path, "--format", "hdf5")
        assert (code, err) == (0, "")
        assert out.startswith("tiny was declared before with the same content: 6 neurons")
    assert snapshot() == before


def test_other_content_under_the_same_name(refused, recording, tiny, tmp_path):
    path = tmp_path / "other.h5"
    changed(recording, train_responses=lambda array: array + 1).write(path)
    line = refused("ingest", tiny, path)
    assert line.startswith("hypercolumn: name 'tiny' is taken by a recording of other content")
    assert line.endswith("choose another name")


def test_the_name_of_a_training_set(refused, tiny, recording_file):
    TrainingSet.insert1({"training_set": "taken"})
    try:
        assert "name 'taken' is taken by a training set" in refused("ingest", "taken", recording_file)
    finally:
        (TrainingSet & {"training_set": "taken"}).delete(prompt=False)


BAD_CONTENT = {
    "NaN in images": (
        {"train_images": put((3, 4, 5), np.nan)},
        "/train/images holds nan at (3, 4, 5); allowed are finite numbers",
    ),
    "infinity in images": (
        {"test_images": put((1, 2, 3), np.inf)},
        "/test/images holds inf at (1, 2, 3); allowed are finite numbers",
    ),
    "NaN in training responses": (
        {"train_responses": put((7, 2), np.nan)},
        "/train/responses holds nan at (7, 2); allowed are finite numbers",
    ),
    "infinity in validation responses": (
        {"validation_responses": put((7, 2), -np.inf)},
        "/validation/responses holds -inf at (7, 2); allowed are finite numbers",
    ),
    "infinity in test responses": ({"test_responses": put((0, 1, 2), np.inf)}, "/test/responses holds infinity"),
    "too large for float32": (
        {"train_responses": lambda a: np.where(np.arange(6) == 1, 1e300, a.astype(np.float64))},
        "/train/responses holds inf at (0, 1); allowed are finite numbers",
    ),
    "negative training responses": (
        {"train_responses": put((0, 0), -1)},
        "/train/responses holds -1; allowed is 0 or more, but for noise down to -0.1",
    ),
    "negative test responses": (
        {"test_responses": put((0, 0, 0), -0.5)},
        "/test/responses holds -0.5; allowed is 0 or more",
    ),
    "fewer responses than images": (
        {"train_responses": lambda a: a[:-1]},
        "/train/responses has 59 images, /train/images 60; allowed is the same number",
    ),
    "fewer test images than responses": (
        {"test_images": lambda a: a[:-1]},
        "/test/responses has 100 images, /test/images 99; allowed is the same number",
    ),
    "other neurons": (
        {"validation_responses": lambda a: a[:, :-1]},
        "/validation/responses has 5 neurons, /train/responses 6; allowed is the same number",
    ),
    "two sizes of images": (
        {"validation_images": lambda a: a[:, :15]},
        "/validation/images has images of 15 x 16 pixels, /train/images of 16 x 16; allowed is one size",
    ),
    "no repeats": (
        {"test_responses": lambda a: a[:0]},
        "/test/responses has no repeat of any image; allowed is 1 or more for each image",
    ),
    "repeats that are all NaN": (
        {"test_responses": lambda a: a * np.nan},
        "/test/responses has no repeat of any image; allowed is 1 or more for each image",
    ),
    "an image without repeats": (
        {"test_responses": put((slice(None), 7, 3), np.nan)},
        "/test/responses has no repeat of image 7 for neuron 3; allowed is 1 or more",
    ),
    "no images": (
        {"train_images": lambda a: a[:0], "train_responses": lambda a: a[:0]},
        "/train/images holds 0 images; allowed is 1 or more",
    ),
    "no test images": (
        {"test_images": lambda a: a[:0], "test_responses": lambda a: a[:, :0]},
        "/test/images holds 0 images; allowed is 1 or more",
    ),
    "no pixels": (
        {f"{split}_images": lambda a: a[:, :, :0] for split in ("train", "validation", "test")},
        "/train/images has images of 16 x 0 pixels; allowed is 1 x 1 or more",
    ),
    "grey images": (
        {"train_images": lambda a: np.full_like(a, 7)},
        "/train/images has the same value in every pixel; allowed are images that vary",
    ),
    "a dimension too many": (
        {"train_images": lambda a: a[:, None]},
        "/train/images has 4 dimensions, (60, 1, 16, 16); allowed is 3",
    ),
    "a dimension too few": ({"test_responses": lambda a: a[0]}, "/test/responses has 2 dimensions, (100, 6); allowed"),
    "text": (
        {"train_responses": lambda a: a.astype("S4")},
        "/train/responses holds |S4; allowed are numbers",
    ),
    "complex numbers": (
        {"train_responses": lambda a: a.astype(complex)},
        "/train/responses holds complex128; allowed are numbers",
    ),
}


@pytest.mark.parametrize("fault", BAD_CONTENT)
def test_bad_content(refused, recording, tmp_path, fault):
    arrays, expected = BAD_CONTENT[fault]
    path = tmp_path / "bad.h5"
    changed(replace(recording, neurons={}), **arrays).write(path)
    line = refused("ingest", "bad", path)
    assert line.startswith(f"hypercolumn: {path}: ")
    assert expected in line


def test_no_neurons(refused, recording, tmp_path):
    path = tmp_path / "bad.h5"
    none = {f"{split}_responses": lambda array: array[..., :0] for split in ("train", "validation", "test")}
    changed(replace(recording, neurons={}), **none).write(path)
    assert f"{path}: /train/responses has 0 neurons; allowed is 1 or more" in refused("ingest", "bad", path)


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


BAD_STRUCTURE = {
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
    "neuron_id as text": (_replace("neurons/neuron_id", np.array(list(b"abcdef")).astype("S1")), "neuron_id holds |S1"),
    "neuron_id not whole": (_replace("neurons/neuron_id", np.arange(6) + 0.5), "neuron_id holds float64"),
    "neuron_id in two dimensions": (
        _replace("neurons/neuron_id", np.zeros((6, 2), int)),
        "/neurons/neuron_id has the shape (6, 2)",
    ),
    "neuron_id too large": (
        _replace("neurons/neuron_id", np.array([1, 2, 3, 4, 5, 2**63 + 1], dtype=np.uint64)),
        "/neurons/neuron_id holds 9223372036854775809; allowed is at most 9223372036854775807",
    ),
}


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
    assert where in line
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


def test_flipped_bytes_are_refused_or_read(command, recording_file, tmp_path, connection, snapshot, monkeypatch):
    # Whatever a damaged file makes of itself, it ends in one line.
    content, random = recording_file.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "flipped.h5"
    before, refusals = snapshot(), 0
    monkeypatch.setattr("pipeline.datasets.add_recording", lambda *_: True)
    for _ in range(100):
        flipped = bytearray(content)
        for place in random.integers(len(content), size=3):
            flipped[place] ^= random.integers(1, 256)
        path.write_bytes(flipped)
        code, out, err = command("ingest", "flipped", path)
        if code:
            assert code == 2
            assert err.startswith(f"hypercolumn: {path}: ")
            assert len(err.splitlines()) == 1
            refusals += 1
        else:
            assert out.startswith("flipped declared")
    assert refusals > 10
    assert snapshot() == before


@pytest.mark.parametrize("content", [b"not an HDF5 file", bytes(10_000), b"\x89PNG\r\n\x1a\n"])
def test_not_hdf5(refused, tmp_path, content):
    path = tmp_path / "picture.h5"
    path.write_bytes(content)
    assert refused("ingest", "bad", path).startswith(f"hypercolumn: {path}: is not an HDF5 file; allowed is ")


@pytest.mark.parametrize(
    "name",
    ["a b", "a/b", "../a", "it's", 'a"b', "100%", "naïve", "視覚", "", "x" * 65, "-n", ".n", "a\nb", "a;b", "a\n"],
)
def test_odd_names(refused, recording_file, name):
    line = refused("ingest", "--", name, recording_file)
    assert line.startswith(f"hypercolumn: name {name!r} is not allowed; allowed are 1 to 64 letters, digits, ")


@pytest.mark.parametrize("name", ["x" * 64, "0", "A.b-c_d"])
def test_names_that_do(command, connection, recording_file, name):
    try:
        assert command("ingest", name, recording_file).code == 0
        assert (Dataset & {"dataset_name": name}).load().num_neurons == 6
    finally:
        (TrainingSet & {"training_set": name}).delete(prompt=False)
        (Dataset & {"dataset_name": name}).delete(prompt=False)


def test_paths_that_are_no_file(refused, tmp_path):
    assert refused("ingest", "bad", tmp_path / "gone.h5").endswith(
        "gone.h5: no such file; give the path of a recording"
    )
    assert "is not a file" in refused("ingest", "bad", tmp_path)
    assert "is not a file" in refused("ingest", "bad", "/dev/zero")
    assert "File name too long" in refused("ingest", "bad", tmp_path / ("x" * 300))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "no such file" in refused("ingest", "bad", tmp_path / "loop")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_may_not_be_read(hypercolumn, recording_file, tmp_path, store, what):
    path = tmp_path / "closed" / "private.h5"
    path.parent.mkdir()
    shutil.copy(recording_file, path)
    closed = path if what == "file" else path.parent
    if ROOT:
        os.chown(closed, 65534, 65534)
    closed.chmod(0)
    # root that may not override permissions is like any other user
    before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if ROOT else ()
    try:
        code, out, err = hypercolumn("ingest", "private", path, before=before)
    finally:
        closed.chmod(0o700)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    if what == "file":
        assert last == f"Error: Invalid value for 'PATH': Path '{path}' is not readable."
    else:
        assert err == f"hypercolumn: {path}: Permission denied; check the path and its permissions\n"


def test_an_unknown_format(refused, recording_file):
    line = refused("ingest", "bad", recording_file, "--format", "mat")
    assert line == "hypercolumn: format 'mat' is unknown; allowed are auto, hdf5"


def test_arguments_that_are_missing(refused, recording_file):
    assert "Missing argument 'NAME'" in refused("ingest")
    assert "Missing argument 'PATH'" in refused("ingest", "name")
    assert "No such option" in refused("ingest", "name", recording_file, "--fromat", "hdf5")


def test_noise_below_zero_is_no_fault(command, connection, recording, removed, tmp_path):
    path = tmp_path / "noisy.h5"
    noisy = {
        f"{split}_responses": lambda array: array - 1e-4 * recording.train_responses.std()
        for split in ("train", "test")
    }
    changed(recording, **noisy).write(path)
    assert command("ingest", removed, path).code == 0


def test_a_neuron_that_never_fires_is_kept_and_said(command, connection, recording, removed, quick, tmp_path):
    path = tmp_path / "silent.h5"
    silence = {f"{split}_responses": put((..., 4), 0) for split in ("train", "validation", "test")}
    changed(recording, **silence).write(path)
    code, _, err = command("ingest", removed, path)
    assert code == 0
    assert err == "warning: 1 neuron never fires in the training set and cannot be predicted: 4\n"
    assert (Dataset.Neuron & {"dataset_name": removed} & "is_silent").to_arrays("neuron_id").tolist() == [4]

    from schemas.training import TrainedModel, TrainingTask

    assert command("train", removed, "--config", "quick").code == 0
    scores = (TrainedModel.Neuron & {"training_set": removed}).to_dicts(order_by="neuron_id")
    assert (scores[4]["test_corr"], scores[4]["ceiling"]) == (0, None)
    assert any(score["test_corr"] for score in scores)
    assert all(score["ceiling"] is not None for score in scores[:4])
    (TrainingTask & {"training_set": removed}).delete(prompt=False)


def test_a_recording_without_repeats_is_kept_and_said(command, connection, recording, removed, tmp_path):
    path = tmp_path / "once.h5"
    changed(recording, test_responses=lambda array: array[:1]).write(path)
    code, _, err = command("ingest", removed, path)
    assert (code, err) == (0, "warning: no test image has two repeats, so that no ceiling can be computed\n")


def test_repeats_that_were_not_shown(command, connection, recording, removed, tmp_path):
    path = tmp_path / "some.h5"
    changed(recording, test_responses=put((slice(3, None), slice(0, 50)), np.nan)).write(path)
    assert command("ingest", removed, path) == (0, _declared(removed), "")
    assert np.isnan((Dataset & {"dataset_name": removed}).load().test_responses[3:, :50]).all()


def _declared(name: str) -> str:
    return f"{name} declared: 6 neurons, 60 train, 40 validation, 100 test images of 16 x 16 pixels\n"


def test_text_that_a_server_cannot_hold(command, connection, recording_file, removed, tmp_path):
    # PostgreSQL holds no zero character in its text, and no half of a surrogate pair.
    path = tmp_path / "zero.h5"
    shutil.copy(recording_file, path)
    with h5py.File(path, "r+") as file:
        file["neurons/area"] = np.array([b"V\x001"] * 6, dtype=h5py.string_dtype(length=4))
        file.attrs["zero"] = np.bytes_(b"a\0b")
        file.attrs["bytes"] = np.array([b"a", b"\xff"])
        file.attrs.create("latin", b"Z\xfcrich", dtype=h5py.string_dtype(length=6))
        file.attrs["opaque"] = np.void(b"\x00\xff")
        file.attrs["empty"] = h5py.Empty("f4")
    assert command("ingest", removed, path) == (0, _declared(removed), "")
    attributes = (Dataset & {"dataset_name": removed}).fetch1("attributes")
    assert attributes["zero"] == "a\ufffdb"
    assert attributes["bytes"] == ["a", "\ufffd"]
    assert attributes["latin"].startswith("Z")
    assert {"opaque", "empty", "license"} <= attributes.keys()
    areas = (Dataset.Neuron & {"dataset_name": removed}).to_arrays("properties")
    assert {row["area"] for row in areas} == {"V\ufffd1"}
