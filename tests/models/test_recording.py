"""Recordings: written and read back, what their hash tells apart, and their parts."""

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest

from models import Recording
from models.recording import ARRAYS


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)

    def images(count):
        return rng.integers(0, 256, size=(count, 9, 11), dtype=np.uint8)

    test_responses = rng.gamma(1.0, size=(4, 12, 5)).astype(np.float32)
    test_responses[2, 3] = np.nan
    test_responses[3, :, 1] = np.nan
    return Recording(
        train_images=images(103),
        train_responses=rng.gamma(1.0, size=(103, 5)).astype(np.float32),
        validation_images=images(20),
        validation_responses=rng.gamma(1.0, size=(20, 5)).astype(np.float32),
        test_images=images(12),
        test_responses=test_responses,
        neurons={
            "neuron_id": np.array([11, 3, 5, 8, 2]),
            "area": np.array(["V1", "V1", "LM", "", "Übergang"]),
            "depth": np.array([100.0, 120.5, np.nan, 200, 310], dtype=np.float32),
            "kept": np.array([True, False, True, True, False]),
            "position": rng.normal(size=(5, 3)),
        },
        attributes={"name": "mouse 7", "license": "CC0-1.0", "age_days": 90, "size": [1.5, 2.5]},
    )


def same(found, wanted):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
        assert getattr(found, name).dtype == getattr(wanted, name).dtype, name
    assert set(found.neurons) == set(wanted.neurons)
    for name, column in wanted.neurons.items():
        np.testing.assert_array_equal(found.neurons[name], column, err_msg=name)
        assert found.neurons[name].dtype.kind == column.dtype.kind, name


def written(recording):
    file = io.BytesIO()
    recording.write(file)
    return file


def test_written_and_read_it_is_the_same(recording, tmp_path):
    path = tmp_path / "recording.h5"
    recording.write(path)
    for source in (path, str(path), written(recording)):
        found = Recording.read(source)
        same(found, recording)
        assert found.attributes == recording.attributes
        assert found.content_sha256() == recording.content_sha256()


def test_float_images_and_no_columns(recording):
    images = {name: getattr(recording, name).astype(np.float32) / 7 for name in ARRAYS if name.endswith("images")}
    plain = replace(recording, **images, neurons={}, attributes={})
    found = Recording.read(written(plain))
    same(found, plain)
    assert found.attributes == {}
    np.testing.assert_array_equal(found.neuron_id, np.arange(5))


def test_attributes_are_plain_values(recording):
    odd = {"lab": np.bytes_(b"of one's own"), "year": np.int32(2019), "gains": np.array([1.0, 2.0])}
    found = Recording.read(written(replace(recording, attributes=odd))).attributes
    assert found == {"lab": "of one's own", "year": 2019, "gains": [1.0, 2.0]}
    assert [type(value) for value in found.values()] == [str, int, list]


def test_whole_numbers_too_large_for_hdf5_become_text(recording):
    odd = {"largest": 2**64 - 1, "larger": 2**64, "several": [1, 2**70], "smaller": -(2**63) - 1, "end": np.inf}
    found = Recording.read(written(replace(recording, attributes=odd))).attributes
    assert found == odd | {"larger": str(2**64), "several": f"[1, {2**70}]", "smaller": str(-(2**63) - 1)}


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("attribute", "", 1),
        ("attribute", "a\0b", 1),
        ("attribute", "\ud800", 1),
        ("attribute", "a" * 70000, 1),
        ("attribute", 3, 1),
        ("attribute", "keys", {(1, 2): 3}),
        ("column of neurons", "", np.arange(5)),
        ("column of neurons", "area/layer", np.arange(5)),
        ("column of neurons", "mixed", np.array([1, "a", None, 2, 3], dtype=object)),
        ("column of neurons", "day", np.array(["2020-01-01"] * 5, dtype="M8[D]")),
        ("column of neurons", "text", np.array(["a\0b"] * 5)),
        ("column of neurons", "text", np.array(["\ud800"] * 5)),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_what_hdf5_cannot_hold_is_refused_before_anything_is_written(recording, tmp_path, kind, name, value):
    path = tmp_path / "recording.h5"
    recording.write(path)
    before = path.read_bytes()
    odd = {
        "attribute": replace(recording, attributes={"name": "mouse 7", name: value}),
        "column of neurons": replace(recording, neurons=recording.neurons | {name: value}),
    }
    with pytest.raises(ValueError, match=f"^{kind} .* cannot be held by HDF5: "):
        odd[kind].write(path)
    assert path.read_bytes() == before


def test_other_numbers_become_float32(recording):
    double = replace(recording, train_responses=recording.train_responses.astype(float))
    found = Recording.read(written(double))
    same(found, recording)
    assert found.content_sha256() == recording.content_sha256()


