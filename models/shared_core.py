"""A model of several recordings: a core that they share, and a readout for the neurons of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from models.cores import StackedCore
from models.model import CorePlusReadoutModel, ModelOfParts
from models.readouts import SpatialReadout, SpatialXFeatureJointL1Readout


class SharedCoreModel(ModelOfParts):
    """Rates (batch, neurons of all recordings, in the order of `readouts`) of images (batch, 1, height, width).

    readouts: by the names of the recordings.
    """

    def __init__(self, core: StackedCore, readouts: Mapping[str, SpatialReadout]) -> None:
        if not readouts:
            raise ValueError("readouts is empty; a model needs one at least")
        super().__init__(core)
        self.names = tuple(readouts)
        self.readouts = nn.ModuleDict({_word(name): readout for name, readout in readouts.items()})

    def forward(self, images: Tensor) -> Tensor:
        maps = self.core(images)
        return torch.cat([part.readout(maps) for part in self.parts], dim=1)

    @property
    def parts(self) -> list[CorePlusReadoutModel]:
        return [self.of(name) for name in self.names]

    def of(self, name: str) -> CorePlusReadoutModel:
        """The model of one recording; core and readout are these, not copies."""
        if name not in self.names:
            raise ValueError(f"recording is {name!r}; allowed are {str(self.names)[1:-1]}")
        part = CorePlusReadoutModel(self.core, cast(SpatialReadout, self.readouts[_word(name)]))
        part.fresh = self.fresh
        return part

    def joined(self) -> CorePlusReadoutModel:
        """A model of all neurons with one readout, which predicts the same; to predict and to analyse, not to train."""
        state: dict[str, Tensor] = {
            tensor: torch.cat([part.readout.state_dict()[tensor] for part in self.parts])
            for tensor in self.parts[0].readout.state_dict()
        }
        first, masks = self.parts[0].readout, state["masks"]
        shape = (state["feature_weights"].shape[1], *masks.shape[1:])
        readout = SpatialXFeatureJointL1Readout(shape, len(masks), first.positive_feature_weights).to(masks)
        readout.load_state_dict(state)
        model = CorePlusReadoutModel(self.core, readout)
        model.fresh = self.fresh
        return model


def _word(name: str) -> str:
    """A name as PyTorch takes it for a module: without dots, and none of its own words."""
    return f"of-{name.replace('.', '/')}"
