"""Physiology of the model neurons, with gratings made here, against what their columns say."""

from dataclasses import fields, replace

import numpy as np
import pytest

from models.dead_leaves import dead_leaves_images
from models.v1_neurons import FREQUENCIES, KINDS, MEAN_RATES, V1Neurons

SIZE = 32
PHASES = np.arange(8) * np.pi / 4
CONTRAST = 0.2


@pytest.fixture(scope="module")
def images():
    return dead_leaves_images(100, SIZE, np.random.default_rng(0))


@pytest.fixture(scope="module")
def neurons(images):
    return V1Neurons.draw(images, 48, np.random.default_rng(1))


def one(neurons, i):
    """Neuron i alone, without spontaneous spikes."""
    alone = V1Neurons(**{field.name: getattr(neurons, field.name)[i : i + 1] for field in fields(neurons)})
    return replace(alone, baseline=np.zeros(1))


def of_kind(neurons, kind):
    chosen = [one(neurons, i) for i in np.flatnonzero(neurons.kind == kind)]
    assert len(chosen) == 12
    return chosen


def coordinates(neuron):
    """(along, across) the neuron's preferred stripes, each (SIZE, SIZE), in pixels from its place."""
    y, x = np.indices((SIZE, SIZE))
    dx, dy_up = x - neuron.x, neuron.y - y
    cos, sin = np.cos(neuron.orientation), np.sin(neuron.orientation)
    return dx * cos + dy_up * sin, dx * sin - dy_up * cos


def gratings(neuron, *, turn=0.0, octaves=0.0, aperture=1.0):
    """(phases, SIZE, SIZE) contrasts of the preferred grating, turned counter-clockwise or made finer."""
    along, across = coordinates(neuron)
    frequency = neuron.spatial_frequency * 2**octaves
    u = across * np.cos(turn) + along * np.sin(turn)
    return CONTRAST * aperture * np.cos(2 * np.pi * frequency * u - PHASES[:, None, None])


def respond(neuron, contrast):
    return neuron.rates(127.5 * (1 + contrast))[:, 0]


def peaks(neuron, stimuli):
    """The largest response over phases to each of the stimuli, each (phases, SIZE, SIZE)."""
    return respond(neuron, np.concatenate(stimuli)).reshape(len(stimuli), -1).max(axis=1)


def spot(neuron):
    along, across = coordinates(neuron)
    return np.exp(-(along**2 + across**2) / (2 * (1.5 * neuron.size) ** 2))


@pytest.mark.parametrize("kind", KINDS)
def test_preferred_orientation_is_the_one_of_the_column(neurons, kind):
    turns = np.radians(np.arange(-90, 90, 4))
    for neuron in of_kind(neurons, kind):
        tuning = peaks(neuron, [gratings(neuron, turn=turn, aperture=spot(neuron)) for turn in turns])
        assert abs(turns[np.argmax(tuning)]) <= np.radians(4)
        assert tuning.min() < 0.2 * tuning.max()


@pytest.mark.parametrize("kind", KINDS)
def test_preferred_frequency_is_the_one_of_the_column(neurons, kind):
    octaves = np.arange(-1, 1.01, 0.1)
    for neuron in of_kind(neurons, kind):
        tuning = peaks(neuron, [gratings(neuron, octaves=o, aperture=spot(neuron)) for o in octaves])
        assert abs(octaves[np.argmax(tuning)]) < 0.15


def test_orientation_is_counter_clockwise_as_the_image_is_seen(neurons):
    centre, diagonal = np.array([(SIZE - 1) / 2]), np.array([np.pi / 4])
    neuron = replace(of_kind(neurons, "complex")[0], x=centre, y=centre, orientation=diagonal)
    falling = np.eye(SIZE)  # from the upper left, where row and column are 0, to the lower right
    rising = falling[:, ::-1]
    assert respond(neuron, rising[None]) > 10 * respond(neuron, falling[None])


