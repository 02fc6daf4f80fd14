"""Neurons whose rates do not vary lose their weights, and no others do."""

import torch

from models import predict
from models.silence import silence


def test_only_those_whose_rates_do_not_vary(small_model, small_data):
    model = small_model()
    model.initialize(3, small_data)
    with torch.no_grad():
        model.readout.masks[2] *= 1e-9  # as training leaves them
        model.readout.feature_weights[4] = 0
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rates = predict(model, small_data.train_images)
    # more images than are taken at a time, of which the last ones alone vary
    images = torch.cat([small_data.train_images[:1].repeat(300, 1, 1, 1), small_data.train_images])
    assert silence(model, images).tolist() == [False, False, True, False, True, False]
    assert not model.readout.masks[[2, 4]].any()
    assert not model.readout.feature_weights[[2, 4]].any()
    others = [0, 1, 3, 5]
    for name, tensor in model.state_dict().items():
        kept = slice(None) if name.startswith("core.") or name.endswith("biases") else others
        assert torch.equal(tensor[kept], before[name][kept])
    assert torch.equal(predict(model, small_data.train_images)[:, others], rates[:, others])
