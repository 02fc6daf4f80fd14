"""Alignment of readout vectors: planted rotations come out again, and turning an input changes nothing."""

import numpy as np
import pytest

from models.rotation_alignment import align

NUM_ROTATIONS, NUM_FEATURES = 8, 4
STEP = 2 * np.pi / NUM_ROTATIONS
QUICK = {"num_steps": 200, "num_starts": 4}


def sharp(num_neurons, noise=0.05, seed=0):
    """One template with a different scale and whole shift for each neuron; vectors, and the shifts."""
    rng = np.random.default_rng(seed)
    template = rng.normal(size=(NUM_ROTATIONS, NUM_FEATURES))
    shifts = rng.integers(NUM_ROTATIONS, size=num_neurons)
    vectors = np.stack([np.roll(template, shift, axis=0) for shift in shifts])
    vectors = vectors + noise * rng.normal(size=vectors.shape)
    return vectors * rng.uniform(0.5, 5, size=(num_neurons, 1, 1)), shifts


def disagreement(angles, true):
    """The largest difference between what is found and what is true, but for one angle for all."""
    left = np.exp(1j * (angles + true))
    return np.abs(np.angle(left / left.mean())).max()


def spread(vectors):
    """Mean squared distance between all pairs."""
    return np.square(vectors[:, None] - vectors[None]).sum(axis=2).mean()


def test_planted_shifts_are_found():
    vectors, shifts = sharp(40)
    aligned, angles, _ = align(vectors, **QUICK)
    assert disagreement(angles, shifts * STEP) < STEP / 2
    unit = vectors.reshape(40, -1) / np.linalg.norm(vectors.reshape(40, -1), axis=1, keepdims=True)
    assert spread(unit) > 1
    assert spread(aligned) < 0.02


def test_angles_between_two_shifts_are_found():
    rng = np.random.default_rng(0)
    true = 2 * np.pi * rng.uniform(size=30)
    rotation = STEP * np.arange(NUM_ROTATIONS)
    bump = np.exp(2 * np.cos(rotation - true[:, None]))  # (neurons, rotations)
    vectors = bump[:, :, None] * np.array([1.0, -0.5])
    aligned, angles, _ = align(vectors, **QUICK)
    assert disagreement(angles, true) < STEP / 3
    assert spread(aligned) < 0.01


def test_templates_stay_apart():
    rng = np.random.default_rng(1)
    first, second = (rng.normal(size=(NUM_ROTATIONS, NUM_FEATURES)) for _ in range(2))
    vectors = [np.roll((first, second)[n % 2], rng.integers(NUM_ROTATIONS), axis=0) for n in range(40)]
    aligned = align(np.stack(vectors), **QUICK).vectors
    assert max(spread(aligned[::2]), spread(aligned[1::2])) < 0.01
    assert np.linalg.norm(aligned[0] - aligned[1]) > 0.5


def test_a_turned_input_changes_only_its_angle():
    vectors, _ = sharp(12, noise=0.5)
    turned = vectors.copy()
    turned[3] = np.roll(vectors[3], 3, axis=0)
    before, after = align(vectors, **QUICK), align(turned, **QUICK)
    np.testing.assert_allclose(after.vectors, before.vectors, atol=1e-12)
    change = np.angle(np.exp(1j * (after.angles - before.angles)))
    np.testing.assert_allclose(np.delete(change, 3), 0, atol=1e-12)
    np.testing.assert_allclose(change[3], -3 * STEP, atol=1e-12)


def test_the_loss_is_that_of_the_definition():
    vectors, _ = sharp(12, noise=0.5)
    aligned, angles, loss = align(vectors, **QUICK, reconstruction_weight=0.3)
    vectors /= np.linalg.norm(vectors, axis=(1, 2), keepdims=True)
    assert ((angles >= 0) & (angles < 2 * np.pi)).all()
    all_shifts = np.stack([np.roll(vectors, k, axis=1).reshape(12, -1) for k in range(NUM_ROTATIONS)])

    def mixed(temperature, at):
        rotation = STEP * np.arange(NUM_ROTATIONS)[:, None]
        mixing = np.exp(temperature * np.cos(at - rotation))
        return np.einsum("kn,knd->nd", mixing / mixing.sum(axis=0), all_shifts)

    temperatures = np.exp(np.linspace(-3, 4, 20001))  # the learned one is the one that gives the vectors
    coarse = temperatures[np.argmin([np.abs(mixed(t, angles) - aligned).max() for t in temperatures])]
    np.testing.assert_allclose(mixed(coarse, angles), aligned, atol=1e-3)
    blurred = np.square(mixed(coarse, np.zeros(12)) - vectors.reshape(12, -1)).sum(axis=1).mean()
    assert loss == pytest.approx(spread(aligned) + 0.3 * blurred, rel=1e-3)


def test_without_the_second_term_all_shifts_mix():
    vectors, _ = sharp(12, noise=0.5)
    aligned = align(vectors, **QUICK, reconstruction_weight=0).vectors.reshape(12, NUM_ROTATIONS, NUM_FEATURES)
    kept = align(vectors, **QUICK).vectors.reshape(12, NUM_ROTATIONS, NUM_FEATURES)
    assert aligned.std(axis=1).mean() < 0.2 * kept.std(axis=1).mean()


def test_more_starts_and_the_same_seed():
    vectors, _ = sharp(12, noise=1.0)
    losses = [align(vectors, num_steps=60, num_starts=starts).loss for starts in (1, 6)]
    assert losses[1] < losses[0]
    one, two, other = (align(vectors, num_steps=60, num_starts=6, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vectors, two.vectors)
    assert (one.angles != other.angles).any()


def test_neurons_without_weights_stay_out_of_it():
    vectors, _ = sharp(12)
    more = np.insert(vectors, 5, 0, axis=0)
    aligned, angles, loss = align(more, **QUICK)
    wanted = align(vectors, **QUICK)
    assert np.isnan(aligned[5]).all()
    assert np.isnan(angles[5])
    np.testing.assert_allclose(np.delete(aligned, 5, axis=0), wanted.vectors)
    assert loss == wanted.loss
    assert np.isnan(align(np.zeros((3, 4, 2)), **QUICK).loss)


@pytest.mark.parametrize("name", ["num_steps", "num_starts"])
def test_refusals(name):
    vectors, _ = sharp(3)
    with pytest.raises(ValueError, match=f"{name} is 0"):
        align(vectors, **{name: 0})
    with pytest.raises(ValueError, match=r"shape \(3, 32\)"):
        align(vectors.reshape(3, -1))
