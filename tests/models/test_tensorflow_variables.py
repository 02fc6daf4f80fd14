"""Variables of the original: loaded, predicted from, given back, refused."""

import numpy as np
import pytest
import torch

from models import load_tensorflow_variables, poisson_loss, predict, tensorflow_variables


@pytest.mark.parametrize("name", ["ckpt_hermite", "ckpt_conv2d"])
def test_a_recorded_checkpoint_predicts_as_it_did(recorded, recorded_model, name):
    wanted = recorded(name)
    model = recorded_model(wanted, "values/")  # Adam's variables among them
    images = torch.from_numpy(wanted["inputs"]).permute(0, 3, 1, 2)
    rates = predict(model, images)
    assert rates.dtype == torch.float32
    np.testing.assert_allclose(rates, wanted["predictions"], rtol=1e-5)
    maps = model.core(images[:2]).detach().permute(0, 2, 3, 1)
    np.testing.assert_allclose(maps, wanted["core_output"], rtol=0, atol=1e-5 * np.abs(wanted["core_output"]).max())
    assert poisson_loss(rates, torch.from_numpy(wanted["responses"])).item() == pytest.approx(
        wanted["poisson"], rel=1e-5
    )
    assert model.regularizer().item() == pytest.approx(wanted["reg_loss"], rel=1e-5)


@pytest.mark.parametrize("name", ["ckpt_hermite", "ckpt_conv2d"])
def test_variables_come_back_as_they_went_in(recorded, recorded_model, name):
    wanted = recorded(name)
    model = recorded_model(wanted, "values/")
    found = tensorflow_variables(model)
    given = {k.removeprefix("values/"): v for k, v in wanted.items() if k.startswith("values/")}
    assert set(found) == {k for k in given if "Adam" not in k and "power" not in k}
    for key, array in found.items():
        np.testing.assert_array_equal(array, given[key], err_msg=key)


def test_loading_copies(small_model):
    source, model = small_model(), small_model()
    variables = {f"{name}:0": array.copy() + 1 for name, array in tensorflow_variables(source).items()}
    assert model.fresh
    load_tensorflow_variables(model, variables)
    assert not model.fresh
    with torch.no_grad():
        model.readout.masks.zero_()
    assert np.all(variables["readout/masks:0"] != 0)


@pytest.mark.parametrize("kind", ["hermite", "conv2d"])
def test_every_fault_is_named_and_nothing_is_changed(small_model, kind):
    model = small_model(kind)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    variables = {name: array + 1 for name, array in tensorflow_variables(model).items()}
    del variables["readout/masks"]
    variables["readout/biases"] = np.ones(7)
    variables["readout/mask"] = np.ones(7)
    faults = r"readout/biases is \(7,\), the model's is \(6,\); readout/mask is unknown; readout/masks is missing$"
    with pytest.raises(ValueError, match=faults):
        load_tensorflow_variables(model, variables)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert model.fresh


def test_variables_of_the_other_core_are_refused(small_model):
    with pytest.raises(ValueError, match=r"core/conv0/weights is unknown.*core/conv1/coeffs is missing"):
        load_tensorflow_variables(small_model("hermite"), tensorflow_variables(small_model("conv2d")))
