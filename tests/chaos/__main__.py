"""Many workers, many short trainings, and everything that can end a process: afterwards every row is right.

    python tests/chaos                              8 workers, 200 trainings, the embedded server; about 10 minutes
    python tests/chaos --server mariadb --seed 1    the same on a MariaDB, which it starts by itself

At random times, which follow from the seed, workers are killed (SIGKILL) or preempted (SIGTERM) and started again,
and the server itself is killed. In the end each training must have its row, its parts and its file, computed once,
with the numbers of an undisturbed run; nothing may be left over. Ends with exit code 0 if all that holds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "helpers"))
from own_servers import Embedded, MariaDB  # noqa: E402

SERVERS = {"embedded": Embedded, "mariadb": MariaDB}
POLL = "0.5"  # seconds


class Workers:
    """Processes that work; each that is ended is started again."""

    def __init__(self, count: int, variables: dict[str, str], log: Path) -> None:
        self.variables, self.log = variables, log
        self.running = [self.begin() for _ in range(count)]
        self.ends: list[float] = []  # seconds that the preempted ones took to end
        self.codes: Counter[int] = Counter()

    def begin(self) -> subprocess.Popen:
        with self.log.open("ab") as log:
            command = [sys.executable, "-P", str(HERE / "worker.py"), "worker", "--poll", POLL, "--device", "cpu"]
            return subprocess.Popen(command, env=os.environ | self.variables, stdout=log, stderr=log)

    def end(self, which: int, number: signal.Signals) -> None:
        process, began = self.running[which], time.monotonic()
        process.send_signal(number)
        process.wait(timeout=60)
        if number == signal.SIGTERM:
            self.ends.append(time.monotonic() - began)
        self.codes[process.returncode] += 1
        self.running[which] = self.begin()

    def end_all(self) -> None:
        began = time.monotonic()
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(timeout=60)
            self.codes[process.returncode] += 1
            self.ends.append(time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=SERVERS, default="embedded")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--kills", type=int, default=25, help="SIGKILLs of workers")
    parser.add_argument("--terms", type=int, default=10, help="SIGTERMs of workers")
    parser.add_argument("--server-kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in [name for name in os.environ if name.startswith("DJ_") or name == "HYPERCOLUMN_PREFIX"]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="hypercolumn-chaos-"))
    server = SERVERS[options.server](folder)
    try:
        os.environ.update(server.variables, CHAOS_NOTES=str(folder / "notes"))
        return run(options, server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(options: argparse.Namespace, server: Embedded | MariaDB, folder: Path) -> int:
    import checks

    checks.declare(options.tasks)
    began = time.monotonic()
    expected = checks.undisturbed(options.tasks)
    print(f"undisturbed, one process: {time.monotonic() - began:.0f} s")

    notes = folder / "notes"
    notes.touch()
    chance = random.Random(options.seed)
    events = ["SIGKILL"] * options.kills + ["SIGTERM"] * options.terms + ["server"] * options.server_kills
    chance.shuffle(events)
    times = sorted(chance.uniform(0.02, 0.9) * options.tasks for _ in events)  # in trainings that are done
    began = time.monotonic()
    workers = Workers(options.workers, server.variables, folder / "log")
    try:
        while not checks.all_done(options.tasks):
            done = len(notes.read_text().splitlines())
            if times and done >= times[0]:
                times.pop(0)
                event = events.pop()
                time.sleep(chance.uniform(0, 0.5))
                print(f"{time.monotonic() - began:6.1f} s, {done:3d} computed: {event}", flush=True)
                if event == "server":
                    server.kill()
                    time.sleep(chance.uniform(0, 3))
                    server.start()
                else:
                    workers.end(chance.randrange(options.workers), signal.Signals[event])
            elif any(process.poll() is not None for process in workers.running):
                print((folder / "log").read_text()[-3000:])
                print("FAILED: a worker ended by itself")
                return 1
            elif failures := checks.failures():
                print("\n".join(f"FAILED: {line}" for line in failures))
                return 1
            time.sleep(0.1)
        print(f"disturbed, {options.workers} workers: {time.monotonic() - began:.0f} s")
    finally:
        workers.end_all()
    # What was killed behind its last row left its job and its state to the next worker.
    subprocess.run(
        [sys.executable, "-P", str(HERE / "worker.py"), "worker", "--once", "--device", "cpu"],
        env=os.environ | server.variables, check=True, capture_output=True,
    )  # fmt: skip
    computed = Counter(notes.read_text().split())
    print(f"computed {computed.total()} times for {len(computed)} trainings; "
          f"longest end after SIGTERM {max(workers.ends):.1f} s; exit codes {dict(workers.codes)}")  # fmt: skip
    troubles = checks.troubles(options.tasks, expected)
    if events:
        troubles.append(f"{len(events)} events did not happen")
    if max(workers.ends) > 10:
        troubles.append("a worker took more than 10 s to end")
    # only a process that is killed between its computation and its row has it computed again
    if computed.total() - len(computed) > options.kills + options.server_kills * options.workers:
        troubles.append("trainings were computed more often than processes were killed")
    for trouble in troubles:
        print(f"FAILED: {trouble}")
    if troubles:
        print((folder / "log").read_text()[-3000:])
    print("all is as it should be" if not troubles else f"{len(troubles)} troubles")
    return bool(troubles)


if __name__ == "__main__":
    sys.exit(main())
