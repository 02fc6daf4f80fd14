"""A trained network as files that need no database: weights, settings, and the network as a graph of PyTorch.

weights.safetensors     every tensor of the network, by name
model.json              classes and keyword arguments of core and readout, and how images and rates are scaled
model.pt2               the network as `torch.export` has it; `torch.export.load` needs none of our code
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from models import cores, readouts
from models.choices import CORES, READOUTS
from models.model import CorePlusReadoutModel
from models.shared_core import SharedCoreModel

FORMAT = 1  # of model.json
WEIGHTS, SETTINGS, GRAPH = "weights.safetensors", "model.json", "model.pt2"


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


def save_model(model: CorePlusReadoutModel, settings: dict[str, Any], folder: Path) -> None:
    """Write the three files into a folder; `settings` is what `build` takes and whatever else is to be known.

    The files are the same whatever device the model is on and whether it trains, and it stays there and so.
    """
    model = copy.deepcopy(model).cpu().eval()
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(state))
    example = torch.zeros(2, 1, *settings["image_size"], dtype=state["readout.biases"].dtype)
    batch = torch.export.Dim("batch", min=1)
    graph = torch.export.export(model, (example,), dynamic_shapes={"images": {0: batch}})
    torch.export.save(graph, folder / GRAPH)
    # Last, so that a folder with settings is whole.
    (folder / SETTINGS).write_text(json.dumps({"format": FORMAT} | settings, indent=2) + "\n")


def load_model(folder: Path) -> tuple[CorePlusReadoutModel, dict[str, Any]]:
    """The network in a folder, ready to predict normalised images, and its settings.

    Raises ValueError where the settings are of a later format.
    """
    settings = json.loads((folder / SETTINGS).read_text())
    if settings["format"] > FORMAT:
        raise ValueError(f"{folder / SETTINGS}: format is {settings['format']}; allowed is up to {FORMAT}")
    state = load_file(folder / WEIGHTS)
    model = build(settings).to(state["readout.biases"].dtype)
    model.load_state_dict(state)
    return model.eval(), settings
