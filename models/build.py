"""Networks from settings: the names of their classes, and keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models import cores, readouts
from models.choices import CORES, READOUTS
from models.model import CorePlusReadoutModel
from models.shared_core import SharedCoreModel


def build(settings: dict[str, Any]) -> CorePlusReadoutModel:
    """A new network from `core_class`, `core`, `readout_class`, `readout`, `image_size` and `num_neurons`.

    Raises ValueError where a class is unknown.
    """
    return build_shared(settings, {"": settings["num_neurons"]}).of("")


def build_shared(settings: dict[str, Any], num_neurons: Mapping[str, int]) -> SharedCoreModel:
    """The same with a readout for each of several recordings, by their names."""
    for part, known in (("core_class", CORES), ("readout_class", READOUTS)):
        if settings[part] not in known:
            raise ValueError(f"{part} is {settings[part]!r}; allowed are {', '.join(known)}")
    core = getattr(cores, settings["core_class"])(**settings["core"])
    shape = core.output_shape(*settings["image_size"])
    readout = getattr(readouts, settings["readout_class"])
    return SharedCoreModel(
        core, {name: readout(shape, count, **settings["readout"]) for name, count in num_neurons.items()}
    )
