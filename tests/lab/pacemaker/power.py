"""Power of the cluster machines: a node's disk is prepared once, and power on starts its daemons."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab import machines
from tests.lab.errors import LabError
from tests.lab.machines import init_pid
from tests.lab.pacemaker import content, namespaces, ssh
from tests.lab.pacemaker.namespaces import ENVIRONMENT, SCRIPTS
from tests.lab.pacemaker.network import plug
from tests.lab.pacemaker.plan import MANAGEMENT, Plan

NOTES = ("cut", "halted", "booting")
CLUSTER_USER = ("hacluster", "haclient")
PRIVATE_FOLDERS = (
    "etc/corosync",
    "etc/gateway-agent",
    "etc/pacemaker",
    "usr/local/lib/gateway-agent",
    "var/lib/corosync",
    "var/lib/gateway-agent",
    "var/lib/pacemaker",
    "var/log",
)
COROSYNC_START_TIMEOUT_S = 15.0


def power_on(plan: Plan, machine: str) -> None:
    """Boot a node or remote node that has no power: namespaces, network, sshd and cluster daemons."""
    with _switch_in_hand(plan, machine):
        _boot(plan, machine)


def power_off(plan: Plan, machine: str) -> None:
    """Pull the power cord."""
    with _switch_in_hand(plan, machine):
        namespaces.power_off(plan.own(machine))


def start_management(plan: Plan, address: str) -> None:
    """Boot the management machine."""
    own = plan.own(MANAGEMENT)
    own.mkdir(exist_ok=True)
    namespaces.hold(own, "management.sh", ("m", "n"), str(plan.shared))
    plug(plan, MANAGEMENT, address)


@contextlib.contextmanager
def _switch_in_hand(plan: Plan, machine: str) -> Iterator[None]:
    """Only one at a time, the lab's user or its power controllers, switches a machine."""
    with (plan.own(machine) / "power.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _boot(plan: Plan, machine: str) -> None:
    own = plan.own(machine)
    if init_pid(own) is not None:
        return
    _prepare_disk(plan, machine)
    for note in ("cut", "halted"):
        plan.mark(machine, note).unlink(missing_ok=True)
    namespaces.hold(own, "init.sh", machines.FULL, str(plan.shared))
    plug(plan, machine, plan.machines[machine])
    _start(plan, machine, *ssh.daemon(plan))
    if machine in plan.remotes:
        _start(plan, machine, "/usr/sbin/pacemaker-remoted")
        return
    _start(plan, machine, "corosync", "-f")
    _await_corosync(plan, machine)
    _start(plan, machine, "pacemakerd", "-f")


def _prepare_disk(plan: Plan, machine: str) -> None:
    own = plan.own(machine)
    for folder in (*PRIVATE_FOLDERS, "overlay", "tools", "var/log/corosync"):
        _folder(own / folder)
    for folder in ("", "blackbox", "cib", "cores", "pengine"):
        _folder(own / "var/lib/pacemaker" / folder, CLUSTER_USER, 0o750)
    _folder(own / "var/log/pacemaker", CLUSTER_USER, 0o770)
    _folder(own / "etc/pacemaker", ("root", CLUSTER_USER[1]), 0o750)
    (own / "private-folders").write_text(" ".join(PRIVATE_FOLDERS))
    for tool in ("fence_halab", "Svc"):
        shutil.copy(SCRIPTS / tool, own / "tools" / tool)
        (own / "tools" / tool).chmod(0o755)
    identity = hashlib.sha256(f"{plan.authkey} {machine}".encode()).hexdigest()[:32]
    (own / "etc/machine-id").write_text(identity + "\n")
    _write_shadow(own / "etc/shadow")
    key = own / "etc/pacemaker/authkey"
    key.write_bytes(bytes.fromhex(plan.authkey))
    shutil.chown(key, "root", CLUSTER_USER[1])
    key.chmod(0o640)
    if machine in plan.remotes:
        shutil.copy(plan.remoted, own / "tools/pacemaker-remoted")
        return
    (own / "etc/corosync/corosync.conf").write_text(_corosync_conf(plan))
    cib = own / "var/lib/pacemaker/cib/cib.xml"
    if not cib.exists():
        cib.write_text(content.cib(plan))
        shutil.chown(cib, *CLUSTER_USER)
        cib.chmod(0o600)


def _write_shadow(path: Path) -> None:
    """Accounts without passwords: sshd refuses a locked account, and a lab needs nobody's hashes."""
    accounts = [line.split(":", 1)[0] for line in Path("/etc/passwd").read_text().splitlines()]
    path.write_text("".join(f"{account}:*:19000:0:99999:7:::\n" for account in accounts))
    path.chmod(0o600)


def _folder(path: Path, owner: tuple[str, str] | None = None, mode: int = 0o755) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if owner:
        shutil.chown(path, *owner)


def _corosync_conf(plan: Plan) -> str:
    members = "\n".join(
        f"node {{\n name: {name}\n nodeid: {number}\n ring0_addr: {address}\n}}"
        for number, (name, address) in enumerate(plan.nodes.items(), 1)
    )
    two_node = " two_node: 1\n" if len(plan.nodes) == 2 else ""
    return (
        f"totem {{\n version: 2\n cluster_name: {plan.name}\n transport: knet\n crypto_cipher: none\n"
        f" crypto_hash: none\n token: {plan.token_ms}\n}}\n"
        "system {\n move_to_root_cgroup: no\n sched_rr: no\n}\n"
        "logging {\n to_syslog: no\n to_logfile: yes\n logfile: /var/log/corosync/corosync.log\n timestamp: hires\n}\n"
        f"quorum {{\n provider: corosync_votequorum\n{two_node}}}\nnodelist {{\n{members}\n}}\n"
    )


def _start(plan: Plan, machine: str, *command: str) -> None:
    own = plan.own(machine)
    with (own / "var/log/daemons.log").open("ab") as log:
        subprocess.Popen(
            [*machines.enter(own), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=ENVIRONMENT,
        )


def _await_corosync(plan: Plan, machine: str) -> None:
    deadline = time.monotonic() + COROSYNC_START_TIMEOUT_S
    while time.monotonic() < deadline:
        ask = [*machines.enter(plan.own(machine)), "corosync-cmapctl", "-g", "totem.version"]
        if subprocess.run(ask, capture_output=True, env=ENVIRONMENT, check=False).returncode == 0:
            return
        time.sleep(0.05)
    log = (plan.own(machine) / "var/log/daemons.log").read_text(errors="replace")
    raise LabError(f"{machine}: corosync did not start: {log[-1000:]}")
