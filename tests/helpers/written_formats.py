"""Recordings written in the formats that are read, with the original's own pickle where that is one."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np

from models.recording import Recording

SHORT = {"train": "train", "validation": "val", "test": "test"}


def trials_of(recording: Recording) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, their numbers, responses and splits, a row a trial; the test set repeat by repeat."""
    repeat, image = np.nonzero(np.isfinite(recording.test_responses).any(axis=2))
    sets = [len(recording.train_images), len(recording.validation_images), len(image)]
    images = np.concatenate([recording.train_images, recording.validation_images, recording.test_images[image]])
    numbers = np.concatenate([np.arange(sets[0] + sets[1]), 10**6 - image])
    responses = (recording.train_responses, recording.validation_responses, recording.test_responses[repeat, image])
    return images, numbers, np.concatenate(responses), np.repeat(["train", "validation", "test"], sets)


def write_sensorium(recording: Recording, folder: Path, *, ids: bool = True, tiers: bool = True) -> Path:
    images, numbers, responses, splits = trials_of(recording)
    for part in ("data/images", "data/responses", "meta/trials", "meta/neurons"):
        (folder / part).mkdir(parents=True)
    for trial, (image, response) in enumerate(zip(images, responses, strict=True)):
        np.save(folder / f"data/images/{trial}.npy", image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0))
        np.save(folder / f"data/responses/{trial}.npy", response)
    if ids:
        np.save(folder / "meta/trials/frame_image_id.npy", numbers)
    if tiers:
        np.save(folder / "meta/trials/tiers.npy", splits)
    for name, column in recording.neurons.items():
        np.save(folder / f"meta/neurons/{'unit_ids' if name == 'neuron_id' else name}.npy", column)
    return folder


def zipped(folder: Path) -> Path:
    """As it is published: an archive of the folder, below its name."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def write_pickle(recording: Recording, path: Path, protocol: int = 4, **others: Any) -> Path:
    """`Dataset` of the original release; it has no columns of neurons."""
    dataset = _original_class("data", "Dataset")()
    for split, short in SHORT.items():
        setattr(dataset, f"images_{short}", getattr(recording, f"{split}_images")[..., None])
        setattr(dataset, f"responses_{short}", getattr(recording, f"{split}_responses"))
    dataset.responses_test = np.asfortranarray(dataset.responses_test)  # as the original's comes out
    vars(dataset).update(num_neurons=recording.num_neurons, train_perm=[], minibatch_idx=1e10, input_shape=[None, 1])
    vars(dataset).update(px_x=np.int64(recording.image_size[1]), sd=np.float32(2), **others)
    with path.open("wb") as file:
        pickle.dump(dataset, file, protocol)
    del sys.modules["data"]
    return path


def _original_class(module: str, name: str) -> type:
    made = type(name, (), {"__module__": module})
    sys.modules[module] = ModuleType(module)
    setattr(sys.modules[module], name, made)
    return made


def write_scans(recording: Recording, folder: Path, areas: dict[str, slice] | None = None) -> Path:
    """The three files of a scan; or, of several areas, files for each and scans.yaml, which names them."""
    folder.mkdir(exist_ok=True)
    images, numbers, responses, splits = trials_of(recording)
    lines = []
    for area, columns in (areas or {"": slice(None)}).items():
        names = {split: f"{split}{area}.h5" for split in SHORT}
        for split, name in names.items():
            with h5py.File(folder / name, "w") as file:
                file["inputs"] = images[splits == split][:, None]
                file["responses"] = responses[splits == split][:, columns]
                file["image_ids"] = numbers[splits == split]
                file["info/unit_ids"] = recording.neuron_id[columns]
        lines.append("- {" + ", ".join(f"{split}: {name}" for split, name in names.items()) + f", area: {area}}}\n")
    if areas:
        (folder / "scans.yaml").write_text("".join(lines))
    return folder


def packed_by(code: int, where: str) -> Callable[[h5py.File], None]:
    """Writes a dataset anew, packed by a filter of this number, as if that were there; its attributes stay."""

    def change(file: h5py.File) -> None:
        values, attributes = file[where][()], dict(file[where].attrs)
        del file[where]
        packing = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        packing.set_chunk(values.shape)
        packing.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        kind, space = h5py.h5t.py_create(values.dtype), h5py.h5s.create_simple(values.shape)
        made = h5py.h5d.create(file.id, where.encode(), kind, space, packing)
        made.write_direct_chunk((0,) * values.ndim, values.tobytes())
        file[where].attrs.update(attributes)

    return change
