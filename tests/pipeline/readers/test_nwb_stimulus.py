"""The rarer ways in which NWB files tell what was shown when, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Callable

import h5py
import numpy as np
import pytest
from pynwb import NWBFile
from pynwb.base import ImageReferences, Images
from pynwb.image import GrayscaleImage, ImageSeries, IndexSeries

import nwb_files
from pipeline.errors import UserError
from pipeline.readers import nwb
from pipeline.readers.options import Options
from pipeline.readers.presentations import Presentations

ONSETS = np.arange(4.0)
FRAMES = {"name": "film", "unit": "n.a."}


@pytest.fixture
def shown(whole_numbers, tmp_path) -> Callable[..., Presentations]:
    """What is read of a file with four images, trials with columns and one unit, after functions changed it."""

    def make(
        images: str | None = "table",
        *,
        add: Callable[[NWBFile], object] = lambda made: None,
        edit: Callable[[h5py.File], object] = lambda file: None,
        stimulus: str | None = None,
        **columns: object,
    ) -> Presentations:
        made, path = nwb_files.new_file(), tmp_path / "session.nwb"
        if images is not None:
            nwb_files.add_images(made, whole_numbers.validation_images, np.arange(4), ONSETS, images)
        nwb_files.add_trials(made, ONSETS, **columns)
        made.add_unit(spike_times=ONSETS + 0.1)
        add(made)
        nwb_files.write(made, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        return nwb.read(path, Options(stimulus=stimulus))

    return make


@pytest.fixture
def refusal(shown) -> Callable[..., str]:
    def run(*given: object, **options: object) -> str:
        with pytest.raises(UserError) as caught:
            shown(*given, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value).partition("session.nwb: ")[2]

    return run


def test_a_table_that_names_images(shown, whole_numbers):
    found = shown("Images", stimulus="trials", image_id=["image0", "", "image3", "image0"])
    assert found.image_of_trial.tolist() == [3, 0, 3]  # the file's order is another than that of the names
    assert found.responses.shape == (3, 1)
    np.testing.assert_array_equal(found.images[0:4], whole_numbers.validation_images)
    assert found.attributes["nwb_stimulus"] == "column image_id of trials, images of natural_images"


def test_names_of_images_without_an_order(shown, whole_numbers):
    def add(made: NWBFile) -> None:
        pictures = [GrayscaleImage(name=f"image{i}", data=whole_numbers.validation_images[i]) for i in (2, 0, 3, 1)]
        made.add_stimulus_template(Images(name="pictures", images=pictures))

    found = shown(None, add=add, image_id=["image3", "image0", "", "image2"])
    pixels = found.images[0:4][found.image_of_trial]
    np.testing.assert_array_equal(pixels, whole_numbers.validation_images[[3, 0, 2]])


def test_a_table_with_blanks(shown):
    assert shown(frame=np.array([2, -1, np.nan, 0])).image_of_trial.tolist() == [2, 0]


def test_presentations_of_no_split_are_counted(shown):
    found = shown(frame=np.arange(4), split=["train", "none", "test", "validation"])
    assert found.split_of_trial.tolist() == ["train", "", "test", "validation"]
    assert found.attributes["left_out"] == ["presentations of no split: 1"]


def test_times_by_a_rate(shown, whole_numbers):
    def film(made: NWBFile) -> None:
        made.add_stimulus(ImageSeries(data=whole_numbers.validation_images, rate=0.5, starting_time=0.02, **FRAMES))

    found = shown(None, add=film)  # every 2 s, while spikes are at 0.1, 1.1, 2.1 and 3.1 s
    assert found.responses[:, 0].tolist() == [1, 1, 0, 0]


def _pictures(made: NWBFile, **pictures: np.ndarray) -> None:
    images = [GrayscaleImage(name=name, data=pixels) for name, pixels in pictures.items()]
    order = ImageReferences(name="order_of_images", data=images)
    target = Images(name="pictures", images=images, order_of_images=order)
    made.add_stimulus_template(target)
    series = {"data": np.zeros(4, np.uint32), "unit": "N/A", "timestamps": ONSETS}
    made.add_stimulus(IndexSeries(name="index", indexed_images=target, **series))


def _film(data: np.ndarray, **times: object) -> Callable[[NWBFile], None]:
    return lambda made: made.add_stimulus(ImageSeries(data=data, **FRAMES, **times or {"timestamps": ONSETS}))


def _more_templates(made: NWBFile) -> None:
    made.add_stimulus_template(ImageSeries(name="more", data=np.zeros((4, 5, 7)), unit="n.a.", rate=1.0))


def _replaced(name: str, *given: object, **options: object) -> Callable[[h5py.File], None]:
    """A dataset of the film by another with the same attributes."""

    def edit(file: h5py.File) -> None:
        film = file["stimulus/presentation/film"]
        attributes = dict(film[name].attrs)
        del film[name]
        film.create_dataset(name, *given, **options).attrs.update(attributes)

    return edit


def _endless(file: h5py.File) -> None:
    file["stimulus/presentation/film/starting_time"].attrs["rate"] = np.float32("inf")


BAD = {
    "a name of no image": (
        {"images": "Images", "stimulus": "trials", "image_id": ["image0", "cat", "image1", "image1"]},
        "column image_id of trials names 'cat'; allowed are names of images in natural_images",
    ),
    "half of an image": (
        {"frame": [0.0, 1.5, 2, 3]},
        "column frame of trials holds 1.5; allowed are whole numbers from 0 to 3",
    ),
    "two numbers a row": (
        {"frame": np.zeros((4, 2))},
        "column frame of trials holds float64 (4, 2); allowed are names or numbers of images, one a row",
    ),
    "templates of which one is meant": (
        {"add": _more_templates, "frame": np.arange(4)},
        "trials does not say of which images its frame is: more, natural_images; allowed is one, or an IndexSeries",
    ),
    "blanks alone": ({"frame": [-1.0] * 4}, "trials presents nothing; allowed is 1 image or more"),
    "images of two sizes": (
        {"images": None, "add": lambda made: _pictures(made, a=np.zeros((5, 7)), b=np.zeros((5, 8)))},
        "pictures has images of 5 x 7 float64 and 5 x 8 float64; allowed is one size and type",
    ),
    "a pixel's line": (
        {"images": None, "add": _film(np.zeros((4, 5, 7, 2)))},
        "film has images of the shape (5, 7, 2); allowed is (height, width), or (height, width, 3) in colour",
    ),
    "images that are only announced": (
        {"images": None, "add": _film(np.zeros((4, 5, 7))), "edit": _replaced("data", (4, 10**4, 10**4), "f4")},
        "film has images of 10000 x 10000 pixels; allowed are 64 MB an image",
    ),
    "fewer times than frames": (
        {"images": None, "add": _film(np.zeros((4, 5, 7))), "edit": _replaced("timestamps", data=ONSETS[:3])},
        "film has timestamps of the shape (3,); allowed is one for each of its 4 samples",
    ),
    "a rate of nothing": (
        {"images": None, "add": _film(np.zeros((4, 5, 7)), rate=1.0), "edit": _endless},
        "film has neither timestamps nor a rate; it must have one of them",
    ),
    "text for images": (
        {"images": None, "add": _film(np.zeros((4, 5, 7))), "edit": _replaced("data", data=np.full((4, 5, 7), b"a"))},
        "film holds no array of numbers; it must",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_refused(refusal, fault):
    given, said = BAD[fault]
    assert refusal(**given).startswith(said)
