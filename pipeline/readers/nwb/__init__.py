"""NWB files: images, when each was shown, and the responses of sorted units or of regions of interest.

`docs/how-to/nwb.md` tells what is read from where.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.readers.damage import open_file
from pipeline.readers.nwb.opened import Opened, opened
from pipeline.readers.nwb.responses import read_responses
from pipeline.readers.nwb.splits import read_splits
from pipeline.readers.nwb.stimulus import read_stimulus
from pipeline.readers.options import Options
from pipeline.readers.presentations import Presentations

name = "nwb"
WINDOW = (0.05, 0.55)  # seconds from onset, as in the paper (Ecker et al., ICLR 2019, section 4)
SAID = ("experiment_description", "lab", "institution", "session_id", "surgery", "virus", "stimulus_notes")


def recognises(path: Path) -> bool:
    """Whether it is HDF5 and says which version of NWB it is."""
    try:
        with open_file(path) as file:
            return "nwb_version" in file.attrs
    except Exception:  # of whatever else the file is
        return False


def read(path: Path, options: Options) -> Presentations:
    """Read an NWB file; images and fluorescence are read when they are asked for.

    Raises UserError with one line: pynwb is missing, the file is damaged, what is needed is not there, or there are
    several of it.
    """
    with opened(path) as file:
        shown = read_stimulus(file, options.stimulus)
        splits = read_splits(file, shown)
        num_left_out = 0 if splits is None else int((splits == "").sum())
        window = _window(file, options, shown.onsets)
        found = read_responses(file, options, shown.onsets, window)
        return Presentations(
            images=shown.images,
            image_of_trial=shown.image_of_trial,
            responses=found.responses,
            split_of_trial=splits,
            neurons=found.neurons,
            are_chosen=True,
            attributes=_attributes(file)
            | {
                "nwb_stimulus": shown.source,
                "nwb_responses": f"{found.source}, {window[0]:g} to {window[1]:g} s from onset",
                "left_out": [f"presentations of no split: {num_left_out}"] if num_left_out else [],
            },
        )


def _window(file: Opened, options: Options, onsets: np.ndarray) -> tuple[float, float]:
    start, stop = options.window or WINDOW
    apart = float(np.median(np.diff(np.sort(onsets)))) if len(onsets) > 1 else np.inf
    if options.window is None and apart < (stop - start) * 0.99:  # onsets on a monitor's frames jitter
        raise UserError(
            f"{file.path}: images follow one another after {apart:.3g} s, so that the window of {start:g} to "
            f"{stop:g} s from onset would hold responses to the next; choose a window of at most {apart:.3g} s"
        )
    return start, stop


def _attributes(file: Opened) -> dict[str, str]:
    """What the file says of itself, under the names that a recording has for it."""
    nwb = file.nwb
    subject = nwb.subject
    said = {
        "name": nwb.identifier,
        "description": nwb.session_description,
        "citation": "; ".join(_texts(nwb.related_publications)),
        "experimenter": "; ".join(_texts(nwb.experimenter)),
        "session_start_time": nwb.session_start_time and nwb.session_start_time.isoformat(),
        **{field: getattr(nwb, field) for field in SAID},
        **{field: getattr(subject, field, None) for field in ("subject_id", "species", "strain", "sex", "age")},
    }
    return {field: str(value) for field, value in said.items() if value}


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(one) for one in value]  # type: ignore[attr-defined]
