"""Dead leaves look natural in the respects that a model of cortex depends on, and tiles are never shared."""

import numpy as np
import pytest

from models.dead_leaves import SCENE_SIZE, dead_leaves_images


@pytest.fixture(scope="module")
def images():
    return dead_leaves_images(300, 32, np.random.default_rng(0))


def test_are_grey_images(images):
    assert images.shape == (300, 32, 32)
    assert images.dtype == np.uint8
    assert 100 < images.mean() < 155
    assert 40 < images.std() < 70
    assert np.isin(images, (0, 255)).mean() < 0.01  # hardly any pixel is clipped


def test_follow_from_the_generator_and_more_are_only_added(images):
    np.testing.assert_array_equal(dead_leaves_images(40, 32, np.random.default_rng(0)), images[:40])
    assert np.any(dead_leaves_images(40, 32, np.random.default_rng(1)) != images[:40])


@pytest.mark.parametrize("size", [16, 33, SCENE_SIZE // 2 + 1, SCENE_SIZE + 8])
def test_any_size_can_be_had(size):
    assert dead_leaves_images(2, size, np.random.default_rng(0)).shape == (2, size, size)


def test_amplitude_falls_about_as_one_over_frequency(images):
    window = np.hanning(32)[:, None] * np.hanning(32)
    contrast = images - images.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(contrast * window)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32))
    band = (frequency >= 2 / 32) & (frequency <= 0.25)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]) / 2, 1)[0]
    assert -1.5 < slope < -0.9


def test_all_orientations_have_the_same_power(images):
    contrast = images - images.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(contrast * np.hanning(32)[:, None] * np.hanning(32))) ** 2).mean(axis=0)
    fy, fx = np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)[None, :]
    band = (np.hypot(fy, fx) >= 0.08) & (np.hypot(fy, fx) <= 0.25)
    angle = np.arctan2(fy, fx)[band]
    anisotropy = np.abs((power[band] * np.exp(2j * angle)).sum()) / power[band].sum()
    assert anisotropy < 0.1


def test_contrasts_have_heavy_tails(images):
    difference = np.diff(images.astype(float), axis=2).ravel()
    kurtosis = np.mean((difference - difference.mean()) ** 4) / difference.var() ** 2
    assert kurtosis > 5  # 3 for a Gaussian
