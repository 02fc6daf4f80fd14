"""The original's variables by name: to and from TensorFlow's layout of arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from models.kernels import PlainKernel
from models.model import CorePlusReadoutModel

OIHW_TO_HWIO = (2, 3, 1, 0)
HWIO_TO_OIHW = (3, 2, 0, 1)


def tensorflow_variables(model: CorePlusReadoutModel) -> dict[str, np.ndarray]:
    """All variables of a model under the original's names and in its layout (kernels height, width, in, out)."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in _variables(model).items()}
    return {name: _transposed(array, OIHW_TO_HWIO) for name, array in arrays.items()}


def load_tensorflow_variables(model: CorePlusReadoutModel, variables: Mapping[str, np.ndarray]) -> None:
    """Fill a model, in place, from arrays with the original's names, such as 'core/conv1/coeffs'.

    A trailing ':0' in a name is dropped; variables of the optimiser (Adam's) are left alone. Raises ValueError
    naming each variable that is missing, unknown or of another shape, and then changes nothing.
    """
    given = {name.removesuffix(":0"): array for name, array in variables.items() if not _is_optimiser(name)}
    wanted = _variables(model)
    faults = [f"{name} is missing" for name in wanted if name not in given]
    faults += [f"{name} is unknown" for name in given if name not in wanted]
    loaded = {name: _transposed(np.asarray(array), HWIO_TO_OIHW) for name, array in given.items()}
    for name in wanted.keys() & loaded.keys():
        if loaded[name].shape != tuple(wanted[name].shape):
            faults.append(f"{name} is {loaded[name].shape}, the model's is {tuple(wanted[name].shape)}")
    if faults:
        raise ValueError("variables do not fit the model: " + "; ".join(sorted(faults)))
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(torch.tensor(loaded[name]))
    model.fresh = False


def _variables(model: CorePlusReadoutModel) -> dict[str, Tensor]:
    """The model's tensors by the original's names; the original counts layers from 0 or 1, by core."""
    named: dict[str, Tensor] = {}
    for i, layer in enumerate(model.core.layers, start=model.core.first_scope):
        scope = f"core/conv{i}"
        weights = "weights" if isinstance(layer.kernel, PlainKernel) else "coeffs"
        named[f"{scope}/{weights}"] = layer.kernel.weights
        norm = {name: getattr(layer.norm, name) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
        named |= {f"{scope}/BatchNorm/{name}": tensor for name, tensor in norm.items() if tensor is not None}
    for name in ("masks", "feature_weights", "biases"):
        named[f"readout/{name}"] = getattr(model.readout, name)
    return named


def _transposed(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return array.transpose(axes) if array.ndim == 4 else array


def _is_optimiser(name: str) -> bool:
    last = name.removesuffix(":0").rsplit("/", 1)[-1]
    return last in ("Adam", "Adam_1", "beta1_power", "beta2_power")
