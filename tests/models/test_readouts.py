"""The readouts: their formula, what reaches the core, their start values and their options."""

import numpy as np
import pytest
import torch

import models
from models import SpatialXFeatureJointL1Readout

CLASSES = {
    "SpatialXFeatureJointL1Readout": {"readout_sparsity": 0.5},
    "SpatialXFeatureSeparateL1Readout": {"mask_sparsity": 0.5, "feature_sparsity": 0.2},
    "SpatialSparseXFeatureDenseReadout": {"mask_sparsity": 0.5},
    "SpatialSparseXFeatureDenseSeparateReadout": {"mask_sparsity": 0.5, "feature_l2": 0.2},
    "SpatialXFeatureJointL1TransferReadout": {"readout_sparsity": 0.5, "k_transfer": 2},
}


@pytest.fixture
def readout(double):
    def build(name="SpatialXFeatureJointL1Readout", **kwargs):
        built = getattr(models, name)((3, 4, 5), 6, **CLASSES[name] | kwargs)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in built.parameters():
                parameter.normal_(generator=generator)
        return built

    return build


@pytest.fixture
def maps():
    return torch.randn(7, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("name", CLASSES)
def test_formula(readout, maps, name, positive):
    built = readout(name, positive_feature_weights=positive)
    masks, weights, biases = (p.detach().numpy() for p in (built.masks, built.feature_weights, built.biases))
    assert weights.min() < 0
    assert masks.min() < 0
    drive = np.einsum("nhw,nc,bchw->bn", np.abs(masks), np.abs(weights) if positive else weights, maps.numpy())
    np.testing.assert_allclose(built(maps).detach(), np.log1p(np.exp(drive + biases)), rtol=1e-10)


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("name", CLASSES)
def test_gradients(readout, maps, name, positive):
    # a k of 2 cuts gradients off on purpose
    built = readout(name, positive_feature_weights=positive, **({"k_transfer": 1} if "Transfer" in name else {}))

    def loss(maps, *parameters):
        named = dict(zip(dict(built.named_parameters()), parameters, strict=True))
        return torch.func.functional_call(built, named, (maps,))

    assert torch.autograd.gradcheck(loss, (maps[:2].requires_grad_(), *built.parameters()))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 6, 100])
def test_only_every_kth_neuron_reaches_the_core(readout, maps, k):
    built = readout("SpatialXFeatureJointL1TransferReadout", k_transfer=k)
    plain = readout()
    plain.load_state_dict(built.state_dict())
    assert torch.equal(built(maps), plain(maps))
    for neuron in range(6):
        maps = maps.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(built(maps)[:, neuron].sum(), maps)
        assert bool(gradient.any()) == (neuron % k == 0)
    of_readout = torch.autograd.grad(built(maps).square().sum(), list(built.parameters()))
    of_plain = torch.autograd.grad(plain(maps).square().sum(), list(plain.parameters()))
    for found, wanted in zip(of_readout, of_plain, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-14, atol=0)


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match=f"k_transfer is {k}; allowed is 1 "):
        models.SpatialXFeatureJointL1TransferReadout((3, 4, 5), 6, k_transfer=k)


@pytest.mark.parametrize("name", CLASSES)
def test_penalty_is_weighed_by_the_keywords(readout, name):
    weights = {key: value for key, value in CLASSES[name].items() if key != "k_transfer"}
    whole = readout(name).regularizer().item()
    parts = [
        readout(name, **dict.fromkeys(weights, 0.0) | {key: value}).regularizer().item()
        for key, value in weights.items()
    ]
    assert min(parts) > 0
    assert sum(parts) == pytest.approx(whole)


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


def test_biases_of_single_precision_lose_no_digits(double):
    mean_responses = np.array([1e-9, 0.1, 3], dtype=np.float32)
    fine, coarse = (SpatialXFeatureJointL1Readout((1, 2, 2), 3) for _ in range(2))
    fine.initialize(torch.Generator(), mean_responses.astype(np.float64))
    coarse.initialize(torch.Generator(), mean_responses)
    assert torch.equal(coarse.biases, fine.biases)


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


@pytest.mark.parametrize("name", CLASSES)
def test_unknown_start_of_masks(name):
    with pytest.raises(ValueError, match="init_masks is 'ones'; allowed are 'rand', 'sta'"):
        getattr(models, name)((3, 4, 5), 6, init_masks="ones", **CLASSES[name])


def test_weights_by_position_and_by_name():
    name = "SpatialXFeatureSeparateL1Readout"
    by_position = getattr(models, name)((3, 4, 5), 6, False, "rand", 0.5, 0.2)
    by_name = getattr(models, name)((3, 4, 5), 6, feature_sparsity=0.2, mask_sparsity=0.5)
    assert torch.equal(by_position.regularizer(), by_name.regularizer())


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_not_given(name):
    """No penalty, weights of either sign, random masks."""
    built = getattr(models, name)((3, 4, 5), 6, **{"k_transfer": 2} if "Transfer" in name else {})
    assert built.masks.any()
    assert built.regularizer() == 0
    assert (built.positive_feature_weights, built.init_masks) == (False, "rand")


@pytest.mark.parametrize(
    ("weights", "named"), [((0.1, 0.2), {}), ((), {"feature_l2": 0.1}), ((0.1,), {"readout_sparsity": 0.1})]
)
def test_unknown_weights_are_refused(weights, named):
    with pytest.raises(TypeError, match="SpatialXFeatureJointL1Readout takes each of"):
        SpatialXFeatureJointL1Readout((3, 4, 5), 6, False, "rand", *weights, **named)
