"""Which maps an image is read without, to the bit."""

import numpy as np
import pytest
import torch

from models.loading import Loader


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_are_dropped_whose_draw_is_below_the_share(small_data, dtype):
    drawn = torch.rand(8, 5, generator=torch.Generator().manual_seed(7))
    share = drawn.median().item()
    loader = Loader(small_data.to("cpu", dtype), 5, 7, torch.device("cpu"), dtype)
    images, responses, kept = loader.minibatch([np.arange(8)], map_dropout=share, max_shift=0)
    assert {images.dtype, responses[0].dtype, kept.dtype} == {dtype}
    assert torch.equal(kept == 0, drawn < share)
    assert set(kept.unique().tolist()) == {0, torch.tensor(1, dtype=dtype).div(1 - share).item()}
