"""All checks, in the order in which one builds on the other."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.doctor import machine, packages
from pipeline.doctor.finding import Finding, guarded


def examine(*, start: bool = False) -> list[Finding]:
    """What is found; nothing is changed, but for a file in the store that is removed again.

    start: whether an embedded server that does not run is started, and stopped again.
    """

    def server() -> Iterator[Finding]:
        from pipeline.doctor.server import check  # now: DataJoint may be missing, or refuse its configuration

        yield from check(start=start)

    checks = {
        "packages": packages.check,
        "code": packages.check_code,
        "machine": machine.check,
        "device": machine.check_device,
        "server": server,
        "Slurm": machine.check_scheduler,
    }
    return [finding for what, check in checks.items() for finding in guarded(what, check)]
