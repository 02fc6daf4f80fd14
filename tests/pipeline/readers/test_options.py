"""What a user may choose: values that do, values that are refused by name, and what they do to images and trials."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lazy import LazyArray, take
from pipeline.errors import UserError
from pipeline.readers import read
from pipeline.readers.images import overlaps, prepared
from pipeline.readers.options import Options
from pipeline.readers.presentations import Presentations
from written_formats import write_sensorium

CHOSEN = {
    "grey": True,
    "crop": "1,2,3,4",
    "size": "36x64",
    "split": ".8, .1,.1",
    "split_seed": 5,
    "window": "-0.05,5e-1",
    "units": "area = V1",
}


def test_written_and_read_they_are_the_same():
    options = Options.of(**CHOSEN)
    assert options == Options(True, (1, 2, 3, 4), (36, 64), (0.8, 0.1, 0.1), 5, (-0.05, 0.5), "area = V1")
    assert Options.of(**json.loads(json.dumps(options.to_dict()))) == options
    assert Options().to_dict() == {}
    assert Options.of(crop=None, size=np.array([3, 4])) == Options(size=(3, 4))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("crop", "1,2,3", "crop is '1,2,3'; allowed are four whole numbers of pixels"),
        ("crop", "1,2,3,-4", "crop is '1,2,3,-4'; allowed are four"),
        ("crop", (1.5, 0, 0, 0), "crop is '1.5,0,0,0'; allowed are four"),
        ("crop", 5, "crop is '5'; allowed are four"),
        ("size", "0x4", "size is '0x4'; allowed are two whole numbers of pixels: HEIGHTxWIDTH"),
        ("size", "4,4", "size is '4,4'; allowed are two"),
        ("size", "9" * 5000 + "x1", "...'; allowed are two"),
        ("split", ".8,.1,.2", "split is '0.8,0.1,0.2'; allowed are three shares above 0 that sum to 1"),
        ("split", "1,0,0", "split is '1.0,0.0,0.0'; allowed are three"),
        ("split", "nan,.5,.5", "split is 'nan,0.5,0.5'; allowed are three"),
        ("split_seed", -1, "split_seed is -1; allowed are whole numbers from 0 to 4294967295"),
        ("window", ".5,.1", "window is '0.5,0.1'; allowed are two numbers of seconds"),
        ("window", "0,inf", "window is '0.0,inf'; allowed are two"),
        ("units", "V1", "units is 'V1'; allowed is the name of a column and its value, area=V1"),
        ("units", "area=\n", "units is 'area=\\n'; allowed is a line of text"),
        ("grey", 1, "grey is 1; allowed are true and false"),
        ("scale", 2, "option 'scale' is unknown; allowed are grey, crop, size, "),
    ],
)
def test_values_that_do_not_do(name, value, said):
    with pytest.raises(UserError) as caught:
        Options.of(**{name: value})
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_areas_are_whole_and_exact(pixels, fewer):
    weights = overlaps(max(pixels, fewer), min(pixels, fewer))
    assert (weights == np.rint(weights)).all()
    assert (weights.sum(axis=1) == max(pixels, fewer)).all()
    assert (weights.sum(axis=0) == min(pixels, fewer)).all()


def test_size_of_half_a_pixel():
    image = np.array([[[0, 3, 9]]], dtype=np.uint8)
    found = prepared(image, Options(size=(1, 2)), "")
    np.testing.assert_array_equal(found[:], [[[1, 7]]])  # (0 + 3/2) / 1.5 and (3/2 + 9) / 1.5
    assert found.dtype == np.float32


def test_images_that_nothing_changes():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert prepared(images, Options(grey=True, size=(3, 4)), "") is images
    assert prepared(images, Options(crop=(1, 1, 0, 0)), "").dtype == np.uint8
    assert prepared(images.astype(np.int64), Options(), "").dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "chosen", "said"),
    [
        ((2, 3, 4), {"crop": (2, 1, 0, 0)}, "crop 2,1,0,0 leaves nothing of images of 3 x 4 pixels"),
        ((2, 3, 4), {"size": (4, 4)}, "size 4x4 is larger than the images, 3 x 4 pixels; allowed are sizes up to that"),
        ((2, 3, 4), {"crop": (0, 1, 0, 0), "size": (3, 4)}, "size 3x4 is larger than the images, 2 x 4 pixels"),
        ((2, 3, 4, 2), {"grey": True}, "images have the shape (2, 3, 4, 2); allowed are (images, height, width), and"),
        ((2, 3, 4, 3), {}, "images are in colour, models take grey ones; choose grey"),
        ((0, 4096, 4097), {"size": (8, 8)}, "images of 4096 x 4097 pixels are too large; allowed are 16777216 pixels"),
        ((0, 2, 2**24), {}, "images of 2 x 16777216 pixels are too large"),
    ],
)
def test_options_that_do_not_fit(shape, chosen, said):
    with pytest.raises(UserError, match=r"^here: ") as caught:
        prepared(np.zeros(shape), Options(**chosen), "here")
    assert said in str(caught.value)


@given(st.lists(st.integers(0, 29), max_size=60), st.sampled_from([None, 1, 4, 50]))
@settings(max_examples=50, deadline=None)
def test_rows_in_any_order(wanted, chunk):
    values = np.arange(60).reshape(30, 2)
    chunks = (chunk, 2) if chunk else None
    rows = LazyArray(values.shape, values.dtype, lambda start, stop: values[start:stop], chunks)
    wanted = np.array(wanted, dtype=np.int64)
    np.testing.assert_array_equal(take(rows, wanted), values[wanted])


def presentations(image_of_trial: np.ndarray, images: np.ndarray) -> Presentations:
    responses = np.arange(1.0, 1 + len(image_of_trial))[:, None]
    return Presentations(images, image_of_trial, responses, split_of_trial=None)


@given(st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=30, deadline=None)
def test_no_image_is_in_two_splits(seed, data):
    # A picture may be in the file several times: 30 images of 12 kinds.
    kinds = data.draw(st.lists(st.integers(0, 11), min_size=30, max_size=30)) + list(range(12))
    images = np.array(kinds, dtype=np.uint8)[:, None, None].repeat(3, axis=1)
    trials = np.array(data.draw(st.lists(st.integers(0, 41), min_size=5, max_size=80))), np.arange(30, 42)
    shown = presentations(np.concatenate(trials), images)
    options = Options(split=(0.6, 0.2, 0.2), split_seed=seed)
    found, again = shown.recording(options), shown.recording(options)
    assert found.content_sha256() == again.content_sha256()
    pictures = [set(np.unique(getattr(found, f"{s}_images")[:])) for s in ("train", "validation", "test")]
    assert sum(map(len, pictures)) == len(set.union(*pictures)) == 12
    assert [len(one) for one in pictures] == [8, 2, 2]
    tested = found.test_responses[:]
    all_responses = [found.train_responses[:], found.validation_responses[:], tested[np.isfinite(tested)]]
    assert sorted(np.concatenate([one.ravel() for one in all_responses])) == shown.responses.ravel().tolist()
    counts = np.bincount(np.array(kinds)[shown.image_of_trial])
    assert sorted(counts[list(pictures[2])]) == sorted(counts)[-2:]


def test_the_seed_draws_the_split():
    shown = presentations(np.arange(40), np.arange(40, dtype=np.uint8)[:, None, None].repeat(2, axis=1))
    digests = {shown.recording(Options(split=(0.5, 0.25, 0.25), split_seed=seed)).content_sha256() for seed in range(4)}
    assert len(digests) == 4


def test_a_split_is_needed_and_not_a_second_one(shown, tmp_path, refusal):
    without = write_sensorium(shown, tmp_path / "without", tiers=False)
    assert refusal(without).endswith("no split into training, validation and test set; choose split, .8,.1,.1")
    split = Options(split=(0.5, 0.3, 0.2))
    assert read(without, options=split).num_neurons == 5
    np.save(without / "meta/trials/tiers.npy", np.full(len(list((without / "data/images").iterdir())), "train"))
    assert "none of its" in refusal(without)
    path = tmp_path / "layout.h5"
    shown.write(path)
    assert refusal(path, options=split).endswith("has a split of its own; leave out split")
    assert refusal(path, options=Options(window=(0, 1))).endswith("has no times, only responses; leave out window")


def test_too_few_images():
    shown = presentations(np.zeros(9, int), np.zeros((1, 2, 2)))
    with pytest.raises(UserError, match="1 different images cannot be split; allowed are 3 or more"):
        shown.recording(Options(split=(0.5, 0.3, 0.2)))


def test_one_image_that_was_shown_all_the_time():
    image_of_trial = np.concatenate([np.zeros(2000, int), np.arange(1, 500)])
    shown = replace(
        presentations(image_of_trial, np.zeros((500, 2, 2))),
        split_of_trial=np.where(
            np.arange(2499) < 2497, "test", np.where(np.arange(2499) < 2498, "train", "validation")
        ),
    )
    with pytest.raises(UserError, match=r"one test image was shown 2000 times, while 498 have 2497 trials together"):
        shown.recording(Options())


@pytest.mark.parametrize(
    ("units", "kept"),
    [
        ("area=V1", [0, 1]),
        ("depth=100", [0, 2]),
        ("good=1", [1, 2, 3]),
        ("good=false", [0, 4]),
        ("tag = b", [3]),
        ("long=9007199254740993", [4]),
    ],
)
def test_units(shown, tmp_path, units, kept):
    columns = {
        "depth": np.array([100.0, 5, 100, 7, np.nan]),
        "good": np.array([False, True, True, True, False]),
        "tag": np.array([b"a", b"a", b"a", b"b", b"a"]),
        "long": 2**53 + np.array([4, 3, 2, 0, 1]),  # of which a float cannot tell the last two apart
    }
    path = write_sensorium(replace(shown, neurons=shown.neurons | columns), tmp_path / "static")
    found = read(path, options=Options(units=units))
    assert found.neuron_id.tolist() == shown.neuron_id[kept].tolist()
    np.testing.assert_array_equal(found.train_responses[:], shown.train_responses[:, kept])
    np.testing.assert_array_equal(found.test_responses[:], shown.test_responses[..., kept])


def test_units_that_are_not_there(shown, tmp_path, refusal):
    path = tmp_path / "layout.h5"
    shown.write(path)
    assert refusal(path, options=Options(units="layer=4")).endswith(
        "neurons have no column 'layer'; units can name area, neuron_id"
    )
    assert refusal(path, options=Options(units="area=PM")).endswith("no neuron has area 'PM'; its values are LM, V1")
    replace(shown, neurons={"good": np.arange(5) < 3, "depth": np.arange(5)}).write(path)
    assert refusal(path, options=Options(units="good=ture")).endswith("has good 'ture'; its values are False, True")
    assert refusal(path, options=Options(units="depth=deep")).endswith("has depth 'deep'; its values are 0, 1, 2, 3, 4")
