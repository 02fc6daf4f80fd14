"""A database of a script's own, which is gone when it ends."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests"
SERVERS = ("embedded", "mariadb")


@contextmanager
def own_database(server: str = "embedded") -> Iterator[None]:
    """Connected, with all tables declared. To be opened before anything imports DataJoint, which reads where it is.

    Whatever server is configured outside is left alone.
    """
    sys.path.append(str(TESTS / "helpers"))  # where servers that are started for a while are written down
    from own_servers import Embedded, MariaDB

    for name in [name for name in os.environ if name.startswith("DJ_")]:
        del os.environ[name]
    os.environ.pop("HYPERCOLUMN_PREFIX", None)
    with tempfile.TemporaryDirectory(prefix="hypercolumn-") as folder:
        started = {"embedded": Embedded, "mariadb": MariaDB}[server](Path(folder))
        os.environ.update(started.variables)
        try:
            import pipeline

            pipeline.connect()
            yield
        finally:
            started.stop()
