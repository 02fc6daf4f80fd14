"""Formats and options from the command line and from Python, as far as the rows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import pipeline
from made_up_recordings import noise, unequally_shown
from models.recording import Recording
from nwb_files import write_nwb
from pipeline.errors import UserError
from pipeline.readers import read
from pipeline.readers.options import Options
from pipeline.tasks import declare_task
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel
from written_formats import trials_of, write_pickle, write_scans, write_sensorium, zipped

DOCS = Path(__file__).parents[2] / "docs"
V4 = sorted((Path(__file__).parents[3] / "shared" / "data").glob("v4_*.h5"))


@pytest.fixture
def shown() -> Recording:
    return unequally_shown()


@pytest.fixture
def removed(connection) -> Iterator[list[str]]:
    """Names whose recordings go when the test ends."""
    names: list[str] = []
    yield names
    for name in names:
        (TrainingSet & {"training_set": name}).delete(prompt=False)
        (Dataset & {"dataset_name": name}).delete(prompt=False)


def row(name: str) -> dict:
    (found,) = (Dataset & {"dataset_name": name}).proj("content_sha256", "reader", "reader_options").to_dicts()
    return found


def test_a_zip_with_options_comes_in_twice_as_the_same(command, removed, shown, tmp_path, snapshot):
    removed.append("lm")
    path = zipped(write_sensorium(shown, tmp_path / "static", tiers=False))
    chosen = ("--crop", "1,0,0,2", "--size", "4x5", "--split", ".5,.3,.2", "--split-seed", "7", "--units", "area=LM")
    code, out, err = command("ingest", "lm", path, *chosen)
    assert code == 0, err
    assert out.startswith("lm declared: 3 neurons, ")
    assert out.endswith("images of 4 x 5 pixels\n")
    found = row("lm")
    assert found["reader"] == "sensorium"
    assert found["reader_options"] == {
        **{"crop": [1, 0, 0, 2], "size": [4, 5], "split": [0.5, 0.3, 0.2], "split_seed": 7, "units": "area=LM"}
    }
    again = read(path, found["reader"], Options.of(**found["reader_options"]))
    assert (
        again.content_sha256() == found["content_sha256"] == (Dataset & {"dataset_name": "lm"}).load().content_sha256()
    )
    before = snapshot()
    assert command("ingest", "lm", path, *chosen).out.startswith("lm was declared before with the same content")
    assert snapshot() == before
    other = command("ingest", "lm", path, *chosen[:-4], "--units", "area=LM")
    assert (other.code, "is taken by a recording of other content" in other.err) == (2, True)


def test_every_format_becomes_the_same_dataset_and_model(command, removed, quick, tmp_path):
    recording = replace(noise(20), neurons={"neuron_id": np.arange(2)})
    recording.write(tmp_path / "layout.h5")
    paths = {
        "layout": ("hdf5", tmp_path / "layout.h5"),
        "folder": ("sensorium", write_sensorium(recording, tmp_path / "static")),
        "zip": ("sensorium", zipped(tmp_path / "static")),
        "pickle": ("original", write_pickle(recording, tmp_path / "data.pkl")),
        "scan": ("original", write_scans(recording, tmp_path / "scan")),
        "nwb": ("nwb", write_nwb(recording, tmp_path / "session.nwb", responses="dF/F")),
    }
    images, numbers, responses, splits = trials_of(recording)
    given = {"images": images, "responses": responses, "image_ids": numbers, "split": splits}
    removed += [*paths, "arrays"]
    for name, (_, path) in paths.items():
        code, _, err = command("ingest", name, path)
        assert code == 0, err
    pipeline.add_recording("arrays", neurons=recording.neurons, **given)
    weights = set()
    for name in removed:
        found = row(name)
        reader = paths[name][0] if name in paths else "arrays"
        assert (found["reader"], found["reader_options"] or {}) == (reader, {})
        columns = {} if name == "pickle" else recording.neurons  # of which it has none
        assert found["content_sha256"] == replace(recording, neurons=columns).content_sha256()
        key = declare_task(name, "quick", 0)
        TrainedModel.populate(key)
        weights.add((TrainedModel & key).fetch1("weights").sha256)
    assert len(weights) == 1


@pytest.mark.skipif(not V4, reason="the recordings of V4 are not there")
@pytest.mark.parametrize("path", V4, ids=lambda path: path.stem)
def test_recordings_of_v4_come_in(command, removed, tmp_path, path):
    recording = Recording.read(path)
    repeats = np.where(np.isnan(recording.test_responses), np.float32(np.nan), recording.test_responses)
    bare = replace(recording, neurons={"neuron_id": recording.neuron_id}, test_responses=repeats)  # one kind of NaN
    paths = {
        "layout": (path, recording),
        "zip": (zipped(write_sensorium(bare, tmp_path / "static")), bare),
        "nwb": (write_nwb(bare, tmp_path / "session.nwb", images="ImageSeries", responses="dF/F"), bare),
    }
    removed += paths
    for name, (written, expected) in paths.items():
        code, out, err = command("ingest", name, written)
        assert code == 0, err
        assert out.startswith(f"{name} declared: {recording.num_neurons} neurons, {len(recording.train_images)} train")
        assert row(name)["content_sha256"] == expected.content_sha256()
        assert (Dataset & {"dataset_name": name}).load().content_sha256() == expected.content_sha256()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "4by5"), "size is '4by5'; allowed are two whole numbers of pixels: HEIGHTxWIDTH"),
        (("--split", ".5,.5"), "split is '0.5,0.5'; allowed are three shares above 0 that sum to 1"),
        (("--split-seed", "3"), "split_seed is 3 without a split; name its shares, or leave it out"),
        (("--crop", "9,9,9,9"), "crop 9,9,9,9 leaves nothing of images of 7 x 9 pixels; take off less"),
        (("--units", "area=PM"), "no neuron has area 'PM'; its values are LM, V1"),
        (("--window", "0,.5"), "has no times, only responses; leave out window"),
        (("--format", "mat"), "format 'mat' is unknown; allowed are auto, hdf5, "),
        (("--format", "original"), "is a folder without train.h5 and without scans.yaml"),
    ],
)
def test_what_cannot_be_is_refused(refused, shown, tmp_path, options, said):
    assert said in refused("ingest", "bad", write_sensorium(shown, tmp_path / "static"), *options)


def test_a_pickle_that_calls_something(refused, shown, tmp_path):
    class Calls:
        def __reduce__(self):
            return Path.mkdir, (tmp_path / "trace",)

    line = refused("ingest", "bad", write_pickle(shown, tmp_path / "data.pkl", extra=Calls()))
    assert "would call " in line
    assert not (tmp_path / "trace").exists()


def test_arrays(removed, shown, tmp_path):
    removed += ["trials", "sets", "by-content"]
    images, numbers, responses, splits = trials_of(shown)
    given = {"images": images, "responses": responses, "neurons": shown.neurons}
    assert pipeline.add_recording("trials", image_ids=numbers, split=splits, **given)
    assert pipeline.add_recording("by-content", split=splits.tolist(), attributes={"lab": "ours"}, **given)
    with h5py.File(tmp_path / "arrays.h5", "w") as file:  # as large as one likes
        file["images"] = shown.train_images
        sets = {
            "train": (file["images"], shown.train_responses),
            "validation": (shown.validation_images, shown.validation_responses),
            "test": [shown.test_images, shown.test_responses],
        }
        assert pipeline.add_recording("sets", **sets, neurons=shown.neurons)
        assert not pipeline.add_recording("sets", **sets, neurons=shown.neurons)
    assert {row(name)["content_sha256"] for name in removed} == {shown.content_sha256()}
    assert {row(name)["reader"] for name in removed} == {"arrays"}


def test_arrays_without_a_split(removed, shown):
    removed.append("shares")
    images, _, responses, _ = trials_of(shown)
    chosen = {"split": (0.5, 0.3, 0.2), "split_seed": 2, "size": (3, 4)}
    assert pipeline.add_recording("shares", images=images, responses=responses, **chosen)
    assert row("shares")["reader_options"] == {"split": [0.5, 0.3, 0.2], "split_seed": 2, "size": [3, 4]}
    assert (Dataset & {"dataset_name": "shares"}).load().test_responses.shape == (4, 29, 5)


@pytest.mark.parametrize("text", [object, "S"])
def test_text_as_other_packages_have_it(removed, shown, text):
    # Of pandas, or read by h5py
    removed += ["plain", "objects"]
    images, numbers, responses, splits = trials_of(shown)
    named = np.array([f"image{number}" for number in numbers])
    for name, kind in (("plain", str), ("objects", text)):
        area = shown.neurons["area"].astype(kind)
        given = {"images": images, "responses": responses, "neurons": shown.neurons | {"area": area}}
        pipeline.add_recording(name, image_ids=named.astype(kind), split=splits.astype(kind), **given)
    assert row("objects")["content_sha256"] == row("plain")["content_sha256"] == shown.content_sha256()


def few(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape) % 251


PAIR = (few(4, 5, 5), few(4, 2))
ALL = {"images": few(4, 5, 5), "responses": few(4, 2)}
SETS = {"train": PAIR, "validation": PAIR, "test": PAIR}
BAD_ARGUMENTS = [
    ({}, "add_recording was given no arrays; allowed are images and responses, or train, validation and test"),
    (ALL | SETS, "allowed are images and responses, or train"),
    (ALL | {"test": PAIR}, "add_recording was given test beside images; leave it out"),
    (SETS | {"image_ids": few(4)}, "add_recording was given image_ids beside train; leave it out"),
    (ALL, "has no split into training, validation and test set; choose split, .8,.1,.1"),
    (ALL | {"responses": None}, "responses is missing; it must be an array"),
    (ALL | {"images": few(4, 5)}, "images has 2 dimensions, (4, 5); allowed is 3 or 4"),
    (ALL | {"responses": few(3, 2), "split": (0.6, 0.2, 0.2)}, "responses has 3 trials, images 4; allowed is the same"),
    (ALL | {"image_ids": [1, 2], "split": (0.6, 0.2, 0.2)}, "image_ids has 2 trials, images 4; allowed is the same"),
    (ALL | {"image_ids": [1, 2, np.nan, np.nan], "split": (0.6, 0.2, 0.2)}, "image_ids holds float64, or NaN; allowed"),
    (ALL | {"image_ids": [1, 1, 2, 3], "split": (0.6, 0.2, 0.2)}, "image_ids has one number for trials 0 and 1, whose"),
    (ALL | {"split": ["train"] * 3}, "split has 3 trials, images 4; allowed is the same number"),
    (ALL | {"split": ["training"] * 4}, "split has 'training'; allowed are train, validation, test and ''"),
    (ALL | {"split": (0.5, 0.5)}, "split is '0.5,0.5'; allowed are three shares"),
    (ALL | {"responses": [["a", "b"]] * 4}, "responses holds <U1; allowed are numbers"),
    (ALL | {"responses": [[1], [1, 2], [1], [1]]}, "responses is no array"),
    (SETS | {"test": None}, "test is missing; allowed are its images and its responses"),
    (SETS | {"test": few(4, 5, 5)}, "test is no pair, ndarray; allowed are its images and its responses"),
    (SETS | {"test": (few(4, 5, 5), few(4))}, "test[1] has 1 dimensions, (4,); allowed is 2 or 3"),
    (SETS | {"neurons": {"area": ["V1"]}}, "neurons['area'] is <U2 (1,); allowed are numbers or text, one for each"),
    (SETS | {"neurons": {"neuron_id": [1, 1]}}, "neurons['neuron_id'] is not one whole number a neuron"),
    (SETS | {"attributes": {"note\0": "text"}}, "attribute 'note\\x00' cannot be held by HDF5: its name"),
    (SETS | {"neurons": {"cell": ["a\0b", "c"]}}, "column of neurons 'cell' cannot be held by HDF5: "),
    (SETS | {"window": (0, 1)}, "has no times, only responses; leave out window"),
    (SETS | {"gray": True}, "option 'gray' is unknown; allowed are grey, "),
    (SETS | {"validation": (few(4, 5, 4), few(4, 2))}, "/validation/images has images of 5 x 4 pixels"),
]


@pytest.mark.parametrize(("given", "said"), BAD_ARGUMENTS, ids=[said[:40] for _, said in BAD_ARGUMENTS])
def test_arguments_that_do_not_do(snapshot, given, said):
    before = snapshot()
    with pytest.raises(UserError) as caught:
        pipeline.add_recording("bad", **given)
    assert said in str(caught.value)
    assert snapshot() == before


def test_the_page(command, removed, shown, tmp_path, monkeypatch):
    # Every command of docs/how-to/recordings.md, on files that are called as they are there.
    page = (DOCS / "how-to" / "recordings.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown.write(tmp_path / "mouse1.h5")
    zipped(write_sensorium(shown, tmp_path / "static26872-17-20"))
    write_sensorium(shown, tmp_path / "session3", tiers=False)
    Path("checkpoints").mkdir()
    write_pickle(shown, tmp_path / "checkpoints" / "data.pkl")
    write_scans(shown, tmp_path / "scan", {"V1": slice(0, 2), "LM": slice(2, 5)})
    write_scans(shown, tmp_path / "one-scan")
    code = [line.partition("#")[0].split() for line in re.findall(r"^hypercolumn (ingest .*)", page, re.MULTILINE)]
    assert len(code) >= 6
    for words in code:
        if words[2].endswith(".nwb"):
            continue
        removed.append(words[1])
        done = command(*words)
        assert done.code == 0, (words, done.err)
    images, numbers, responses, _ = trials_of(shown)
    names = {"images": images, "responses": responses, "image_ids": numbers}
    removed.append("from-arrays")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # the page's own lines
    assert row("from-arrays")["reader"] == "arrays"
    assert isinstance((Dataset & {"dataset_name": "from-arrays"}).load(), Recording)
    shutil.rmtree("scan")