def test_place_is_column_and_row_of_the_image(neurons):
    dots = np.eye(SIZE * SIZE).reshape(-1, SIZE, SIZE)
    for neuron in of_kind(neurons, "complex"):
        row, column = divmod(np.argmax(respond(neuron, dots)), SIZE)
        # An energy peaks where its envelope does, but for the little that grey takes off the even filter.
        assert np.hypot(column - neuron.x, row - neuron.y) < 1.5


def test_complex_cells_do_not_see_phase_and_simple_ones_do(neurons):
    for neuron in of_kind(neurons, "complex"):
        response = respond(neuron, gratings(neuron))
        assert np.ptp(response) < 0.05 * response.max()
    for neuron in of_kind(neurons, "simple"):
        response = respond(neuron, gratings(neuron))
        assert response.min() == 0
        error = np.angle(np.exp(1j * (PHASES[np.argmax(response)] - neuron.phase)))
        assert abs(error) <= np.pi / 7


def test_end_stopped_cells_prefer_short_gratings(neurons):
    def long_to_short(neuron):
        along, _ = coordinates(neuron)
        short = gratings(neuron, aperture=np.abs(along) < 1.2 * neuron.size)
        return respond(neuron, gratings(neuron)).mean() / respond(neuron, short).mean()

    assert all(long_to_short(neuron) < 0.6 for neuron in of_kind(neurons, "end-stopped"))
    assert all(long_to_short(neuron) > 1 for neuron in of_kind(neurons, "complex"))


def test_end_stopped_cells_do_not_mind_wide_gratings(neurons):
    for neuron in of_kind(neurons, "end-stopped"):
        along, across = coordinates(neuron)
        short = np.abs(along) < 1.2 * neuron.size
        narrow = gratings(neuron, aperture=short & (np.abs(across) < 1.2 * neuron.size))
        assert respond(neuron, gratings(neuron, aperture=short)).mean() > respond(neuron, narrow).mean()


def test_an_orthogonal_grating_suppresses_only_cross_orientation_suppressed_cells(neurons):
    def plaid_to_grating(neuron):
        plaid = gratings(neuron) + gratings(neuron, turn=np.pi / 2)
        return respond(neuron, plaid).mean() / respond(neuron, gratings(neuron)).mean()

    assert all(plaid_to_grating(neuron) < 0.6 for neuron in of_kind(neurons, "cross-orientation suppressed"))
    assert all(plaid_to_grating(neuron) > 0.95 for neuron in of_kind(neurons, "complex"))


def test_uniform_grey_leaves_the_baseline(neurons):
    grey = np.stack([np.full((SIZE, SIZE), value) for value in (0, 100, 255)])
    np.testing.assert_allclose(neurons.rates(grey), np.tile(neurons.baseline, (3, 1)), atol=1e-12)


def test_mean_rates_are_as_set_and_selectivity_has_a_heavy_tail(neurons, images):
    rates = neurons.rates(images)
    assert rates.min() >= 0
    mean = rates.mean(axis=0)
    assert np.all((mean >= MEAN_RATES[0]) & (mean <= MEAN_RATES[1]))
    assert np.median(rates.max(axis=0) / mean) > 3


def test_orientations_are_continuous_and_places_inside(images):
    many = V1Neurons.draw(images, 1000, np.random.default_rng(2))
    assert np.all((many.orientation >= 0) & (many.orientation < np.pi))
    count = np.histogram(many.orientation, 10, (0, np.pi))[0]
    assert 60 < count.min() <= count.max() < 140
    assert len(np.unique(many.orientation)) == 1000
    assert np.all((many.spatial_frequency >= FREQUENCIES[0]) & (many.spatial_frequency <= FREQUENCIES[1]))
    for place in (many.x, many.y):
        assert np.all((place >= 1.5 * many.size) & (place <= SIZE - 1 - 1.5 * many.size))


def test_more_neurons_are_only_added(neurons, images):
    more = V1Neurons.draw(images, 60, np.random.default_rng(1))
    for field in fields(neurons):
        ours, theirs = getattr(neurons, field.name), getattr(more, field.name)[:48]
        if ours.dtype.kind == "U":
            assert ours.tolist() == theirs.tolist()
        else:
            np.testing.assert_allclose(ours, theirs)
