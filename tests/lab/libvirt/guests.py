"""The verbs about guests: what an administrator, a failure or an accident does to them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.errors import LabError
from tests.lab.libvirt import definitions, hosts
from tests.lab.libvirt.fleet import Fleet
from tests.lab.libvirt.namespaces import ENVIRONMENT
from tests.lab.libvirt.plan import FABRIC

MIGRATION_TIMEOUT_S = 120.0
FILES_AND_NETWORK = ("m", "n", "u")  # without the process namespace nsenter does not fork: virsh can be killed
SOON = "sleep 0.2; "  # the agent answers before the guest is gone


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration under way."""

    vm: str
    source: str
    destination: str
    process: subprocess.Popen[str]

    def wait(self, timeout_s: float = MIGRATION_TIMEOUT_S, *, check: bool = True) -> bool:
        """
        Wait for its end; returns whether it succeeded.

        Raises:
            LabError: it takes too long, or (with `check`) failed.
        """
        text = f"{self.vm}: migration from {self.source} to {self.destination}"
        try:
            said, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise LabError(f"{text}: not done after {timeout_s:.0f} s") from None
        if check and self.process.returncode:
            raise LabError(f"{text}: {said}")
        return self.process.returncode == 0


class Guests(Fleet):
    """Verbs whose object is a guest. Where `host` is not given it is the one that the guest is active on."""

    def define(self, vm: str, host: str, *, split: bool = False, devices: str = "") -> None:
        """Define a guest on a host, or define it anew; its disk is made when it has none."""
        size = f"{definitions.DISK_MB}M"
        self.run(FABRIC, "truncate", "-s", size, str(self.plan.image(vm, split=split)))
        file = self.plan.own(host) / f"{vm}.xml"
        file.write_text(definitions.domain(self.plan, vm, split=split, devices=devices))
        self.virsh(host, f"define {file}")

    def keep_definition(self, vm: str) -> None:
        """Make a guest that arrived without its definition a persistent one where it runs."""
        host = self.place(vm)
        domain = self.domain(vm, host)
        if domain is not None and not domain.persistent:
            self.define(vm, host)

    def start(self, vm: str, host: str | None = None) -> str:
        """Start a guest, by default at its home; define it there if need be. Returns the host."""
        host = host or self.plan.home(vm)
        if self.domain(vm, host) is None:
            self.define(vm, host)
        self.virsh(host, f"start {vm}")
        return host

    def undefine(self, vm: str, host: str | None = None) -> None:
        """Take away the definition on one host, or on all that have one."""
        for each, domain in self.status().on(vm).items():
            if host in (None, each) and domain.persistent:
                self.virsh(each, f"undefine {vm} --managed-save --snapshots-metadata --checkpoints-metadata")

    def destroy(self, vm: str, host: str | None = None) -> None:
        self._do("destroy", vm, host)

    def suspend(self, vm: str, host: str | None = None) -> None:
        self._do("suspend", vm, host)

    def resume(self, vm: str, host: str | None = None) -> None:
        self._do("resume", vm, host)

    def reset_guest(self, vm: str, host: str | None = None) -> None:
        """The reset button."""
        self._do("reset", vm, host)

    def managed_save(self, vm: str, host: str | None = None) -> str:
        """Save a guest into a file; the next start restores it. Returns the host."""
        return self._do("managedsave", vm, host)

    def nmi(self, vm: str) -> None:
        """Inject an NMI, which makes the guest's kernel panic once it is up."""
        self.wait_agent(vm)
        self._do("inject-nmi", vm, None)

    def kill(self, vm: str, host: str | None = None) -> str:
        """SIGKILL QEMU. Returns the host."""
        host = host or self.place(vm)
        self.signal_qemu(vm, host, signal.SIGKILL)
        return host

    def wedge(self, vm: str) -> None:
        """SIGSTOP QEMU: its monitor does not answer any more."""
        self.signal_qemu(vm, self.place(vm), signal.SIGSTOP)

    def unwedge(self, vm: str) -> None:
        self.signal_qemu(vm, self.place(vm), signal.SIGCONT)

    def panic(self, vm: str) -> None:
        """The guest's kernel panics by itself."""
        self.shell(vm, SOON + "echo c > /proc/sysrq-trigger")

    def power_off_guest(self, vm: str) -> None:
        """The guest powers itself off."""
        self.shell(vm, SOON + "poweroff -f")

    def watchdog(self, vm: str) -> None:
        """Arm the guest's watchdog device, which nobody feeds: it resets the guest 2 s later."""
        self.shell(vm, SOON + "arm-watchdog")

    def migrate(
        self, vm: str, host: str, *, move: bool = False, p2p: bool = False, options: Sequence[str] = ()
    ) -> None:
        """
        Migrate a guest live, and wait for the end.

        Args:
            move: the definition goes with it (--persistent --undefinesource).
            p2p: libvirtd of the old host leads it.
            options: further options of `virsh migrate`.
        """
        self.begin_migration(vm, host, move=move, p2p=p2p, options=options).wait()

    def begin_migration(
        self,
        vm: str,
        host: str,
        *,
        move: bool = False,
        p2p: bool = False,
        bandwidth_mib: int | None = None,
        options: Sequence[str] = (),
    ) -> Migration:
        """Begin a live migration and return at once; with a bandwidth of 1 MiB/s it takes about a minute."""
        source = self.place(vm)
        words = ["--live", "--unsafe", *(["--persistent", "--undefinesource"] if move else [])]
        words += ["--p2p"] if p2p else []
        words += ["--bandwidth", str(bandwidth_mib)] if bandwidth_mib else []
        enter = self.enter(source, FILES_AND_NETWORK)
        command = [*enter, "virsh", "-q", "-c", "qemu:///system", "migrate", *words, *options]
        process = subprocess.Popen(
            [*command, vm, f"qemu+tcp://{self.plan.host_address(host)}/system"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        return Migration(vm, source, host, process)

    def wait_migrating(self, migration: Migration) -> None:
        """Wait until the destination has the incoming guest and the memory flows."""

        def flows(_: object) -> bool:
            job = self.virsh(migration.source, f"domjobinfo {migration.vm}", check=False)
            return "Memory processed" in job

        self.wait_for(lambda status: migration.vm in status.in_flight(), f"{migration.vm} is in flight")
        self.wait_for(flows, f"the memory of {migration.vm} is being sent")

    def cancel_migration(self, vm: str) -> None:
        """Abort the outgoing migration of a guest."""
        self._do("domjobabort", vm, None)

    def switch_to_postcopy(self, vm: str) -> None:
        """Let a migration that was begun with `--postcopy` go on at the destination, its memory following."""
        self._do("migrate-postcopy", vm, None)

    def begin_copy(self, vm: str, pool: str) -> str:
        """Begin to copy the disk of a guest that runs into a pool of its host; returns the path of the copy."""
        host = self.place(vm)
        copy = f"{definitions.pool_folder(self.plan, pool)}/{vm}-copy.img"
        self.run(host, "rm", "-f", copy)
        self.virsh(host, f"blockcopy {vm} vda {copy} --wait --transient-job")
        return copy

    def end_copy(self, vm: str) -> None:
        """Let a guest go on with the copy of its disk."""
        self.virsh(self.place(vm), f"blockjob {vm} vda --pivot")

    def copy_disk(self, vm: str, pool: str) -> None:
        """Move the disk of a guest that runs into another pool of its host."""
        self.begin_copy(vm, pool)
        self.end_copy(vm)

    def split_brain(self, vm: str, host: str) -> None:
        """Let a second copy of a guest run on another host, with the same UUID and a disk of its own."""
        self.define(vm, host, split=True)
        self.virsh(host, f"start {vm}")

    def _do(self, command: str, vm: str, host: str | None) -> str:
        host = host or self.place(vm)
        self.virsh(host, f"{command} {vm}")
        return host

    def signal_qemu(self, vm: str, host: str, how: signal.Signals, *, check: bool = True) -> None:
        """
        Send the QEMU of a guest on a host a signal.

        Raises:
            LabError: (with `check`) it has none there.
        """
        pid = hosts.qemu_pid(self.plan, host, vm)
        if pid is not None:
            os.kill(pid, how)
        elif check:
            raise LabError(f"{vm} has no QEMU on {host}")
