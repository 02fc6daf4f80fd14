"""What a model predicts, and how well, on the images of `Data`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models import scores
from models.data import Data
from models.model import ModelOfParts, poisson_loss, total
from models.precision import PRECISIONS
from models.repeats import MIN_SD
from models.shared_data import SharedData


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    """Rates (n, neurons) of images (n, 1, height, width), batch by batch, with the moving averages.

    They are of the weights' precision: PyTorch's default on a GPU, convolutions in TF32, does not count.
    """
    model.eval()
    like = next(model.parameters())  # the images may lie elsewhere, and be of another precision
    with PRECISIONS["float32"].settings(like.device):
        return torch.cat([model(batch.to(like)) for batch in images.split(batch_size)])


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
