"""The same arrays in every format are the same recording, bit for bit; options do the same to all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from models.lazy import LazyArray
from models.recording import ARRAYS, Recording
from nwb_files import write_nwb
from pipeline.readers import find, read
from pipeline.readers.options import Options
from written_formats import trials_of, write_pickle, write_scans, write_sensorium, zipped

DATA = Path(__file__).parents[4] / "shared" / "data"
AREAS = {"V1": slice(0, 2), "LM": slice(2, 5)}


def layout(recording, folder):
    recording.write(folder / "layout.h5")
    return folder / "layout.h5"


# By format: what writes it, the reader's name, and which columns of neurons it keeps.
WRITERS = {
    "hdf5": (layout, "hdf5", ("neuron_id", "area")),
    "folder": (lambda r, f: write_sensorium(r, f / "static"), "sensorium", ("neuron_id", "area")),
    "zip": (lambda r, f: zipped(write_sensorium(r, f / "static")), "sensorium", ("neuron_id", "area")),
    "without ids": (lambda r, f: write_sensorium(r, f / "static", ids=False), "sensorium", ("neuron_id", "area")),
    "pickle 2": (lambda r, f: write_pickle(r, f / "data.pkl", 2), "original", ()),
    "pickle 3": (lambda r, f: write_pickle(r, f / "data.pkl", 3), "original", ()),
    "pickle 5": (lambda r, f: write_pickle(r, f / "data.pkl", 5), "original", ()),
    "scan": (lambda r, f: write_scans(r, f / "scan"), "original", ("neuron_id",)),
    "areas": (lambda r, f: write_scans(r, f / "scan", AREAS), "original", ("neuron_id", "area")),
    "nwb": (lambda r, f: write_nwb(r, f / "session.nwb", responses="dF/F"), "nwb", ("neuron_id", "area")),
    "areas named": (
        lambda r, f: write_scans(r, f / "scan", AREAS) / "scans.yaml",
        "original",
        ("neuron_id", "area"),
    ),
}


def with_columns(recording: Recording, columns) -> Recording:
    return replace(recording, neurons={name: recording.neurons[name] for name in columns})


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_is_the_same_recording(shown, tmp_path, form):
    write, name, columns = WRITERS[form]
    path = write(shown, tmp_path)
    assert find(path).name == name
    expected = with_columns(shown, columns)
    for found in (read(path), read(path, name)):
        assert found.content_sha256() == expected.content_sha256()
        large = ("train_images", "test_responses") if name == "original" else ARRAYS
        assert form == "pickle 2" or all(isinstance(getattr(found, array), LazyArray) for array in large)


@pytest.mark.parametrize("form", ["hdf5", "zip", "pickle 2", "areas"])
def test_options_do_the_same_to_every_format(shown, tmp_path, form):
    write, _, columns = WRITERS[form]
    path = write(shown, tmp_path)
    units = "area=LM" if "area" in columns else None
    options = Options.of(crop=(1, 0, 0, 2), size="4x5", units=units)
    found, again = read(path, options=options), read(path, options=Options.of(**options.to_dict()))
    assert found.content_sha256() == again.content_sha256()
    expected = averaged(shown.train_images[:, 1:, :-2], (4, 5))
    assert found.train_images.dtype == np.float32
    np.testing.assert_array_equal(found.train_images[:], expected)
    kept = shown.neurons["area"] == "LM" if units else slice(None)
    np.testing.assert_array_equal(found.test_responses[:], shown.test_responses[..., kept])
    assert found.neurons.get("neuron_id", np.arange(5)).tolist() == ([1, 9, 12] if units else list(range(5)))


def averaged(images, size):
    """Area averages by repeating each pixel as often as the size has parts, which takes much memory."""
    (height, width), (rows, columns) = images.shape[1:], size
    fine = images.astype(np.int64).repeat(rows, axis=1).repeat(columns, axis=2)
    sums = fine.reshape(len(images), rows, height, columns, width).sum(axis=(2, 4))
    return (sums / (height * width)).astype(np.float32)


@pytest.mark.parametrize("form", ["folder", "scan"])
def test_colour(shown, tmp_path, refusal, form):
    colours = np.random.default_rng(1).integers(0, 256, (80, 7, 9, 3), dtype=np.uint8)
    grey = np.array([(299 * r + 587 * g + 114 * b) / 1000 for r, g, b in colours.reshape(-1, 3).astype(int)])
    images = {"train_images": np.rint(grey).astype(np.uint8).reshape(80, 7, 9)}
    for split in ("validation", "test"):
        images[f"{split}_images"] = getattr(shown, f"{split}_images")
    in_colour = replace(
        shown,
        train_images=colours,
        **{f"{split}_images": images[f"{split}_images"][..., None].repeat(3, -1) for split in ("validation", "test")},
    )
    if form == "folder":
        path = write_sensorium(in_colour, tmp_path / "colour")
    else:
        path = write_scans(shown, tmp_path / "colour")
        pictures, _, _, splits = trials_of(in_colour)
        for split in ("train", "validation", "test"):
            with h5py.File(path / f"{split}.h5", "r+") as file:
                del file["inputs"]
                file["inputs"] = np.moveaxis(pictures[splits == split], -1, 1)
    assert refusal(path).endswith("images are in colour, models take grey ones; choose grey")
    expected = replace(shown, **images)
    found = read(path, options=Options(grey=True))
    assert with_columns(found, ["neuron_id"]).content_sha256() == with_columns(expected, ["neuron_id"]).content_sha256()


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data are not beside the project")
@pytest.mark.parametrize("name", ["190925", "190928", "201016", "201018", "210224", "210621"])
def test_recorded_data(tmp_path, name):
    source = DATA / f"v4_{name}.h5"
    recording = Recording.read(source)
    responses = np.where(np.isnan(recording.test_responses), np.float32(np.nan), recording.test_responses)
    # one of them holds another NaN than numpy's, and digests are of bits
    recording = replace(recording, neurons={"neuron_id": recording.neuron_id}, test_responses=responses)
    digest = recording.content_sha256()
    assert read(zipped(write_sensorium(recording, tmp_path / name))).content_sha256() == digest
    found = read(write_pickle(recording, tmp_path / "data.pkl"))
    assert found.content_sha256() == replace(recording, neurons={}).content_sha256()
    assert np.array_equal(read(source).train_images[:], recording.train_images)


def test_trials_in_any_order(shown, tmp_path):
    # Each format lists its trials; what is left out leaves no gap, and test images come as they were first shown.
    folder = write_sensorium(shown, tmp_path / "static")
    images, numbers, responses, splits = trials_of(shown)
    order = np.random.default_rng(3).permutation(len(images))
    splits = splits.copy()
    splits[order[5:9]] = "none"
    for place, trial in enumerate(order):
        np.save(folder / f"data/images/{place}.npy", images[trial][None])
        np.save(folder / f"data/responses/{place}.npy", responses[trial])
    np.save(folder / "meta/trials/tiers.npy", splits[order])
    np.save(folder / "meta/trials/frame_image_id.npy", numbers[order])
    found = read(folder)
    train = order[splits[order] == "train"]
    np.testing.assert_array_equal(found.train_images[:], images[train])
    np.testing.assert_array_equal(found.train_responses[:], responses[train])
    seen: dict[int, list[int]] = {}
    for trial in order[splits[order] == "test"]:
        seen.setdefault(numbers[trial], []).append(trial)
    expected = np.full((max(map(len, seen.values())), len(seen), 5), np.nan, np.float32)
    for image, trials in enumerate(seen.values()):
        expected[: len(trials), image] = responses[trials]
        np.testing.assert_array_equal(found.test_images[image : image + 1][0], images[trials[0]])
    np.testing.assert_array_equal(found.test_responses[:], expected)
    assert found.attributes["left_out"] == ["4 trials of the tier 'none'"]


def test_scans_that_showed_the_same_in_another_order(shown, tmp_path):
    folder = write_scans(shown, tmp_path / "scan", AREAS)
    for split in ("train", "test"):
        with h5py.File(folder / f"{split}LM.h5", "r+") as file:
            # Repeats of one image keep their order among themselves.
            order = np.random.default_rng(4).permutation(len(file["image_ids"]))
            ids = file["image_ids"][()]
            for number in np.unique(ids):
                places = np.flatnonzero(ids[order] == number)
                order[places] = np.sort(order[places])
            for name in ("inputs", "responses", "image_ids"):
                file[name][...] = file[name][()][order]
    assert read(folder).content_sha256() == with_columns(shown, ["neuron_id", "area"]).content_sha256()


def test_neurons_of_several_scans_that_count_alike(shown, tmp_path):
    folder = write_scans(shown, tmp_path / "scan", AREAS)
    for split in ("train", "validation", "test"):
        with h5py.File(folder / f"{split}LM.h5", "r+") as file:
            file["info/unit_ids"][:2] = [4, 7]
    neurons = read(folder).neurons
    assert neurons["neuron_id"].tolist() == [0, 1, 2, 3, 4]
    assert neurons["unit_id"].tolist() == [4, 7, 4, 7, 12]
