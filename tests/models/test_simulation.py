"""The simulated recording: what it holds, that it follows from its arguments, and its noise."""

import io

import numpy as np
import pytest

from models.recording import Recording
from models.simulation import simulate_recording
from models.v1_neurons import KINDS, V1Neurons

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def recording():
    return simulate_recording(num_neurons=40, num_images=300, seed=3)


def test_shapes_and_types(recording):
    assert recording.train_images.shape == (300, 32, 32)
    assert recording.validation_images.shape == (60, 32, 32)
    assert recording.test_images.shape == (100, 32, 32)
    assert recording.train_responses.shape == (300, 40)
    assert recording.validation_responses.shape == (60, 40)
    assert recording.test_responses.shape == (10, 100, 40)
    assert all(getattr(recording, f"{split}_images").dtype == np.uint8 for split in SPLITS)
    assert all(getattr(recording, f"{split}_responses").dtype == np.float32 for split in SPLITS)
    assert np.all(recording.test_repeats == 10)


def test_columns_of_the_neurons(recording):
    columns = recording.neurons
    np.testing.assert_array_equal(columns["neuron_id"], np.arange(40))
    assert columns["neuron_id"].dtype == np.int64
    assert {kind: np.sum(columns["kind"] == kind) for kind in KINDS} == dict.fromkeys(KINDS, 10)
    for name in ("x", "y", "orientation", "spatial_frequency", "size", "gain", "baseline"):
        assert columns[name].shape == (40,)
        assert np.all(np.isfinite(columns[name]))
    np.testing.assert_array_equal(np.isfinite(columns["phase"]), columns["kind"] == "simple")
    assert columns["expected_rate"].shape == (40, 100)
    assert columns["expected_rate"].dtype == np.float32


def test_columns_suffice_to_compute_the_expected_rates(recording):
    columns = {name: recording.neurons[name] for name in V1Neurons.__dataclass_fields__}
    rates = V1Neurons(**columns).rates(recording.test_images)
    np.testing.assert_allclose(rates.T, recording.neurons["expected_rate"], rtol=1e-5)


def test_a_file_keeps_it(recording):
    file = io.BytesIO()
    recording.write(file)
    again = Recording.read(file)
    assert again.content_sha256() == recording.content_sha256()
    assert again.attributes == recording.attributes
    assert recording.attributes["license"] == "CC0-1.0"


def test_it_follows_from_the_seed():
    same = {simulate_recording(num_neurons=5, num_images=50, seed=1).content_sha256() for _ in range(2)}
    other = simulate_recording(num_neurons=5, num_images=50, seed=2).content_sha256()
    assert len(same) == 1
    assert other not in same


def test_more_neurons_see_the_same_images(recording):
    more = simulate_recording(num_neurons=50, num_images=300, seed=3)
    for split in SPLITS:
        images, responses = f"{split}_images", f"{split}_responses"
        np.testing.assert_array_equal(getattr(more, images), getattr(recording, images))
        np.testing.assert_array_equal(getattr(more, responses)[..., :40], getattr(recording, responses))


def test_more_images_are_seen_by_the_same_neurons(recording):
    more = simulate_recording(num_neurons=40, num_images=400, num_repeats=12, seed=3)
    assert more.neurons["orientation"].tolist() == recording.neurons["orientation"].tolist()
    np.testing.assert_array_equal(more.train_images[:300], recording.train_images)
    np.testing.assert_array_equal(more.train_responses[:300], recording.train_responses)
    np.testing.assert_array_equal(more.test_responses[:10], recording.test_responses)


def test_no_image_is_in_two_places(recording):
    images = np.concatenate([getattr(recording, f"{split}_images") for split in SPLITS])
    assert len({image.tobytes() for image in images}) == len(images) == 460


def test_counts_are_poisson(recording):
    counts = recording.test_responses
    np.testing.assert_array_equal(counts, np.rint(counts))
    expected = recording.neurons["expected_rate"].T
    fano = counts.var(axis=0, ddof=1).mean(axis=0) / expected.mean(axis=0)
    assert 0.97 < fano.mean() < 1.03
    assert abs(counts.mean() / expected.mean() - 1) < 0.02
    assert np.all((recording.train_responses.mean(axis=0) > 0.5) & (recording.train_responses.mean(axis=0) < 3))


def test_noise_leaves_a_realistic_ceiling(recording):
    expected, mean = recording.neurons["expected_rate"].T, recording.test_responses.mean(axis=0)
    ceiling = [np.corrcoef(expected[:, i], mean[:, i])[0, 1] for i in range(40)]
    assert 0.88 < np.mean(ceiling) < 0.97
    assert min(ceiling) > 0.75


def test_noise_is_independent_between_neurons(recording):
    noise = recording.test_responses - recording.neurons["expected_rate"].T
    correlation = np.corrcoef(noise.reshape(-1, 40).T) - np.eye(40)
    assert np.abs(correlation).max() < 0.2  # 5 SD for a thousand trials is 0.16


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_neurons", 0), ("num_images", 49), ("image_size", 15), ("num_repeats", 1), ("seed", -1)],
)
def test_arguments_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, but must be at least {value + 1}"):
        simulate_recording(**{name: value})
