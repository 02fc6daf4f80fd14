"""Recordings as rows: every column comes back as what it went in, on every server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import datajoint as dj
import numpy as np
import pytest

from pipeline.datasets import add_recording
from pipeline.errors import explained
from pipeline.readers.options import Options
from schemas.codecs import CorruptFileError
from schemas.dataset import Dataset, TrainingSet
from schemas.stored_file import StoreError

ODD = "Zürich \"5 %\" 'x' \\ {} 視覚"


@pytest.fixture
def add(connection):
    """Declare recordings that go when the test ends."""
    names = []

    def add(name, recording, source=None):
        add_recording(name, recording, source)
        names.append(name)
        return Dataset & {"dataset_name": name}

    yield add
    for name in names:
        (TrainingSet & {"training_set": name}).delete(prompt=False)
        (Dataset & {"dataset_name": name}).delete(prompt=False)


def test_columns_of_a_recording(add, recording):
    attributes = recording.attributes | {"note": ODD, "rate": float("nan"), "list": np.arange(3), "flag": np.True_}
    row = add("columns", replace(recording, attributes=attributes)).fetch1()
    assert row["content_sha256"] == recording.content_sha256()
    numbers = {name: value for name, value in row.items() if name.startswith(("num_", "image_"))}
    assert numbers == {
        "num_neurons": 6,
        "image_height": 16,
        "image_width": 16,
        "num_train": 60,
        "num_validation": 40,
        "num_test": 100,
        "num_repeats": 10,
    }
    assert row["attributes"]["license"] == "CC0-1.0"
    assert row["attributes"]["note"] == ODD
    assert row["attributes"]["rate"] is None
    assert row["attributes"]["list"] == [0, 1, 2]
    assert row["attributes"]["flag"] is True
    assert row["warnings"] == []
    now = datetime.now(UTC).replace(tzinfo=None)
    assert abs(now - row["ingested"]) < timedelta(minutes=5)


def test_columns_of_neurons(add, recording):
    given = recording.neurons
    dataset = add("neurons", replace(recording, neurons=given | {"area": np.array([ODD] * 6)}))
    rows = (Dataset.Neuron & dataset).to_dicts(order_by="neuron_index")
    assert [row["neuron_index"] for row in rows] == list(range(6))
    for i, row in enumerate(rows):
        assert row["neuron_id"] == given["neuron_id"][i]
        assert row["kind"] == given["kind"][i]
        for name in ("x", "y", "orientation", "spatial_frequency"):
            assert row[name] == given[name][i]  # to the last bit
        assert row["mean_response"] == recording.train_responses[:, i].mean(dtype=np.float64)
        assert row["is_silent"] == 0
        assert row["expected_rate"].dtype == np.float32
        np.testing.assert_array_equal(row["expected_rate"], given["expected_rate"][i])
        assert row["properties"]["area"] == ODD
        assert row["properties"]["gain"] == given["gain"][i]
        # only simple cells have a phase; NaN is no JSON
        assert (row["properties"]["phase"] is None) == (row["kind"] != "simple")
        assert not set(row["properties"]) & {"kind", "x", "neuron_id", "expected_rate"}


def test_neurons_of_which_nothing_is_known(add, recording):
    silenced = recording.train_responses.copy()
    silenced[:, 2] = 0
    dataset = add("unknown", replace(recording, neurons={}, train_responses=silenced))
    rows = (Dataset.Neuron & dataset).to_dicts(order_by="neuron_index")
    assert [row["neuron_id"] for row in rows] == list(range(6))
    for name in ("kind", "x", "y", "orientation", "spatial_frequency", "expected_rate"):
        assert [row[name] for row in rows] == [None] * 6
    assert [row["properties"] for row in rows] == [{}] * 6
    assert [bool(row["is_silent"]) for row in rows] == [False, False, True, False, False, False]
    assert len(Dataset.Neuron & dataset & "is_silent") == 1
    assert len(Dataset.Neuron & dataset & {"is_silent": False}) == 5
    assert "never fires" in dataset.fetch1("warnings")[0]


def test_large_columns_of_neurons_go_in_several_statements(add, recording, connection, monkeypatch):
    maps, sent, query = np.random.default_rng(0).normal(size=(6, 36, 640)), [], connection.query

    def counted(*given, **options):
        sent.append(len(str((given, options))))
        return query(*given, **options)

    monkeypatch.setattr(connection, "query", counted)
    dataset = add("maps", replace(recording, neurons=recording.neurons | {"map": maps}))
    assert max(sent) < 2**21 < sum(sent)  # of 0.5 MB a neuron
    rows = (Dataset.Neuron & dataset).to_dicts(order_by="neuron_index")
    assert [row["properties"]["map"] for row in rows] == maps.tolist()


def test_nan_in_a_column_becomes_null(add, recording):
    x = recording.neurons["x"].copy()
    x[[0, 3]] = np.nan, np.inf
    dataset = add("nan", replace(recording, neurons=recording.neurons | {"x": x}))
    found = (Dataset.Neuron & dataset).to_arrays("x", order_by="neuron_index").tolist()
    assert found == [None, *x[1:3], None, *x[4:]]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("x", np.array(["left"] * 6)),
        ("orientation", np.ones((6, 2))),
        ("kind", np.arange(6)),
        ("kind", np.array(["k" * 65] * 6)),
        ("properties", np.arange(6)),
        ("neuron_index", np.arange(6) + 1),
        ("dataset_name", np.array(["other"] * 6)),
    ],
)
def test_a_column_of_another_type_is_kept_among_the_properties(add, recording, name, column):
    others = {key: value for key, value in recording.neurons.items() if key != name}
    dataset = add("types", replace(recording, neurons=others | {name: column}))
    rows = (Dataset.Neuron & dataset).to_dicts(order_by="neuron_index")
    assert [row["neuron_index"] for row in rows] == list(range(6))
    assert [row["properties"][name] for row in rows] == column.tolist()
    if name in ("x", "orientation", "kind"):
        assert [row[name] for row in rows] == [None] * 6


def test_large_neuron_ids(add, recording):
    ids = np.array([2**62, -5, 7, 2**31, 0, 10**15])
    dataset = add("large", replace(recording, neurons={"neuron_id": ids}))
    assert (Dataset.Neuron & dataset).to_arrays("neuron_id", order_by="neuron_index").tolist() == ids.tolist()


def test_how_it_was_read_is_kept(add, recording, recording_file):
    plain = add("plain", recording, recording_file).fetch1("reader", "reader_options")
    assert plain == ("hdf5", None)
    options = Options(grey=True, crop=(1, 2, 3, 4), window=(0.05, 0.5), units="area=V1")
    assert add_recording("chosen", recording, reader="sensorium", options=options)
    kept = add("chosen", recording)  # the same content, read in another way: it stays as it came first
    assert kept.fetch1("reader", "reader_options") == (
        "sensorium",
        {"grey": True, "crop": [1, 2, 3, 4], "window": [0.05, 0.5], "units": "area=V1"},
    )


def test_load_gives_what_went_in(add, recording, recording_file):
    for name, source in (("again", None), ("file", recording_file)):
        loaded = add(name, recording, source).load()
        assert loaded.content_sha256() == recording.content_sha256()
        assert loaded.attributes == recording.attributes
        np.testing.assert_array_equal(loaded.test_responses, recording.test_responses)


@pytest.mark.parametrize("damage", ["arrays", "bytes", "nothing left"])
def test_a_damaged_file_is_not_trained_on(add, recording, store, damage):
    dataset = add("damaged", recording)
    path = store / dataset.fetch1("recording").path
    if damage == "arrays":
        replace(recording, train_responses=recording.train_responses + 1).write(path)
    elif damage == "bytes":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        path.write_bytes(b"")
    with pytest.raises(CorruptFileError, match=r"damaged"):
        dataset.load()


@pytest.mark.parametrize("fault", ["a folder", "a disk that fails"])
def test_what_is_wrong_with_the_store_is_no_fault_of_the_file(add, recording, store, fault):
    dataset = add("unread", recording)
    path = store / dataset.fetch1("recording").path
    path.unlink()
    if fault == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/proc/self/mem")  # which opens, and gives an input/output error
    try:
        with pytest.raises(StoreError, match=r"unread.*: cannot be read from the store \(") as caught:
            dataset.load()
        assert explained(caught.value).endswith("its server or disk, and your permissions")
    finally:
        path.rmdir() if fault == "a folder" else path.unlink()


def test_a_recording_is_a_training_set_of_its_own_name(tiny):
    member = (TrainingSet.Member & {"training_set": tiny}).fetch1()
    assert member == {
        "training_set": "tiny",
        "dataset_name": "tiny",
        "trials_per_mille": 1000,
        "num_parts": 1,
        "part": 1,
        "subset_seed": 0,
        "neuron_parts": 1,
        "neuron_part": 1,
    }
    loaded = (TrainingSet & {"training_set": tiny}).load()
    assert len(loaded.train_images) == 60


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"trials_per_mille": 500}, 30), ({"num_parts": 3, "part": 2}, 20), ({"num_parts": 7, "part": 7}, 8)],
)
def test_a_training_set_with_some_of_the_trials(tiny, recording, given, expected):
    TrainingSet.insert1({"training_set": "some"})
    TrainingSet.Member.insert1({"training_set": "some", "dataset_name": tiny, "subset_seed": 3} | given)
    try:
        part = (TrainingSet & {"training_set": "some"}).load()
    finally:
        (TrainingSet & {"training_set": "some"}).delete(prompt=False)
    assert part.train_images.shape == (expected, 16, 16)
    assert part.train_responses.shape == (expected, 6)
    rows = [image.tobytes() for image in recording.train_images]
    chosen = [rows.index(image.tobytes()) for image in part.train_images]
    np.testing.assert_array_equal(part.train_responses, recording.train_responses[chosen])
    np.testing.assert_array_equal(part.test_responses, recording.test_responses)


def test_a_training_set_of_two_recordings_names_them(add, tiny, recording):
    add("second", recording)
    TrainingSet.insert1({"training_set": "pair"})
    TrainingSet.Member.insert({"training_set": "pair", "dataset_name": name} for name in (tiny, "second"))
    try:
        with pytest.raises(dj.DataJointError, match="this one has 2: second, tiny"):
            (TrainingSet & {"training_set": "pair"}).load()
    finally:
        (TrainingSet & {"training_set": "pair"}).delete(prompt=False)
