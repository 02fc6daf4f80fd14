"""What the tests of readers share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from made_up_recordings import unequally_shown
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import read


@pytest.fixture(scope="session")
def shown() -> Recording:
    return unequally_shown()


@pytest.fixture
def refusal() -> Callable[..., str]:
    """What is said of a path that is not read, one line that begins with the path."""

    def run(path: Path, *given: object, **options: object) -> str:
        with pytest.raises(UserError) as caught:
            read(path, *given, **options).content_sha256()
        line = str(caught.value)
        assert line.startswith(str(path))
        assert len(line.splitlines()) == 1
        return line

    return run
