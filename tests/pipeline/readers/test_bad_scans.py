"""Scans of the original that are not as they should be, or lead elsewhere, are refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from written_formats import write_scans


def _put(where: str, value: object):
    def change(folder: Path) -> None:
        with h5py.File(folder / "test.h5", "r+") as file:
            if where in file:
                del file[where]
            if value is not None:
                file[where] = value

    return change


def _lead_out(folder: Path) -> None:
    with h5py.File(folder.parent / "secret.h5", "w") as file:
        file["secret"] = np.zeros((5, 5), np.float32)
    _put("responses", h5py.ExternalLink("../secret.h5", "/secret"))(folder)


def _misname(folder: Path) -> None:
    path = folder / "test.h5"
    path.write_bytes(path.read_bytes().replace(b"responses", b"\x9eesponses"))


BAD_SCANS = {
    "no responses": (_put("responses", None), "dataset /responses is missing"),
    "no ids": (_put("image_ids", None), "dataset /image_ids is missing; a test file must hold it, for its repeats"),
    "a number of several images": (
        _put("image_ids", np.zeros(218, int)),
        "test.h5: /image_ids has one number for trials 0 and 1, whose images differ",
    ),
    "no units": (_put("info/unit_ids", None), "dataset /info/unit_ids is missing"),
    "other units": (_put("info/unit_ids", np.arange(5)), "/info/unit_ids are others than in train.h5"),
    "fewer responses": (_put("responses", np.zeros((3, 5))), "/responses has 3 trials, /inputs"),
    "no channels": (_put("inputs", np.zeros((9, 7, 9))), "/inputs has 3 dimensions, (9, 7, 9); allowed is 4"),
    "text": (_put("responses", np.full((9, 5), b"a")), "/responses holds |S1; allowed are numbers"),
    "another file's": (_lead_out, "/responses lies in another file; allowed is data within the file"),
    "cut": (lambda folder: os.truncate(folder / "test.h5", 3000), "is damaged or truncated"),
    "no name": (_misname, "is damaged or truncated ('utf-8' codec can't decode byte 0x9e"),
    "no file": (lambda folder: (folder / "test.h5").unlink(), "no such file; a scan has three"),
    "no HDF5": (lambda folder: (folder / "test.h5").write_text("text"), "is not an HDF5 file"),
}


@pytest.mark.parametrize("fault", BAD_SCANS)
def test_bad_scans(shown, tmp_path, refusal, fault):
    change, said = BAD_SCANS[fault]
    folder = write_scans(shown, tmp_path / "scan")
    change(folder)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("- {train: /etc/passwd, validation: b, test: c}", "line 1: train '/etc/passwd' lies outside the folder"),
        ("- {train: a, validation: ../b.h5, test: c}", "line 1: validation '../b.h5' lies outside the folder"),
        ("- {train: a, test: c}", "has no file validation; allowed are train, validation, test"),
        ("- {train: a, validation: b, test: c, colour: d}", "'colour' is unknown here; allowed are train, "),
        ("text", "is 'text'; allowed is a list of scans"),
        ("", "is empty; docs/how-to/recordings.md tells what it should hold"),
        ("- &a {train: a}\n- *a", "anchors and aliases"),
    ],
)
def test_bad_descriptions(tmp_path, refusal, description, said):
    path = tmp_path / "scans.yaml"
    path.write_text(description)
    assert said in refusal(path)


def test_areas_that_saw_other_images(shown, tmp_path, refusal):
    folder = write_scans(shown, tmp_path / "scan", {"V1": slice(0, 2), "LM": slice(2, 5)})
    with h5py.File(folder / "trainLM.h5", "r+") as file:
        file["inputs"][3, 0, 2, 2] ^= 1
    assert "trainLM.h5: shows other images than trainV1.h5, or in an order that no image_ids tell" in refusal(folder)


def test_areas_that_saw_an_image_unequally_often(shown, tmp_path, refusal):
    folder = write_scans(shown, tmp_path / "scan", {"V1": slice(0, 2), "LM": slice(2, 5)})
    with h5py.File(folder / "testLM.h5", "r+") as file:
        file["image_ids"][0], file["inputs"][0] = file["image_ids"][1], file["inputs"][1]
    assert "testLM.h5: shows other images than testV1.h5" in refusal(folder)
