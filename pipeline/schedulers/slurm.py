"""Slurm: workers as an array of jobs, by one plain sbatch script that hides nothing."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import datajoint as dj
import jinja2

from pipeline.errors import UserError

WARNING = 60  # seconds before the time limit; a worker needs 10, and Slurm's clock is coarse
SCRIPTS = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.schedulers"),
    autoescape=False,  # it is a shell's language, and what is put in is quoted for it
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Job:
    """What Slurm is asked for: so many workers, and for each of them so much; None leaves it to the cluster."""

    workers: int
    log_dir: Path
    worker_options: tuple[str, ...] = ()
    cpus: int = 1
    gres: str | None = None
    mem: str | None = None
    partition: str | None = None
    time: str | None = None

    def script(self) -> str:
        """The whole sbatch script. Raises UserError where a value would not be one line of it."""
        command = [sys.executable, "-P", "-m", "pipeline", "worker", *self.worker_options]
        for word in [*self._options(), *command]:
            if not word.isprintable():
                raise UserError(
                    f"{word!r} has a line break or another control character, which sbatch cannot read; take it out"
                )
        options = map(shlex.quote, self._options())  # which sbatch reads as a shell does
        return SCRIPTS.get_template("slurm.sh").render(options=options, worker=shlex.join(command))

    def submit(self) -> str:
        """Hand the script to sbatch and give the job's number; needs a connection to the database.

        Raises UserError where Slurm is not there, refuses, or would start workers that cannot reach the database.
        """
        script = self.script()
        self._check_reach()
        self.log_dir.mkdir(parents=True, exist_ok=True)
        # The options once more, since sbatch prefers its variables SBATCH_* to what a script says.
        said = _run("sbatch", "--parsable", *self._options(), script=script)
        return said.split()[-1].partition(";")[0]  # the cluster's name may follow

    def _options(self) -> list[str]:
        asked = {"gres": self.gres, "mem": self.mem, "partition": self.partition, "time": self.time}
        logs = str(self.log_dir.absolute()).replace("%", "%%")
        return [
            "--job-name=hypercolumn",
            f"--array=1-{self.workers}",
            "--nodes=1",
            "--ntasks=1",
            f"--cpus-per-task={self.cpus}",
            *(f"--{name}={value}" for name, value in asked.items() if value is not None),
            f"--chdir={Path.cwd()}",
            f"--output={logs}/%A_%a.log",
            "--open-mode=append",
            "--requeue",
            f"--signal=B:USR1@{WARNING}",
            "--export=ALL",
        ]

    def _check_reach(self) -> None:
        """Workers on other machines reach neither the embedded server's socket nor a server on the loopback."""
        host = dj.config["database.host"]
        if not host.startswith(("/", "127.")) and host not in ("localhost", "::1"):
            return
        partition = [] if self.partition is None else [f"--partition={self.partition}"]
        nodes = _run("sinfo", "--noheader", "--Node", "--format=%n", *partition).split()
        here = platform.node().partition(".")[0]
        others = sorted({node for node in nodes if node.partition(".")[0] != here})
        if others:
            named = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            raise UserError(
                f"the database at {host} can be reached from this machine only, but Slurm has workers start on "
                f"{named} too; configure DataJoint with a server for all of them (datajoint.json or DJ_HOST), or "
                "choose a --partition of this machine alone"
            )


def _run(program: str, *arguments: str, script: str | None = None) -> str:
    try:
        done = subprocess.run([program, *arguments], input=script, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UserError(
            f"{program} is not on the PATH; submit where Slurm's commands are, or print the script with --dry-run"
        ) from error
    if done.returncode:
        reason = "; ".join(done.stderr.replace(f"{program}: error: ", "").splitlines())
        raise UserError(
            f"{program} refuses ({reason}); ask for what `sinfo` shows, or print the script with --dry-run and mend it"
        )
    return done.stdout
