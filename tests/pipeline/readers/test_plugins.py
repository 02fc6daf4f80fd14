"""A lab's own reader: the package of docs/how-to/new-reader.md, installed beside, and packages that are broken."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.readers import find, formats, read
from pipeline.readers.checks import check_recording
from pipeline.readers.options import Options

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "new-reader.md"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of one module, with its entry points, as pip would leave it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    installed = []

    def run(package: str, code: str, points: str) -> None:
        (site / f"{package}.py").write_text(code)
        metadata = site / f"{package}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[hypercolumn.readers]\n{points}\n")
        installed.append(package)

    yield run
    for package in installed:
        sys.modules.pop(package, None)


@pytest.fixture
def lab_file(tmp_path) -> Path:
    """What the reader of the page reads: a file of numpy's format .npz."""
    generator = np.random.default_rng(0)
    path = tmp_path / "session.lab.npz"
    images = generator.integers(0, 256, (20, 6, 6), dtype=np.uint8)
    np.savez(path, images=images, shown=np.tile(np.arange(20), 3), spikes=generator.poisson(3.0, (60, 4)))
    return path


def test_the_reader_of_the_page(install, lab_file):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    points = re.search(
        r"```toml\n.*?\[project.entry-points.\"hypercolumn.readers\"\]\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    install("lab_reader", blocks[0], points[1].strip().replace('"', ""))
    assert formats()[-1] == "lab"
    for name in ("auto", "lab"):
        assert find(lab_file, name).name == "lab"
        found = read(lab_file, name, Options(split=(0.6, 0.2, 0.2), size=(3, 3)))
        assert found.test_responses.shape == (3, 4, 4)
        assert found.train_images.shape == (36, 3, 3)
        assert found.content_sha256()


READER = "name = 'lab'\ndef recognises(path): return True\ndef read(path, options): {}\n"
BROKEN = {
    "no module": ("", "lab = gone", "cannot be loaded (ModuleNotFoundError: No module named 'gone'); repair or"),
    "an error": ("1 / 0", "lab = broken", "cannot be loaded (ZeroDivisionError: division by zero); repair or"),
    "no reader": ("name = 'lab'", "lab = broken", "has no functions recognises(path) and read(path, options)"),
    "another name": (READER.format("pass"), "other = broken", "calls itself 'lab'; both names must be the same"),
    "a built-in name": ("1 / 0", "hdf5 = broken", "has the name of a built-in one; it must take another"),
    "a long name": (READER.format("pass"), f"{'x' * 33} = broken", "has a name of 33 characters; allowed are 32"),
    "nothing read": (READER.format("pass"), "lab = broken", "gave NoneType; allowed are Recording and Presentations"),
    "a fault": (READER.format("[][1]"), "lab = broken", "failed (IndexError: list index out of range); its authors"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_package_is_named(install, lab_file, recording_file, fault):
    code, point, said = BROKEN[fault]
    install("broken", code, point)
    name = point.partition(" ")[0]
    for file_format in ("auto", name) if name != "hdf5" else ("auto",):
        with pytest.raises(UserError) as caught:
            read(lab_file, file_format)
        assert f"reader {name!r} of package broken 1.2 " in str(caught.value)
        assert said in str(caught.value)
    # and does not stand in the way of what is built in
    assert read(recording_file).num_neurons == read(recording_file, "hdf5").num_neurons == 6
    assert "broken" not in sys.modules or fault != "a built-in name"


LAZY = """
import numpy as np
from models.lazy import LazyArray
from pipeline.readers.presentations import Presentations
name = 'lab'
def recognises(path): return True
def rows(start, stop):
    if stop > 15:
        {0}
    return np.ones((stop - start, 4), np.float32)
def read(path, options):
    {1}
    images = np.arange(20, dtype=np.uint8)[:, None, None].repeat(3, axis=1)
    split = ["train"] * 10 + ["validation"] * 5 + ["test"] * 5
    given = dict(images=images, responses=LazyArray((20, 4), np.float32, rows), neurons=dict(depth=[1.5, 2, 3, 4]))
    return Presentations(**dict(image_of_trial=range(20), split_of_trial=split) | given | wrong)
"""
LATE = {
    "an error": ("[][1]", "wrong = {}", "failed (IndexError: list index out of range); its authors can mend it"),
    "of no file": ("raise OSError('lost')", "wrong = {}", "failed (OSError: lost); its authors can mend it"),
    "other rows": ("stop -= 1", "wrong = {}", "rows 15 to 20 of responses, float32 (20, 4), are float32 (4, 4)); its"),
    "no array": ("", "wrong = dict(responses=[])", "failed (AttributeError: 'list' object has no attribute 'dtype')"),
    "texts": ("", "wrong = dict(images=np.full((20, 3, 3), 'a'))", "failed (TypeError: images holds <U1; allowed are "),
    "a short column": ("", "wrong = dict(neurons=dict(depth=[1.5]))", "neurons['depth'] has the shape (1,), and there"),
}  # fmt: skip


@pytest.mark.parametrize("fault", LATE)
def test_arrays_that_fail_later(install, lab_file, fault):
    late, wrong, said = LATE[fault]
    install("broken", LAZY.format(late or "pass", wrong), "lab = broken")
    with pytest.raises(UserError) as caught:
        read(lab_file).content_sha256()
    assert str(caught.value).startswith(f"{lab_file}: reader 'lab' of package broken 1.2 failed (")
    assert said in str(caught.value)


TRIALS = {
    "images from 1": ("image_of_trial=range(1, 21)", "image_of_trial holds 20; allowed are the numbers of its"),
    "a blank": ("image_of_trial=[*range(19), -1]", "image_of_trial holds -1; allowed are the numbers of its"),
    "times": ("image_of_trial=np.arange(20.0)", "image_of_trial is float64 (20,); allowed is a number of each trial"),
    "fewer responses": ("responses=np.ones((19, 4))", "responses are (19, 4); allowed are (20 trials, neurons)"),
    "fewer splits": ("split_of_trial=['train']", "split_of_trial is (1,); allowed is one for each of 20 trials"),
    "another split": ("split_of_trial=['val'] * 20", "split_of_trial holds 'val'; allowed are train, validation, test"),
    "truths": ("images=np.ones((20, 3, 3), bool)", "images are bool; allowed are numbers"),
}  # fmt: skip


@pytest.mark.parametrize("fault", TRIALS)
def test_trials_that_do_not_fit_together(install, lab_file, fault):
    wrong, said = TRIALS[fault]
    install("broken", LAZY.format("pass", f"wrong = dict({wrong})"), "lab = broken")
    with pytest.raises(UserError) as caught:
        read(lab_file)
    assert str(caught.value).startswith(f"{lab_file}: {said}")


SORTED = """
import numpy as np
from models.recording import Recording
name = 'lab'
def recognises(path): return True
def read(path, options):
    images, responses = np.arange(36.0).reshape(4, 3, 3), np.arange(8.0).reshape(4, 2)
    return Recording(images, responses, images, responses, images, responses[None], neurons=dict(area=['V1', 'LM']))
"""


def test_a_recording_that_is_sorted_already(install, lab_file):
    install("lab_sorted", SORTED, "lab = lab_sorted")
    found = read(lab_file, options=Options(units="area=LM", crop=(1, 0, 0, 0)))
    assert found.test_responses[:].tolist() == [[[1], [3], [5], [7]]]
    assert found.train_images[0:1].tolist() == [[[3, 4, 5], [6, 7, 8]]]
    assert found.neurons["neuron_id"].tolist() == [1]
    with pytest.raises(UserError, match="has a split of its own; leave out split"):
        read(lab_file, options=Options(split=(0.8, 0.1, 0.1)))


def test_arrays_that_are_read_later(install, lab_file):
    install("lazy", LAZY.format("pass", "wrong = {}"), "lab = lazy")
    found = read(lab_file)
    assert found.test_responses[:].sum() == 20
    check_recording(found, "lazy")


def test_two_packages_of_one_name(install, lab_file):
    install("one", READER.format("pass"), "lab = one")
    install("two", READER.format("pass"), "lab = two")
    with pytest.raises(UserError, match=r"reader 'lab' of package two 1.2 has the name of another package's"):
        read(lab_file, "lab")
