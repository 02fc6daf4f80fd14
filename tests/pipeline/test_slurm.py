"""Workers under a real Slurm of one node: submitted, preempted, warned of the time limit, cancelled, refused."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from programs import missing
from schemas.training import TrainedModel
from waiting import eventually

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue")
DAEMONS = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # not in every user's path
MISSING = [program for program in PROGRAMS if not shutil.which(program, path=DAEMONS)]
PATIENCE = 180  # seconds that something may take on a busy machine
# Without cgroups, which a container may lack; with pgid too, Slurm kills what is left of a job when its shell ends.
# `urgent` preempts `main`; `both` has a node that is down.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName={node} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 Gres=gpu:2
NodeName=elsewhere NodeAddr=127.0.0.1 Port={ports[2]} State=DOWN
PartitionName=main Nodes={node} Default=YES
PartitionName=urgent Nodes={node} PriorityTier=2
PartitionName=both Nodes={node},elsewhere
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def until(condition: Callable[[], object]) -> None:
    eventually(condition, patience=PATIENCE, pause=0.1, said=lambda: run("scontrol", "show", "job"))


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def cluster(store, tmp_path_factory) -> Iterator[Path]:
    """A Slurm of this machine alone, on the loopback, in a private folder; gives its configuration."""
    if MISSING:
        missing(f"no {', '.join(MISSING)}: apt install munge slurmctld slurmd slurm-client")
    if os.geteuid():
        pytest.skip("needs root, which starts jobs as their users")
    folder = tmp_path_factory.mktemp("slurm")
    node = platform.node().partition(".")[0]
    (folder / "controller").mkdir()
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    (folder / "gres.conf").write_text(f"NodeName={node} Name=gpu File={folder}/gpu[0-1]\n")
    for device in ("gpu0", "gpu1"):
        (folder / device).touch()
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(node=node, folder=folder, ports=free_ports(3)))
    files = {name: f"{folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")}
    munge = [f"--{name}={path}" for name, path in files.items()]
    daemons = [
        ("munged", "--foreground", "--force", f"--key-file={folder}/key", *munge),  # force: nobody else may enter
        ("slurmctld", "-D", "-f", configuration),
        ("slurmd", "-D", "-f", configuration, "-N", node),
    ]
    processes = []
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("w") as log:
        patch.setenv("SLURM_CONF", str(configuration))
        patch.setenv("PATH", DAEMONS)
        try:
            for daemon in daemons:
                processes.append(subprocess.Popen(daemon, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
                if daemon[0] == "munged":
                    eventually((folder / "munge.socket").exists, patience=PATIENCE, said=(folder / "log").read_text)
            until(lambda: "idle" in run("sinfo", "--noheader", "--partition=main", "--format=%T"))
            yield configuration
            run("scancel", "--user=root")
            until(lambda: not run("squeue", "--noheader"))
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(timeout=PATIENCE)


@pytest.fixture
def submit(cluster, command, tmp_path, monkeypatch) -> Iterator[Callable[..., str]]:
    """Submit workers from a folder of an awkward name; gives the job's number, and cancels it in the end."""
    folder = tmp_path / "the l'ab #1 100%"
    folder.mkdir()
    monkeypatch.chdir(folder)
    jobs = []

    def submit(*arguments: object) -> str:
        code, out, err = command("submit", "--scheduler", "slurm", *arguments)
        assert (code, err) == (0, "")
        jobs.append(re.match(r"job (\d+): ", out)[1])
        return jobs[-1]

    yield submit
    for job in jobs:
        run("scancel", job)
    until(lambda: not run("squeue", "--noheader"))


def states(job: str) -> list[str]:
    return re.findall(r"JobState=(\w+)", run("scontrol", "show", "job", job))


def holder(key: dict) -> int | None:
    """The process that holds the job of a task."""
    held = (TrainedModel.jobs.reserved & key).to_dicts()
    return held[0]["pid"] if held else None