def test_the_layout_of_the_file(recording):
    with h5py.File(written(recording)) as file:
        assert {"train", "validation", "test", "neurons"} == set(file)
        for name, where in ARRAYS.items():
            np.testing.assert_array_equal(file[where], getattr(recording, name))
        assert file.attrs["name"] == "mouse 7"


def test_bytes_of_the_file_do_not_count(recording):
    """Neither compression nor attributes, order of columns, width of strings or byte order."""
    wanted = recording.content_sha256()
    repacked = io.BytesIO()
    with h5py.File(written(recording)) as source, h5py.File(repacked, "w") as file:
        for where in [*reversed(ARRAYS.values()), *(f"neurons/{name}" for name in reversed(recording.neurons))]:
            values = source[where][()]
            if where == "neurons/area":
                fixed = np.array([text.ljust(40, b"\0") for text in values], dtype=h5py.string_dtype(length=40))
                file.create_dataset(where, data=fixed)
            else:
                file.create_dataset(where, data=values.astype(values.dtype.newbyteorder(">")))
        file.attrs["description"] = "repacked"
    assert Recording.read(repacked).content_sha256() == wanted
    wide = recording.neurons | {"area": recording.neurons["area"].astype("U50")}
    assert replace(recording, neurons=wide, attributes={}).content_sha256() == wanted


@pytest.mark.parametrize("name", [*ARRAYS, "neuron_id", "area", "depth", "kept", "position"])
def test_every_value_counts(recording, name):
    array = getattr(recording, name) if name in ARRAYS else recording.neurons[name]
    changed = array.copy()
    changed.flat[-1] = {"U": "AL", "b": True}.get(array.dtype.kind, 77)
    other = (
        replace(recording, **{name: changed})
        if name in ARRAYS
        else replace(recording, neurons=recording.neurons | {name: changed})
    )
    assert other.content_sha256() != recording.content_sha256()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, neurons={}),
        lambda r: replace(r, neurons={"id" if k == "neuron_id" else k: v for k, v in r.neurons.items()}),
        lambda r: replace(r, train_images=r.train_images.astype(np.float32)),
        lambda r: replace(r, train_images=r.train_images.reshape(-1, 11, 9)),
        lambda r: replace(r, train_images=r.validation_images, validation_images=r.train_images),
        lambda r: replace(r, neurons=r.neurons | {"area": np.array(["V1V1", "", "LM", "", "Übergang"])}),
    ],
    ids=["no columns", "name", "type", "shape", "swapped", "text moved"],
)
def test_names_types_and_shapes_count(recording, change):
    assert change(recording).content_sha256() != recording.content_sha256()


def test_sizes(recording):
    assert recording.num_neurons == 5
    assert recording.image_size == (9, 11)
    np.testing.assert_array_equal(recording.neuron_id, [11, 3, 5, 8, 2])
    repeats = np.full((12, 5), 4)
    repeats[3] -= 1
    repeats[:, 1] -= 1
    repeats[3, 1] = 2
    np.testing.assert_array_equal(recording.test_repeats, repeats)


def trials(recording, **which):
    """Numbers of the trials of a part, by giving each its number as response."""
    count = len(recording.train_images)
    numbered = replace(recording, train_responses=np.repeat(np.arange(count, dtype=np.float32)[:, None], 5, axis=1))
    part = numbered.training_part(**which)
    kept = part.train_responses[:, 0].astype(int)
    np.testing.assert_array_equal(part.train_images, recording.train_images[kept])
    for name in ARRAYS:
        if not name.startswith("train"):
            assert getattr(part, name) is getattr(recording, name)
    return kept.tolist()


def test_the_whole_is_its_own_part(recording):
    assert trials(recording) == list(range(103))
    assert recording.training_part().content_sha256() == recording.content_sha256()


@pytest.mark.parametrize("num_parts", [1, 2, 4, 7])
def test_parts_are_disjoint_and_exhaustive(recording, num_parts):
    parts = [trials(recording, part=i, num_parts=num_parts, seed=5) for i in range(1, num_parts + 1)]
    assert sorted(trial for part in parts for trial in part) == list(range(103))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("per_mille", "count"), [(1000, 103), (500, 52), (250, 26), (10, 1)])
def test_shares_are_of_the_size_asked_for_and_nested(recording, per_mille, count):
    kept = trials(recording, per_mille=per_mille, seed=5)
    assert len(kept) == count
    assert kept == sorted(set(kept))
    assert set(kept) <= set(trials(recording, per_mille=min(1000, 2 * per_mille), seed=5))


def test_a_share_of_a_part(recording):
    part = trials(recording, part=2, num_parts=2, seed=5)
    share = trials(recording, part=2, num_parts=2, per_mille=500, seed=5)
    assert set(share) < set(part)
    assert len(share) == round(len(part) / 2)


def test_the_seed_chooses_the_trials(recording):
    assert trials(recording, per_mille=500, seed=1) == trials(recording, per_mille=500, seed=1)
    assert trials(recording, per_mille=500, seed=1) != trials(recording, per_mille=500, seed=2)
