"""From a recording to rows: `Dataset`, its neurons, and the training set of the same name."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from models.hdf5_values import UnstorableError
from models.recording import Recording
from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.names import check_name
from pipeline.readers.checks import Statistics, check_recording, warnings_of
from pipeline.readers.options import Options
from schemas.dataset import Dataset, TrainingSet

TYPED_COLUMNS = {"kind": "U", "x": "f", "y": "f", "orientation": "f", "spatial_frequency": "f"}
DEFAULTS = Options()
COPIED_AT_ONCE = 2**24  # bytes
SENT_AT_ONCE = 2**20  # bytes of rows of neurons, about; a MariaDB takes 16 MiB in one statement
LONGEST_KIND = 64  # characters, as in the definition of `Dataset.Neuron`


def add_recording(
    name: str,
    recording: Recording,
    source: Path | None = None,
    *,
    statistics: Statistics | None = None,
    reader: str = "hdf5",
    options: Options = DEFAULTS,
) -> bool:
    """Declare a recording and a training set of the same name; False where the same content was there already.

    source: the file in the HDF5 layout that holds exactly this; without one, the recording is written anew.
    statistics: of `check_recording`, where that looked at the recording already.
    reader, options: how it was read; kept with the row. The same content that was there already keeps those of the
        first time, since they gave the same arrays.

    However large it is, only chunks of it are in memory. Raises UserError where the recording is bad or the name is
    taken by other content; then nothing is written.
    """
    check_name(name)
    statistics = statistics or check_recording(recording, str(source or name))
    digest = recording.content_sha256()
    if _is_there(name, digest):
        return False
    row = {
        "dataset_name": name,
        "content_sha256": digest,
        "num_neurons": recording.num_neurons,
        "image_height": recording.image_size[0],
        "image_width": recording.image_size[1],
        "num_train": len(recording.train_images),
        "num_validation": len(recording.validation_images),
        "num_test": len(recording.test_images),
        "num_repeats": len(recording.test_responses),
        "attributes": _json(recording.attributes),
        "warnings": warnings_of(recording, statistics),
        "reader": reader,
        "reader_options": options.to_dict() or None,
        "ingested": datetime.now(UTC).replace(tzinfo=None),
    }
    neurons = [{"dataset_name": name} | neuron for neuron in _neurons(recording, statistics)]
    with _layout(recording, source) as content:
        return all_or_nothing(lambda: _insert(row, neurons, content))


def _is_there(name: str, digest: str) -> bool:
    """Raises UserError where the name is taken by something else."""
    known = (Dataset & {"dataset_name": name}).to_arrays("content_sha256")
    if len(known) and known[0] != digest:
        raise UserError(
            f"name {name!r} is taken by a recording of other content (SHA-256 {known[0][:12]}..., this one "
            f"{digest[:12]}...); choose another name"
        )
    if not len(known) and TrainingSet & {"training_set": name}:
        raise UserError(f"name {name!r} is taken by a training set; choose another name")
    return bool(len(known))


def _insert(row: dict[str, Any], neurons: list[dict[str, Any]], content: BinaryIO) -> bool:
    """Insert the rows, and the file of that content; False where another process has done so by now."""
    name = row["dataset_name"]
    if _is_there(name, row["content_sha256"]):
        return False
    staged = None
    try:
        with Dataset().staged_insert1 as staged:  # which leaves no file behind where the insert fails
            staged.rec.update(row)
            content.seek(0)
            with staged.open("recording", ".h5") as file:
                shutil.copyfileobj(content, file, COPIED_AT_ONCE)
        Dataset.Neuron.insert(neurons, chunk_size=_at_once(neurons))
        TrainingSet.insert1({"training_set": name})
        TrainingSet.Member.insert1({"training_set": name, "dataset_name": name})
    except BaseException:
        if staged is not None:
            staged._cleanup()  # its row is taken back with the transaction, and the file must not stay without it
        raise
    return True


@contextmanager
def _layout(recording: Recording, source: Path | None) -> Iterator[BinaryIO]:
    """A file in the HDF5 layout, open: the source, or a temporary one, which is gone afterwards."""
    if source is not None:
        with source.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryDirectory(prefix="hypercolumn-") as folder:
        path = Path(folder, "recording.h5")
        try:
            recording.write(path)
        except UnstorableError as error:
            raise UserError(f"{error}; rename it, leave it out, or make it numbers or text") from error
        with path.open("rb") as file:
            yield file


def _neurons(recording: Recording, statistics: Statistics) -> list[dict[str, Any]]:
    """A row of `Dataset.Neuron` for each neuron."""
    columns = {name: column for name, column in recording.neurons.items() if name != "neuron_id"}
    typed = {name for name in TYPED_COLUMNS if name in columns and _fits(columns[name], TYPED_COLUMNS[name])}
    rates = columns.pop("expected_rate", None)
    rows = []
    for i, neuron_id in enumerate(recording.neuron_id):
        values = {name: _json(column[i]) for name, column in columns.items()}
        rows.append(
            {
                "neuron_id": int(neuron_id),
                "neuron_index": i,
                "mean_response": float(statistics.mean_response[i]),
                "is_silent": bool(statistics.is_silent[i]),
                "expected_rate": None if rates is None else rates[i],
                "properties": {name: value for name, value in values.items() if name not in typed},
                **{name: values[name] for name in typed},
            }
        )
    return rows


def _at_once(neurons: list[dict[str, Any]]) -> int:
    """How many of the rows go in one statement: maps or waveforms of all neurons would be more than a server takes."""
    longest = max(
        len(json.dumps(neuron["properties"])) + getattr(neuron["expected_rate"], "nbytes", 0) for neuron in neurons
    )
    return max(1, SENT_AT_ONCE // (longest + 2**8))  # about what the other columns take


def _fits(column: np.ndarray, kind: str) -> bool:
    """Whether a typed column of `Dataset.Neuron` can take it; otherwise it goes to the properties."""
    if column.dtype.kind != kind or column.ndim != 1:
        return False
    return kind != "U" or bool(np.char.str_len(column).max() <= LONGEST_KIND)


def _json(value: Any) -> Any:
    """Plain Python values that JSON has and every server can hold, with null for what is not finite."""
    if isinstance(value, dict):
        return {_text(str(name)): _json(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, int | float | bool | None) else _text(str(value))


def _text(text: str) -> str:
    """Text without zeros, which PostgreSQL does not hold, and without the stand-ins for bytes that are not UTF-8."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
