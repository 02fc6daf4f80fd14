"""Embedded servers for real, each stopped in the end."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.database.embedded import EmbeddedServer


@pytest.fixture
def serve():
    """Make servers that are stopped in the end, whatever happened."""
    servers = []

    def make(home: Path) -> EmbeddedServer:
        servers.append(EmbeddedServer(home))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)  # pytest would keep gigabytes


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Iterator[Path]:
    """A home with an empty database: a second's work, done once."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    server = EmbeddedServer(home)
    try:
        assert server.start()
    finally:
        server.stop()
    yield home
    shutil.rmtree(home)


@pytest.fixture
def server(prepared, tmp_path, serve) -> EmbeddedServer:
    """A stopped server of its own; that it starts shows too that a home can be moved."""
    home = tmp_path / "home"
    subprocess.run(["cp", "-a", prepared, home], check=True)
    return serve(home)


@pytest.fixture(scope="module")
def running(prepared):
    """A server that tests share, as they only look at it."""
    server = EmbeddedServer(prepared)
    server.start()
    yield server
    server.stop()
