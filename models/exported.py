"""A trained network as files that need no database: weights, settings, and the network as a graph of PyTorch.

weights.safetensors     every tensor of the network, by name
model.json              classes and keyword arguments of core and readout, and how images and rates are scaled
model.pt2               the network as `torch.export` has it; `torch.export.load` needs none of our code
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from models.build import build
from models.model import CorePlusReadoutModel

FORMAT = 1  # of model.json
WEIGHTS, SETTINGS, GRAPH = "weights.safetensors", "model.json", "model.pt2"


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
