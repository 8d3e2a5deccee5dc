"""ssh from the management machine to each node: keys of the lab's own, a real sshd, one forced command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.pacemaker.namespaces import ENVIRONMENT, SCRIPTS
from tests.lab.pacemaker.plan import Plan

MASTERS = "/run/ssh"  # of the management machine


def make_keys(plan: Plan) -> None:
    """Generate the keys of the lab and the configuration of both sides."""
    plan.ssh.mkdir(mode=0o755)
    for key in ("host_key", "client_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", plan.name, "-f", str(plan.ssh / key)]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        if done.returncode:
            raise LabError(f"ssh-keygen: {done.stderr}")
    host_key = " ".join((plan.ssh / "host_key.pub").read_text().split()[:2])
    known = [f"{name},{address} {host_key}\n" for name, address in plan.machines.items()]
    (plan.ssh / "known_hosts").write_text("".join(known))
    (plan.ssh / "sshd_config").write_text(_daemon_configuration(plan))
    client_configuration(plan).write_text(_client_configuration(plan))
    shutil.copy(SCRIPTS / "forced-command-any", plan.ssh / "forced-command-any")
    (plan.ssh / "forced-command-any").chmod(0o755)
    line = f'restrict,command="{_forced_command(plan)}" {(plan.ssh / "client_key.pub").read_text()}'
    (plan.ssh / "authorized_keys").write_text(line)
    set_forced_command(plan, forced_command_of(plan))


def set_forced_command(plan: Plan, script: Path | None) -> None:
    """
    Let ssh run this script from now on instead of what it is asked for; None: the lab's own, which runs anything.

    authorized_keys names a link, so that connections that are open, or on their way up, obey as well.
    """
    script = script or plan.ssh / "forced-command-any"
    new = plan.ssh / "forced-command.new"
    new.unlink(missing_ok=True)
    new.symlink_to(script)
    new.replace(_forced_command(plan))


def forced_command_of(plan: Plan) -> Path | None:
    """The forced command that the lab began with."""
    return Path(plan.forced_command) if plan.forced_command else None


def _forced_command(plan: Plan) -> Path:
    return plan.ssh / "forced-command"


def client_configuration(plan: Plan) -> Path:
    """The file for `ssh -F`."""
    return plan.ssh / "config"


def daemon(plan: Plan) -> list[str]:
    """The command that is a node's sshd."""
    return ["/usr/sbin/sshd", "-D", "-e", "-f", str(plan.ssh / "sshd_config")]


def _daemon_configuration(plan: Plan) -> str:
    return f"""\
HostKey {plan.ssh}/host_key
AuthorizedKeysFile {plan.ssh}/authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
UsePAM no
UseDNS no
PidFile none
SetEnv LC_ALL=C
"""


def _client_configuration(plan: Plan) -> str:
    hosts = "".join(f"Host {name}\n  HostName {address}\n" for name, address in plan.machines.items())
    return f"""\
{hosts}Host *
  User root
  IdentityFile {plan.ssh}/client_key
  IdentitiesOnly yes
  UserKnownHostsFile {plan.ssh}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 3
  ServerAliveInterval 1
  ServerAliveCountMax 3
  ControlMaster auto
  ControlPath {MASTERS}/%r-%n
  ControlPersist 60
"""
