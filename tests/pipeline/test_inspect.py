"""`hypercolumn inspect` shows what is in a file and what is odd about it, and writes nothing but a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from made_up_recordings import changed, noise, put
from models import scores
from models.recording import Recording
from pipeline.figures.recording import _draw
from pipeline.inspection import inspect_recording
from pipeline.readers.checks import check_recording, warnings_of
from schemas.dataset import Dataset, TrainingSet
from written_formats import write_sensorium

PNG = b"\x89PNG\r\n"


def lines_of(recording: Recording) -> list[str]:
    return warnings_of(recording, check_recording(recording, "test"))


def test_nothing_is_written_and_no_server_started(hypercolumn, recording_file, tmp_path):
    home, folder = tmp_path / "home", tmp_path / "work"
    arguments = ("inspect", recording_file, "--out", "picture.png", "--crop", "1,1,2,0")
    code, out, err = hypercolumn(*arguments, HYPERCOLUMN_HOME=str(home), DJ_HOST=None)
    assert (code, err) == (0, "")
    assert not home.exists()
    assert [path.name for path in folder.iterdir()] == ["picture.png"]
    assert (folder / "picture.png").read_bytes().startswith(PNG)
    shown = [line.strip("│ ") for line in out.splitlines()]
    assert "format       hdf5" in shown
    rows = {tuple(line.split()[:5]) for line in shown}
    assert ("validation", "40", "14", "x", "14") in rows
    assert ("test", "10", "x", "100", "x") in rows
    assert "none" in shown[shown.index(next(line for line in shown if "warnings" in line)) :]


def test_the_numbers_are_those_of_the_recording(recording):
    found = inspect_recording(changed(recording, test_responses=put((slice(4, None), slice(0, 20)), np.nan)), "a", "b")
    repeats = found.recording.test_responses
    np.testing.assert_array_equal(found.ceiling, scores.ceiling(repeats))
    train, _, test = found.responses
    assert train["zeros"] == f"{100 * (recording.train_responses == 0).mean():.1f} %"
    assert test["mean"] == pytest.approx(np.nanmean(repeats), rel=1e-3)
    assert test["not shown"] == f"{100 * np.isnan(repeats).mean():.1f} %"
    images, _, _ = found.images
    assert images["SD"] == pytest.approx(recording.train_images.std(), rel=1e-3)
    assert (images["lowest"], images["highest"]) == (recording.train_images.min(), recording.train_images.max())


def test_a_terminal_obeys_nothing_of_a_file(command, refused, connection, recording, tmp_path):
    told = {"description": "\x1b]0;owned\x07two\r\nlines\u202e \x9b31m[bold]naïve[/]", "name": "\x1b[2J"}
    neurons = {"area": np.array(["\x1b[31mV1"] * 6), "expected_rate": recording.neurons["expected_rate"]}
    path = tmp_path / "\x1b[1mplain.h5"
    replace(recording, attributes=told, neurons=neurons).write(path)
    code, out, err = command("inspect", path)
    assert (code, err) == (0, "")
    assert out.replace("\n", "").isprintable()
    description = ("\\x1b]0;owned\\x07two", "lines\\u202e \\x9b31m[bold]naïve[/]")
    assert all(shown in out for shown in (*description, "text \\x1b[31mV1", "\\x1b[1mplain.h5"))
    line = refused("inspect", path, "--units", "area=V1")
    assert line.endswith("no neuron has area 'V1'; its values are \\x1b[31mV1")
    assert line.isprintable()


def test_bad_files_and_bad_places_for_the_picture(refused, recording, recording_file, tmp_path):
    bad = tmp_path / "bad.h5"
    changed(recording, train_responses=put((7, 2), np.nan)).write(bad)
    place = tmp_path / "picture.png"
    assert "/train/responses holds nan at (7, 2)" in refused("inspect", bad, "--out", place)
    assert not place.exists()
    assert "no such file" in refused("inspect", tmp_path / "gone.h5")
    line = refused("inspect", recording_file, "--out", recording_file)
    assert line.endswith("is there already and is no PNG; name another file for the picture")
    assert "is a folder; name a file for the picture" in refused("inspect", recording_file, "--out", tmp_path)


def test_what_is_odd_is_said_and_kept(command, connection, recording, tmp_path):
    """Each oddity is one line; nothing is refused."""
    images = recording.train_images.copy()
    images[[3, 9]] = [[[100]], [[90]]]
    test = recording.test_images.copy()
    test[[2, 50]] = images[[5, 6]]
    test[[7, 8]] = test[11]
    validation = recording.validation_images.copy()
    validation[1] = images[5]
    responses = recording.test_responses.copy()
    responses[:, :, 2] = 1
    responses[2:, :, :] = np.nan
    responses[1, 4:, :] = np.nan
    responses[1, 1, 5] = np.nan
    odd = replace(
        recording, train_images=images, validation_images=validation, test_images=test, test_responses=responses
    )
    path = tmp_path / "odd.h5"
    odd.write(path)
    wanted = [
        "test images have 4 repeats beyond their first, so that the ceiling is uncertain; 30 or more are enough",
        "1 neuron lacks test repeats that others have: 5",
        "1 neuron has one response alone in the test set, and a score of 0: 2",
        "1 image of the validation set is also in the training set, so that a score is not of new images alone: 1",
        "2 images of the test set are also in the training set, so that a score is not of new images alone: 2, 50",
        "1 image of the test set is also in the validation set, so that a score is not of new images alone: 2",
        "2 test images are there before in the test set: 8, 11",
        "2 images of the training set are of one grey alone: 3, 9",
    ]
    code, out, _ = command("inspect", path)
    assert code == 0
    told = " ".join(out.replace("│", " ").split())
    assert all(f"{i} {line}" in told for i, line in enumerate(wanted, start=1))
    try:
        code, _, err = command("ingest", "odd", path)
        assert code == 0
        assert err.splitlines() == [f"warning: {line}" for line in wanted]
        assert (Dataset & {"dataset_name": "odd"}).fetch1("warnings") == wanted
    finally:
        (TrainingSet & {"training_set": "odd"}).delete(prompt=False)
        (Dataset & {"dataset_name": "odd"}).delete(prompt=False)


def test_large_images_are_drawn_with_fewer_pixels():
    plain = noise(5)
    images = {f"{split}_images": getattr(plain, f"{split}_images") for split in ("train", "validation", "test")}
    large = replace(plain, **{name: array.repeat(100, axis=1).repeat(50, axis=2) for name, array in images.items()})
    figure = Figure()
    _draw(figure, inspect_recording(large, "large", "hdf5"))
    sheets = [axis.images[0].get_array() for axis in figure.axes[:2]]
    assert [sheet.shape for sheet in sheets] == [(3 * 200 + 2 * 6, 7 * 100 + 6 * 6)] * 2


def test_what_was_left_out_is_told(command, connection, tmp_path):
    folder = write_sensorium(noise(20), tmp_path / "static")
    tiers = folder / "meta/trials/tiers.npy"
    np.save(tiers, np.where(np.arange(32) < 3, "final_test", np.load(tiers)))
    np.save(folder / "meta/neurons/depth.npy", np.zeros(7))
    code, out, _ = command("inspect", folder)
    assert code == 0
    told = " ".join(out.replace("│", " ").split())
    assert "left_out 3 trials of the tier 'final_test', meta/neurons/depth.npy of the shape (7,) for 2 neurons" in told


def test_neurons_without_a_ceiling():
    plain = noise(20)
    responses = np.repeat(plain.test_responses, 8, axis=0) + np.arange(16)[:, None, None].astype(np.float32)
    responses[1:, :, 1] = np.nan
    found = lines_of(replace(plain, test_responses=responses, neurons={"neuron_id": np.array([5, 9])}))
    assert found == ["1 neuron without two repeats of any test image, and no ceiling: 9"]


def test_integers_and_floats_of_equal_pixels_are_one_image():
    plain = noise(20)
    validation = plain.validation_images.astype(np.float32)
    validation[3] = plain.train_images[4]
    (line,) = [line for line in lines_of(replace(plain, validation_images=validation)) if "validation" in line]
    assert line.startswith("1 image of the validation set is also in the training set")
