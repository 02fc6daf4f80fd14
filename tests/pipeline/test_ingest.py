"""`hypercolumn ingest`: a good file becomes rows, oddities are kept and said; names and paths that do not do."""

from __future__ import annotations

import os
import shutil

import h5py
import numpy as np
import pytest

from made_up_recordings import changed, put
from models.recording import ARRAYS
from schemas.dataset import Dataset, TrainingSet

ROOT = os.geteuid() == 0


@pytest.fixture
def removed():
    """A name whose recording goes when the test ends."""
    yield "passing"
    (TrainingSet & {"training_set": "passing"}).delete(prompt=False)
    (Dataset & {"dataset_name": "passing"}).delete(prompt=False)


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
    assert "is not a folder of a known format" in refused("ingest", "bad", tmp_path)
    assert "is not a file or folder" in refused("ingest", "bad", "/dev/zero")
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
    if what == "file":
        said = f"invalid value for 'PATH': Path '{path}' is not readable"
        assert err == f"hypercolumn: {said}; `hypercolumn ingest --help` tells what is allowed\n"
    else:
        assert err == f"hypercolumn: {path}: Permission denied; check the path and its permissions\n"


def test_an_unknown_format(refused, recording_file):
    line = refused("ingest", "bad", recording_file, "--format", "mat")
    assert line == "hypercolumn: format 'mat' is unknown; allowed are auto, hdf5, sensorium, original, nwb"


def test_arguments_that_are_missing(refused, recording_file):
    assert "missing argument 'NAME'" in refused("ingest")
    assert "missing argument 'PATH'" in refused("ingest", "name")
    assert "no such option" in refused("ingest", "name", recording_file, "--fromat", "hdf5")


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