def test_two_workers_do_what_is_declared(submit, declare, command, monkeypatch):
    monkeypatch.setenv("SBATCH_TIMELIMIT", "5")  # a site's defaults do not replace what was asked for
    password = os.environ.get("DJ_PASS", "a password")
    monkeypatch.setenv("DJ_PASS", password)
    keys = [declare("quick", seed) for seed in range(60, 64)]
    for_each = {"gres": "gpu:1", "mem": "100M", "cpus": 2, "partition": "main", "time": "1:00:00"}
    asked = ["--workers=2", *(f"--{name}={value}" for name, value in for_each.items())]
    for_workers = ("--", "--table", "TrainedModel")
    code, printed, err = command("submit", "--scheduler", "slurm", *asked, "--dry-run", *for_workers)
    assert (code, err) == (0, "")
    assert list(Path.cwd().iterdir()) == []
    assert not run("squeue", "--noheader")

    job = submit(*asked, *for_workers)
    until(lambda: not run("squeue", "--noheader"))
    assert states(job) == ["COMPLETED", "COMPLETED"]
    assert all(len(TrainedModel & key) == 1 for key in keys)
    assert set(TrainedModel.jobs.to_arrays("status")) <= {"success"}
    shown = run("scontrol", "show", "job", job)
    for value in ("NumCPUs=2", "TresPerNode=gres:gpu:1", "MinMemoryNode=100M", "Partition=main", "TimeLimit=01:00:00"):
        assert shown.count(value) == 2, value
    script = run("scontrol", "write", "batch_script", f"{job}_1", "-").rstrip("\0\n")
    assert script == printed.rstrip("\n")
    logs = [Path("hypercolumn-logs", f"{job}_{task}.log").read_text() for task in (1, 2)]
    assert all(text.strip() for text in logs)
    assert not any(password in text for text in [script, *logs])


def test_a_preempted_worker_gives_its_task_to_another(submit, declare):
    key = declare("endless", 64)
    modest = submit("--workers", 1, "--partition", "main")
    until(lambda: holder(key))
    first = holder(key)

    # Slurm ends and requeues the first worker, since the second needs the whole node.
    urgent = submit("--workers", 1, "--partition", "urgent", "--cpus", 4)
    until(lambda: holder(key) not in (None, first))
    second = holder(key)
    assert (states(modest), states(urgent)) == (["PENDING"], ["RUNNING"])
    run("scancel", urgent)
    until(lambda: states(urgent) == ["CANCELLED"])
    until(lambda: not run("squeue", "--noheader", f"--job={urgent}"))
    assert holder(key) is None

    # Slurm lets a requeued job wait for two minutes; the same script then starts again.
    run("scontrol", "update", f"JobId={modest}", "StartTime=now")
    until(lambda: holder(key))
    assert holder(key) not in (first, second)

    # What Slurm does itself before the time limit.
    run("scancel", "--batch", "--signal=USR1", f"{modest}_1")
    until(lambda: states(modest) == ["PENDING"])
    assert "Restarts=2" in run("scontrol", "show", "job", modest)
    assert holder(key) is None
    assert not TrainedModel.jobs.errors & key


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--workers", "1", "--cpus", "many"], "'many' is not a valid integer"),
        (["--workers", "1", "--", "--fast"], "no such option '--fast'"),
        (["--workers", "1", "--gres", "gpu:1\nrm -r x"], "has a line break or another control character"),
        (["--workers", "1", "--partition", "nowhere"], "Invalid partition name specified"),
        (["--workers", "1", "--partition", "main", "--gres", "gpu:3"], "node configuration is not available"),
        (["--workers", "1", "--partition", "main", "--time", "soon"], "Invalid --time specification"),
        (["--workers", "1"], "from this machine only, but Slurm has workers start on elsewhere too"),
    ],
)
def test_refused(cluster, refused, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused("submit", "--scheduler", "slurm", *arguments)
    assert not run("squeue", "--noheader")


def test_without_slurm(refused, connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    line = refused("submit", "--scheduler", "slurm", "--workers", "1")
    assert re.match(r"hypercolumn: s\w+ is not on the PATH; submit where .* with --dry-run$", line)
