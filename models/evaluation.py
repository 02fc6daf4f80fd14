"""What a model predicts, and how well, on the images of `Data`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from models import scores
from models.data import Data
from models.model import CorePlusReadoutModel, ModelOfParts, poisson_loss, total
from models.repeats import MIN_SD
from models.shared_data import SharedData
from models.spread import Spread


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
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


def validate(model: ModelOfParts, data: Data | SharedData) -> tuple[float, float]:
    """Poisson loss of the validation set per image, summed over recordings, and mean correlation over all neurons."""
    losses, correlations = [], []
    for part, recording in zip(model.parts, data.parts, strict=True):
        rates, responses = predict(part, recording.validation_images), recording.validation_responses
        losses.append(poisson_loss(rates, responses).double())
        correlations.append(correlation(rates, responses))
    loss, mean = torch.stack([total(losses), torch.cat(correlations).mean()]).tolist()
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


def test_correlation(model: ModelOfParts, data: Data | SharedData) -> np.ndarray:
    """(neurons of all recordings,): correlation of the prediction with the mean over repeats of the test set."""
    found = []
    for part, recording in zip(model.parts, data.parts, strict=True):
        rates = predict(part, recording.test_images).cpu().numpy()
        found.append(scores.correlation(rates, scores.mean_over_repeats(recording.test_responses.cpu().numpy())))
    return np.concatenate(found)


def score(model: ModelOfParts, data: Data | SharedData) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """All scores by name, of the model and (neurons of all recordings,) of its neurons, NaN where unknown.

    Of the model they are `val_loss`, the Poisson loss of the validation set per image, summed over recordings, and
    those of `models.scores.model_scores`; of its neurons those of `models.scores.neuron_scores`.
    """
    predicted, neurons, val_loss = [], [], 0.0
    for part, recording in zip(model.parts, data.parts, strict=True):
        rates = predict(part, recording.validation_images)
        of_recording = scores.Predicted(
            validation_predictions=rates.cpu().numpy(),
            validation_responses=recording.validation_responses.cpu().numpy(),
            test_predictions=predict(part, recording.test_images).cpu().numpy(),
            test_responses=recording.test_responses.cpu().numpy(),
        )
        predicted.append(of_recording)
        neurons.append(scores.neuron_scores(of_recording, recording.repeat_scores))
        val_loss += float(poisson_loss(rates, recording.validation_responses))
    joined = {name: np.concatenate([one[name] for one in neurons]) for name in neurons[0]}
    return {"val_loss": val_loss} | scores.model_scores(predicted, joined), joined


def _rates(model: nn.Module, images: Tensor, batch_size: int = 256) -> Iterator[Tensor]:
    """Of each batch; the images may lie elsewhere than the model, and be of another precision."""
    model.eval()
    like = next(model.parameters())
    for batch in images.split(batch_size):
        yield model(batch.to(like))
