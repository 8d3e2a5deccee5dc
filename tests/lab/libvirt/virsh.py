"""Ask a host's libvirt with virsh, the administrator's own tool."""

from __future__ import annotations

import subprocess

from tests.lab.errors import LabError
from tests.lab.libvirt.namespaces import ENVIRONMENT
from tests.lab.libvirt.plan import Plan

TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 4.0


def uri(plan: Plan, host: str) -> str:
    """By the UNIX socket: works from everywhere on this machine, also while the host's network is cut."""
    return f"qemu:///system?socket={plan.socket(host)}"


def virsh(plan: Plan, host: str, commands: str, *, check: bool = True, timeout_s: float = TIMEOUT_S) -> str:
    """
    Run virsh commands, separated by `;`, in one connection to a host; returns what they printed.

    Raises:
        LabError: too slow, or (with `check`) one of them failed.
    """
    try:
        done = subprocess.run(
            ["virsh", "-q", "-c", uri(plan, host), commands],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{host}: virsh {commands}: not done after {timeout_s:.0f} s") from None
    if check and (done.returncode or "error:" in done.stderr):
        raise LabError(f"{host}: virsh {commands}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def answers(plan: Plan, host: str) -> bool:
    """Whether libvirtd of a host answers."""
    try:
        virsh(plan, host, "version", timeout_s=PROBE_TIMEOUT_S)
    except LabError:
        return False
    return True
