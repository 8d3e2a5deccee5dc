"""The verbs about hosts and what they share: power, libvirtd, network, storage."""

from __future__ import annotations

import signal

from tests.lab.libvirt import hosts, namespaces, network
from tests.lab.libvirt.guests import Guests
from tests.lab.libvirt.namespaces import wait_until
from tests.lab.libvirt.plan import FABRIC

DAEMON_END_TIMEOUT_S = 20.0
IO_ERROR = "I/O error"
IO_ERROR_TIMEOUT_S = 30.0


class Verbs(Guests):
    """Everything that changes a lab."""

    def crash_host(self, host: str) -> None:
        """Pull the power cord of a host: all its processes die, also its guests."""
        namespaces.power_off(self.plan.own(host))

    def boot_host(self, host: str) -> None:
        """Power on, and wait until libvirtd answers; nothing when the host has power. Guests do not start by it."""
        hosts.power_on(self.plan, host)

    def kill_daemon(self, host: str) -> None:
        """SIGKILL libvirtd; the guests run on."""
        self._end_daemon(host, signal.SIGKILL)

    def stop_daemon(self, host: str) -> None:
        """SIGTERM libvirtd, and wait for its end; the guests run on."""
        self._end_daemon(host, signal.SIGTERM)

    def start_daemon(self, host: str) -> None:
        """Start libvirtd, and wait until it answers; nothing when it runs."""
        hosts.start_daemon(self.plan, host)

    def hang_daemon(self, host: str) -> None:
        """SIGSTOP libvirtd: connections stay, and nothing answers."""
        hosts.signal_daemon(self.plan, host, signal.SIGSTOP)

    def continue_daemon(self, host: str) -> None:
        hosts.signal_daemon(self.plan, host, signal.SIGCONT)

    def isolate(self, host: str) -> None:
        """Pull the network cable of a host; its guests run on."""
        network.set_cable(self.plan, host, connected=False)

    def reconnect(self, host: str) -> None:
        """Put the network cable back."""
        network.set_cable(self.plan, host, connected=True)

    def fill_storage(self) -> list[str]:
        """
        Fill the shared storage, and wait until every guest that runs is paused by it; returns these guests.

        A guest writes once a second; writes into blocks that exist already succeed for a while.
        """
        status = self.status()
        running = [vm for vm in self.vms if any(d.state == "running" for d in status.on(vm).values())]
        ballast = str(self.plan.shared / "ballast")
        self.run(FABRIC, "sh", "-c", f"dd if=/dev/zero of={ballast} bs=64k 2>/dev/null; true")
        self.wait_for(
            lambda now: all(any(d.reason == IO_ERROR for d in now.on(vm).values()) for vm in running),
            f"{', '.join(running)} paused by an I/O error",
            IO_ERROR_TIMEOUT_S,
        )
        return running

    def heal_storage(self) -> None:
        """Free the shared storage, and resume what was paused for it."""
        self.run(FABRIC, "rm", "-f", str(self.plan.shared / "ballast"))
        for host in self.status().hosts.values():
            for domain in host.domains.values():
                if domain.reason == IO_ERROR:
                    self.resume(domain.name, host.name)

    def _end_daemon(self, host: str, how: signal.Signals) -> None:
        hosts.signal_daemon(self.plan, host, how)
        wait_until(lambda: hosts.daemon_pid(self.plan, host) is None, f"{host}: libvirtd ends", DAEMON_END_TIMEOUT_S)
