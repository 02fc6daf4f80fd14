"""Networks as a task has them: of one recording or of several, new or with stored weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import models

if TYPE_CHECKING:
    from torch import Tensor

Shapes = tuple[tuple[int, int], dict[str, int]]  # as `TrainingSet.shapes` gives them


def network(task: dict[str, Any], shapes: Shapes, core: dict[str, Tensor] | None = None) -> models.model.ModelOfParts:
    """A new network, to be trained; task: as `TrainingTask.keywords` gives it.

    core: weights of a stored core, which is frozen.
    """
    size, num_neurons = shapes
    settings = task | {"image_size": size}
    if len(num_neurons) == 1:
        (count,) = num_neurons.values()
        model: models.model.ModelOfParts = models.build.build(settings | {"num_neurons": count})
    else:
        model = models.build.build_shared(settings, num_neurons)
    if core is not None:
        model.to(models.precision.precision_named(task["precision"]).dtype)  # before, so that no digit of them is lost
        model.core.load_state_dict(core)
        model.core.freeze()
    return model
