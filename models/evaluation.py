"""What a model predicts, and how well, on the images of `Data`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from models import scores
from models.data import Data
from models.model import CorePlusReadoutModel, poisson_loss
from models.repeats import MIN_SD
from models.spread import Spread


@torch.no_grad()
def predict(model: CorePlusReadoutModel, images: Tensor, batch_size: int = 256) -> Tensor:
    """Rates (n, neurons) of images (n, 1, height, width), batch by batch, with the moving averages."""
    return torch.cat(list(_rates(model, images, batch_size)))


def silence(model: CorePlusReadoutModel, images: Tensor) -> np.ndarray:
    """(neurons,) bool: whose rates do not vary over images (n, 1, height, width); takes their weights away, in place.

    Training leaves such neurons tiny weights, which say nothing about them.
    """
    spread = Spread(of_columns=True)
    with torch.no_grad():
        for rates in _rates(model, images):
            spread.add(rates.cpu().numpy())
        silent = torch.from_numpy(spread.sd <= MIN_SD).to(model.readout.masks.device)
        model.readout.masks[silent] = 0
        model.readout.feature_weights[silent] = 0
    return silent.cpu().numpy()


def validate(model: CorePlusReadoutModel, data: Data) -> tuple[float, float]:
    """Poisson loss of the validation set per image, and mean correlation over its neurons."""
    rates, responses = predict(model, data.validation_images), data.validation_responses
    loss, mean = torch.stack([poisson_loss(rates, responses).double(), correlation(rates, responses).mean()]).tolist()
    return loss, mean


def correlation(predictions: Tensor, responses: Tensor) -> Tensor:
    """(neurons,) float64: `scores.correlation` of two tensors (images, neurons), computed where they are."""
    shown = responses.isfinite()
    count = shown.sum(dim=0).clamp(min=1)

    def centred(values: Tensor) -> Tensor:
        known = torch.where(shown, values, 0).double()
        return torch.where(shown, known - known.sum(dim=0) / count, 0)

    x, y = centred(predictions), centred(responses)
    variance_x, variance_y = x.square().sum(dim=0) / count, y.square().sum(dim=0) / count
    found = (x * y).sum(dim=0) / count / (variance_x * variance_y).sqrt()
    return found.masked_fill((variance_x <= MIN_SD**2) | (variance_y <= MIN_SD**2), 0)


def test_correlation(model: CorePlusReadoutModel, data: Data) -> np.ndarray:
    """(neurons,): correlation of the prediction with the mean over repeats of the test set."""
    rates = predict(model, data.test_images).cpu().numpy()
    return scores.correlation(rates, scores.mean_over_repeats(data.test_responses.cpu().numpy()))


def score(model: CorePlusReadoutModel, data: Data) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """All scores by name, of the model and (neurons,) of its neurons, NaN where unknown.

    Of the model they are `val_loss`, the Poisson loss of the validation set per image, and those of
    `models.scores.model_scores`; of its neurons those of `models.scores.neuron_scores`.
    """
    rates = predict(model, data.validation_images)
    predicted = scores.Predicted(
        validation_predictions=rates.cpu().numpy(),
        validation_responses=data.validation_responses.cpu().numpy(),
        test_predictions=predict(model, data.test_images).cpu().numpy(),
        test_responses=data.test_responses.cpu().numpy(),
    )
    neurons = scores.neuron_scores(predicted, data.repeat_scores)
    val_loss = float(poisson_loss(rates, data.validation_responses))
    return {"val_loss": val_loss} | scores.model_scores(predicted, neurons), neurons


def _rates(model: CorePlusReadoutModel, images: Tensor, batch_size: int = 256) -> Iterator[Tensor]:
    """Of each batch; the images may lie elsewhere than the model, and be of another precision."""
    model.eval()
    like = next(model.parameters())
    for batch in images.split(batch_size):
        yield model(batch.to(like))
