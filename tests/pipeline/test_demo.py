"""The demo from the command line."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest

from pipeline import demo, results
from schemas.dataset import Dataset, TrainingSet


def test_demo(command, connection, quick, monkeypatch, snapshot, tmp_path):
    monkeypatch.setattr(demo, "CONFIGS", ["quick-equivariant", "quick"])
    arguments = ["demo", "--neurons", 6, "--images", 60, "--seed", 3, "--out", tmp_path / "new" / "folder"]
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    name = "demo-6-neurons-60-images-seed-3"
    assert f"2. Declaring the recording '{name}'\n" in out
    assert f"Next: hypercolumn results --dataset {name} --format json\n" in out
    figure = tmp_path / "new" / "folder" / f"{name}.png"
    assert f"Figure: {figure}\n" in out
    pixels = matplotlib.image.imread(figure)
    assert pixels.shape == (1110, 1800, 4)
    assert np.ptp(pixels[..., :3]) > 0.9
    rows = results.query_results(dataset=name)
    assert {row["config"] for row in rows} == {"quick-equivariant", "quick"}
    assert all(row["id"] in out for row in rows)

    before = snapshot()
    code, again, err = command(*arguments)
    assert (code, err) == (0, "")
    assert f"2. Declaring the recording '{name}': it is there already\n" in again
    for config in ("quick", "quick-equivariant"):
        assert f"{config} is already trained on {name} with seed 3; nothing to do" in again
    assert snapshot() == before
    (TrainingSet & {"training_set": name}).delete(prompt=False)
    (Dataset & {"dataset_name": name}).delete(prompt=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--neurons", 0],
        ["--images", 49],
        ["--seed", 2**32],
        ["--seed", -1],
        ["--device", "cuda:99"],
        ["--out", __file__],
        ["--images", "many"],
    ],
)
def test_demo_refused(refused, connection, arguments):
    assert refused("demo", "--neurons", 6, "--images", 60, *arguments)


def test_demo_where_no_folder_can_be_made(refused, connection, tmp_path):
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refused("demo", "--neurons", 6, "--images", 60, "--out", tmp_path / "file" / "folder")
