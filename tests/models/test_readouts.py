"""The readout: its formula, its start values and its options."""

import numpy as np
import pytest
import torch

from models import SpatialXFeatureJointL1Readout


@pytest.fixture
def readout(double):
    def build(**kwargs):
        built = SpatialXFeatureJointL1Readout((3, 4, 5), 6, **kwargs)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in built.parameters():
                parameter.normal_(generator=generator)
        return built

    return build


@pytest.mark.parametrize("positive", [True, False])
def test_formula(readout, positive):
    built = readout(positive_feature_weights=positive, readout_sparsity=0.5)
    maps = torch.randn(7, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    masks, weights, biases = (p.detach().numpy() for p in (built.masks, built.feature_weights, built.biases))
    assert weights.min() < 0
    assert masks.min() < 0
    drive = np.einsum("nhw,nc,bchw->bn", np.abs(masks), np.abs(weights) if positive else weights, maps.numpy())
    np.testing.assert_allclose(built(maps).detach(), np.log1p(np.exp(drive + biases)), rtol=1e-10)
    penalty = 0.5 * (np.abs(masks).sum(axis=(1, 2)) * np.abs(weights).sum(axis=1)).sum()
    assert built.regularizer().item() == pytest.approx(penalty)


def test_biases_are_half_the_inverse_softplus(double, recorded):
    wanted = recorded("functions")
    # below, exp(x) - 1 loses digits in the original; above, it overflows
    usual = (wanted["inv_x"] > 1e-5) & np.isfinite(wanted["inv_y64"])
    mean_responses = wanted["inv_x"][usual]
    readout = SpatialXFeatureJointL1Readout((1, 2, 2), len(mean_responses))
    readout.initialize(torch.Generator(), mean_responses)
    np.testing.assert_allclose(readout.biases.detach(), wanted["inv_y64"][usual] / 2, rtol=1e-10, atol=1e-10)


def test_biases_are_finite_for_any_mean_response():
    mean_responses = np.array([0, 1e-300, 1e-20, 1e-8, 1, 710, 1000])
    readout = SpatialXFeatureJointL1Readout((1, 2, 2), 7)
    readout.initialize(torch.Generator(), mean_responses)
    biases = readout.biases.detach().numpy()
    np.testing.assert_allclose(biases[:2], -30)
    np.testing.assert_allclose(biases[2:4], 0.5 * np.log(mean_responses[2:4]), rtol=1e-6)
    np.testing.assert_allclose(biases[5:], mean_responses[5:] / 2)


def test_a_silent_neuron_is_predicted_to_be_silent():
    readout = SpatialXFeatureJointL1Readout((3, 4, 5), 2)
    readout.initialize(torch.Generator().manual_seed(0), np.array([0, 1.0]))
    rates = readout(torch.rand(8, 3, 4, 5, generator=torch.Generator().manual_seed(0)))
    rates.sum().backward()
    assert rates[:, 0].min() >= 0
    assert rates[:, 0].max() < 1e-6
    assert rates[:, 1].min() > 0.1
    assert all(torch.isfinite(parameter.grad).all() for parameter in readout.parameters())


def test_start_values_are_truncated_normal_and_follow_from_the_generator():
    readout = SpatialXFeatureJointL1Readout((40, 10, 10), 50)
    for parameter in (readout.masks, readout.feature_weights):
        assert parameter.abs().max() <= 0.02
        assert parameter.std().item() == pytest.approx(0.0088, rel=0.05)  # 0.88 of an SD of 0.01 remains
        assert abs(parameter.mean().item()) < 0.001
    before = {name: tensor.clone() for name, tensor in readout.state_dict().items()}
    readout.initialize(torch.Generator().manual_seed(1), np.ones(50))
    assert not torch.equal(readout.masks, before["masks"])
    readout.initialize(torch.Generator().manual_seed(0), np.ones(50))
    torch.testing.assert_close(dict(readout.state_dict()), before, rtol=0, atol=0)


@pytest.mark.parametrize("init_masks", ["sta", "ones"])
def test_unknown_start_of_masks(init_masks):
    with pytest.raises(ValueError, match=f"init_masks is '{init_masks}'; allowed is 'rand'"):
        SpatialXFeatureJointL1Readout((3, 4, 5), 6, init_masks=init_masks)
