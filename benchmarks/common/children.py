"""Networks in processes of their own, which take a training step when they are told to (`networks.told`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from networks.told import Setting

BENCHMARKS = Path(__file__).resolve().parents[1]


class Child:
    """A network that waits. `step` tells it and gives what its step took: `wall_s`, `user_s`, `loss`, `peak_mib`."""

    def __init__(self, network: str, setting: Setting, python: Path | str = sys.executable) -> None:
        command = [python, "-W", "ignore", "-m", f"networks.{network}", json.dumps(asdict(setting))]
        threads = str(setting.threads)
        self._network = network
        self._process = subprocess.Popen(
            command, cwd=BENCHMARKS, env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("step\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._gone()

    def answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._gone()
        return json.loads(line)

    def step(self) -> dict[str, float]:
        self.tell()
        return self.answer()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _gone(self) -> None:
        sys.exit(f"{self._network} ended by itself, with code {self._process.wait()}; what it said stands above")


@contextmanager
def children(wanted: Sequence[tuple[str, Setting, Path | str]]) -> Iterator[list[Child]]:
    """All started; at the end, all ended."""
    with ExitStack() as stack:
        started = []
        for network, setting, python in wanted:
            started.append(Child(network, setting, python))
            stack.callback(started[-1].end)
        yield started
