"""TensorFlow checkpoints of the original code: what they hold, and which architecture that belongs to."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.named_config import NamedConfig

LOG_HASH = re.compile(r"[0-9a-f]{32}")
BETA2 = 0.999  # of Adam; the checkpoint keeps its power of (steps + 1)


@dataclass(frozen=True)
class Checkpoint:
    """The variables of a checkpoint by name, and the log hash by which the original named its training."""

    path: Path
    log_hash: str
    variables: dict[str, np.ndarray]

    @property
    def num_neurons(self) -> int:
        return self._variable("readout/biases").size

    @property
    def num_iterations(self) -> int | None:
        """Training steps, from the power of beta2 that Adam keeps; None in a checkpoint without its variables."""
        power = float(self.variables.get("beta2_power", 0))
        return round(math.log(power) / math.log(BETA2)) - 1 if power > 0 else None

    def architecture(self, named: NamedConfig) -> NamedConfig:
        """A configuration with its core and the sizes of its layers as the variables have them; they tell no more."""
        rotated = any(name.endswith("/coeffs") for name in self.variables)
        kernels = self._kernels("coeffs" if rotated else "weights")
        if not kernels:
            raise UserError(f"{self.path}: holds no layers, core/conv*; allowed are the original's checkpoints")
        filters = [kernel.shape[-1] for kernel in kernels]
        if rotated:
            # n (n + 1) / 2 Hermite functions belong to filters of n pixels
            sizes = [math.isqrt(2 * len(kernel)) for kernel in kernels]
            rotations = kernels[1].shape[1] // filters[0] if len(kernels) > 1 else named.core["num_rotations"] or 1
            if rotations < 1:
                raise self._misshapen("core/conv2/coeffs", kernels[1])
            shared = len(self._variable("core/conv1/BatchNorm/beta")) == filters[0] and rotations != 1
            core = {
                "core_class": "StackedRotEquiHermiteConv2dCore",
                "num_rotations": rotations,
                "shared_biases": shared,
            }
            core["upsampling"] = named.core["upsampling"] or 2
        else:
            sizes = [kernel.shape[0] for kernel in kernels]
            core = {"core_class": "StackedConv2dCore", "num_rotations": None, "shared_biases": None, "upsampling": None}
        layers = {"filter_size": sizes, "num_filters": filters}
        if named.core | core == named.core and named.layers | layers == named.layers:
            return named
        count = len(kernels)
        others = {name: (values + values[-1:] * count)[:count] for name, values in named.layers.items()}
        others["activation_fn"] = [*others["activation_fn"][: count - 1], named.layers["activation_fn"][-1]]
        name = f"imported-{self.log_hash[:8]}-" + "-".join(map(str, filters))
        return named.derived(
            name, f"of the checkpoint {self.log_hash}", core={"core": name} | core, layers=others | layers
        )

    def _kernels(self, kind: str) -> list[np.ndarray]:
        layers = {int(found[1]) for name in self.variables if (found := re.match(r"core/conv(\d+)/", name))}
        kernels = []
        for name in (f"core/conv{layer}/{kind}" for layer in sorted(layers)):
            kernels.append(self._variable(name))
            if kernels[-1].ndim != {"coeffs": 3, "weights": 4}[kind] or 0 in kernels[-1].shape:
                raise self._misshapen(name, kernels[-1])
        return kernels

    def _variable(self, name: str) -> np.ndarray:
        if name not in self.variables:
            raise UserError(f"{self.path}: variable {name} is missing; allowed are the original's checkpoints")
        return self.variables[name]

    def _misshapen(self, name: str, array: np.ndarray) -> UserError:
        return UserError(
            f"{self.path}: variable {name} has the shape {array.shape}, which no layer of the original has"
        )


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read a checkpoint's directory, whose name is the log hash. Raises UserError about what cannot be read."""
    log_hash = directory.resolve().name
    if not directory.is_dir():
        raise UserError(f"{directory}: is no folder; allowed is the folder of a checkpoint")
    if not LOG_HASH.fullmatch(log_hash):
        raise UserError(
            f"{directory}: is not named by a log hash, 32 hexadecimal digits; give it the name it came with"
        )
    found = sorted(directory.glob("*.index"))
    if len(found) != 1:
        raise UserError(f"{directory}: holds {len(found)} files *.index; allowed is one checkpoint, with one")
    return Checkpoint(directory, log_hash, _read_variables(found[0].with_suffix("")))


def _read_variables(prefix: Path) -> dict[str, np.ndarray]:
    # Or it tells of its own installation; that it computes with oneDNN, on some processors, at any level of its log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow
    except ImportError as error:
        raise UserError("checkpoints are read by TensorFlow; pip install 'hypercolumn[tensorflow]'") from error
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        types = reader.get_variable_to_dtype_map()
        # What is no number, such as the graph that some versions add, is no variable of the network.
        return {name: reader.get_tensor(name) for name in types if types[name].is_floating}
    except Exception as error:  # of many kinds, for a file that is cut short or no checkpoint
        reason = " ".join(str(error).split())
        raise UserError(f"{prefix}: cannot be read as a checkpoint ({reason}); make a whole copy of it") from error
