"""The penalties, against recorded values and their formulas."""

import numpy as np
import pytest
import torch

from models.penalties import group_sparsity, joint_l1, separate_l1, smoothness, sparse_dense, sparse_dense_separate


@pytest.mark.parametrize("penalty", ["smooth", "sparse"])
@pytest.mark.parametrize("case", range(4))
def test_recorded_penalties_and_gradients(recorded, case, penalty):
    wanted = recorded("functions")
    kernel = torch.from_numpy(wanted[f"reg{case}/W"]).permute(3, 2, 0, 1).double().requires_grad_()
    weight = wanted["reg_weights"][["smooth", "sparse"].index(penalty)]
    value = weight * {"smooth": smoothness, "sparse": group_sparsity}[penalty](kernel)
    value.backward()
    assert value.item() == pytest.approx(float(wanted[f"reg{case}/{penalty}"]), rel=1e-6)
    gradient = wanted[f"reg{case}/{penalty}_grad"]
    # a slice of zeros has no gradient in the original
    zero = np.broadcast_to(np.square(wanted[f"reg{case}/W"]).sum(axis=(0, 1)) == 0, gradient.shape)
    found = kernel.grad.permute(2, 3, 1, 0).numpy()
    if penalty == "sparse":
        assert np.all(np.isnan(gradient) == zero)
        np.testing.assert_array_equal(found[zero], 0)
        found, gradient = found[~zero], gradient[~zero]
    # the sparsity of a single input does not change: its recorded gradient is rounding, 5e-10
    np.testing.assert_allclose(found, gradient, rtol=1e-4, atol=max(1e-9, 1e-5 * np.abs(gradient).max()))


@pytest.mark.parametrize("penalty", [smoothness, group_sparsity])
@pytest.mark.parametrize("zero", [np.s_[1], np.s_[:, 0], np.s_[:]], ids=["filter", "input", "all"])
def test_zero_slices_have_finite_gradients(penalty, zero):
    kernel = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel[zero] = 0
    kernel.requires_grad_()
    value = penalty(kernel)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(kernel.grad).all()
    np.testing.assert_array_equal(kernel.grad[zero], 0)


def test_penalties_do_not_depend_on_a_filters_scale():
    kernel = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for penalty in (smoothness, group_sparsity):
        torch.testing.assert_close(penalty(kernel), penalty(-10 * kernel), rtol=1e-8, atol=0)
        torch.testing.assert_close(penalty(kernel), penalty(0.03 * kernel), rtol=1e-6, atol=0)  # as in trainings


def test_sparsity_counts_inputs():
    kernel = torch.zeros(1, 9, 3, 3, dtype=torch.float64)
    kernel[0, :4, 1, 1] = 2
    assert group_sparsity(kernel).item() == pytest.approx(2)  # sqrt(4)
    kernel[0, :, 1, 1] = 2
    assert group_sparsity(kernel).item() == pytest.approx(3)  # sqrt(9)


MASKS, WEIGHTS = (np.random.default_rng(0).normal(size=size) for size in [(4, 3, 5), (4, 6)])
L1_OF_MASKS, L1_OF_WEIGHTS = np.abs(MASKS).sum(axis=(1, 2)), np.abs(WEIGHTS).sum(axis=1)
OF_READOUTS = [
    (joint_l1, (0.3,), 0.3 * (L1_OF_MASKS * L1_OF_WEIGHTS).sum()),
    (separate_l1, (0.3, 0.2), 0.3 * L1_OF_MASKS.sum() + 0.2 * L1_OF_WEIGHTS.sum()),
    (sparse_dense, (0.3,), 0.3 * (L1_OF_MASKS * np.sqrt((WEIGHTS**2).sum(axis=1))).sum()),
    (sparse_dense_separate, (0.3, 0.2), 0.3 * L1_OF_MASKS.sum() + 0.2 * (WEIGHTS**2).sum()),
]


@pytest.mark.parametrize(("penalty", "factors", "wanted"), OF_READOUTS, ids=lambda case: getattr(case, "__name__", ""))
def test_penalties_on_readouts(penalty, factors, wanted):
    masks, weights = (torch.from_numpy(array).requires_grad_() for array in (MASKS, WEIGHTS))
    assert penalty(masks, weights, *factors).item() == pytest.approx(wanted, rel=1e-14)
    assert torch.autograd.gradcheck(lambda *given: penalty(*given, *factors), (masks, weights))


@pytest.mark.parametrize(("penalty", "factors"), [case[:2] for case in OF_READOUTS])
def test_penalties_on_readouts_that_are_zero_have_finite_gradients(penalty, factors):
    masks, weights = torch.zeros(4, 3, 5, requires_grad=True), torch.zeros(4, 6, requires_grad=True)
    penalty(masks, weights, *factors).backward()
    assert not masks.grad.any()
    assert not weights.grad.any()
