"""Recordings whose arrays are not as they should be: `hypercolumn ingest` refuses them in one line, and nothing has
changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from datajoint import DataJointError

from made_up_recordings import changed, put
from pipeline import datasets
from pipeline.readers import read

BAD_CONTENT = {
    "NaN in images": (
        {"train_images": put((3, 4, 5), np.nan)},
        "/train/images holds nan at (3, 4, 5); allowed are finite numbers",
    ),
    "infinity in images": (
        {"test_images": put((1, 2, 3), np.inf)},
        "/test/images holds inf at (1, 2, 3); allowed are finite numbers",
    ),
    "NaN in training responses": (
        {"train_responses": put((7, 2), np.nan)},
        "/train/responses holds nan at (7, 2); allowed are finite numbers",
    ),
    "infinity in validation responses": (
        {"validation_responses": put((7, 2), -np.inf)},
        "/validation/responses holds -inf at (7, 2); allowed are finite numbers",
    ),
    "infinity in test responses": ({"test_responses": put((0, 1, 2), np.inf)}, "/test/responses holds infinity"),
    "too large for float32": (
        {"train_responses": lambda a: np.where(np.arange(6) == 1, 1e300, a.astype(np.float64))},
        "/train/responses holds inf at (0, 1); allowed are finite numbers",
    ),
    "negative training responses": (
        {"train_responses": put((0, 0), -1)},
        "/train/responses holds -1; allowed is 0 or more, but for noise down to -0.1",
    ),
    "negative test responses": (
        {"test_responses": put((0, 0, 0), -0.5)},
        "/test/responses holds -0.5; allowed is 0 or more",
    ),
    "fewer responses than images": (
        {"train_responses": lambda a: a[:-1]},
        "/train/responses has 59 images, /train/images 60; allowed is the same number",
    ),
    "fewer test images than responses": (
        {"test_images": lambda a: a[:-1]},
        "/test/responses has 100 images, /test/images 99; allowed is the same number",
    ),
    "other neurons": (
        {"validation_responses": lambda a: a[:, :-1]},
        "/validation/responses has 5 neurons, /train/responses 6; allowed is the same number",
    ),
    "two sizes of images": (
        {"validation_images": lambda a: a[:, :15]},
        "/validation/images has images of 15 x 16 pixels, /train/images of 16 x 16; allowed is one size",
    ),
    "no repeats": (
        {"test_responses": lambda a: a[:0]},
        "/test/responses has no repeat of any image; allowed is 1 or more for each image",
    ),
    "repeats that are all NaN": (
        {"test_responses": lambda a: a * np.nan},
        "/test/responses has no repeat of any image; allowed is 1 or more for each image",
    ),
    "an image without repeats": (
        {"test_responses": put((slice(None), 7, 3), np.nan)},
        "/test/responses has no repeat of image 7 for neuron 3; allowed is 1 or more",
    ),
    "no images": (
        {"train_images": lambda a: a[:0], "train_responses": lambda a: a[:0]},
        "/train/images holds 0 images; allowed is 1 or more",
    ),
    "no test images": (
        {"test_images": lambda a: a[:0], "test_responses": lambda a: a[:, :0]},
        "/test/images holds 0 images; allowed is 1 or more",
    ),
    "no pixels": (
        {f"{split}_images": lambda a: a[:, :, :0] for split in ("train", "validation", "test")},
        "/train/images has images of 16 x 0 pixels; allowed is 1 x 1 or more",
    ),
    "grey images": (
        {"train_images": lambda a: np.full_like(a, 7)},
        "/train/images has the same value in every pixel; allowed are images that vary",
    ),
    "a dimension too many": (
        {"train_images": lambda a: a[:, None]},
        "/train/images has 4 dimensions, (60, 1, 16, 16); allowed is 3",
    ),
    "a dimension too few": ({"test_responses": lambda a: a[0]}, "/test/responses has 2 dimensions, (100, 6); allowed"),
    "text": (
        {"train_responses": lambda a: a.astype("S4")},
        "/train/responses holds |S4; allowed are numbers",
    ),
    "complex numbers": (
        {"train_responses": lambda a: a.astype(complex)},
        "/train/responses holds complex128; allowed are numbers",
    ),
}


@pytest.mark.parametrize("fault", BAD_CONTENT)
def test_bad_content(refused, recording, tmp_path, fault):
    arrays, expected = BAD_CONTENT[fault]
    path = tmp_path / "bad.h5"
    changed(replace(recording, neurons={}), **arrays).write(path)
    line = refused("ingest", "bad", path)
    assert line.startswith(f"hypercolumn: {path}: ")
    assert expected in line


def test_no_neurons(refused, recording, tmp_path):
    path = tmp_path / "bad.h5"
    none = {f"{split}_responses": lambda array: array[..., :0] for split in ("train", "validation", "test")}
    changed(replace(recording, neurons={}), **none).write(path)
    assert f"{path}: /train/responses has 0 neurons; allowed is 1 or more" in refused("ingest", "bad", path)


def test_no_file_stays_without_its_rows(recording_file, snapshot, connection, monkeypatch):
    rows = datasets._neurons
    monkeypatch.setattr(datasets, "_neurons", lambda *given: [*rows(*given), rows(*given)[0]])
    before = snapshot()
    with pytest.raises(DataJointError):
        datasets.add_recording("twice", read(recording_file))
    assert snapshot() == before
