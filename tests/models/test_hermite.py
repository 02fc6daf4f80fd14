"""The Hermite basis, against recorded values and against what rotation means."""

import numpy as np
import pytest

from models.hermite import HermiteBasis


@pytest.mark.parametrize("filter_size", [5, 6, 13])
def test_recorded_basis(recorded, filter_size):
    wanted = recorded(f"hermite_fs{filter_size}")
    basis = HermiteBasis.build(filter_size, wanted["meta"]["upsampling"])
    np.testing.assert_allclose(basis.functions, wanted["H"], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(basis.frequencies, wanted["mu"])
    rotations = [basis.rotation(angle) for angle in wanted["angles"]]
    np.testing.assert_allclose(rotations, wanted["R"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("filter_size", "upsampling"), [(1, 1), (4, 1), (5, 2), (7, 3)])
def test_functions_are_of_unit_norm_and_one_for_each_rank_and_frequency(filter_size, upsampling):
    basis = HermiteBasis.build(filter_size, upsampling)
    pixels = filter_size * upsampling
    assert basis.functions.shape == (filter_size * (filter_size + 1) // 2, pixels, pixels)
    assert basis.frequencies.shape == basis.functions.shape[:1]
    np.testing.assert_allclose(np.square(basis.functions).sum(axis=(1, 2)), 1, rtol=1e-12)


def test_rotations_compose():
    basis = HermiteBasis.build(7, 1)
    np.testing.assert_allclose(basis.rotation(0.3) @ basis.rotation(0.4), basis.rotation(0.7), atol=1e-12)
    np.testing.assert_allclose(basis.rotation(2 * np.pi), np.eye(28), atol=1e-12)
    np.testing.assert_allclose(basis.rotation(0.3) @ basis.rotation(0.3).T, np.eye(28), atol=1e-12)


@pytest.mark.parametrize(("filter_size", "upsampling"), [(5, 1), (5, 2), (6, 2), (13, 2)])
def test_a_quarter_turn_of_the_basis_is_one_of_its_pixels(filter_size, upsampling):
    turned = HermiteBasis.build(filter_size, upsampling).rotated(8)
    # counter-clockwise, as the image is seen
    np.testing.assert_allclose(turned[2], np.rot90(turned[0], 1, axes=(1, 2)), atol=1e-12)
    np.testing.assert_allclose(turned[7], np.rot90(turned[1], -1, axes=(1, 2)), atol=1e-12)


def test_sub_pixels_are_summed():
    basis = HermiteBasis.build(3, 2)
    corner = basis.functions[:, :2, :2].sum(axis=(1, 2))
    np.testing.assert_allclose(basis.rotated(4)[0, :, 0, 0], corner, atol=1e-12)


@pytest.mark.parametrize("angle", [0.4, 1.0])
def test_any_angle_turns_a_function_as_its_formula_does(angle):
    basis = HermiteBasis.build(9, 4)
    turned = np.einsum("ab,ayx->byx", basis.rotation(angle), basis.functions)
    # a function of frequency 1 and rank 1 is linear near the centre: its gradient shows the direction
    i = int(np.flatnonzero(basis.frequencies == 1)[0])
    middle = basis.functions.shape[1] // 2
    patch = turned[i, middle - 1 : middle + 1, middle - 1 : middle + 1]
    along_x, along_y = patch[:, 1].sum() - patch[:, 0].sum(), patch[1].sum() - patch[0].sum()
    assert np.arctan2(-along_y, along_x) == pytest.approx(angle)  # rows count downwards
