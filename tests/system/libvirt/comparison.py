"""What is told of a libvirt lab is what virsh's words before and after say, and the log and `where` agree."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.lab.libvirt.told import Onlooker
from tests.system.comparison import moment
from tests.system.libvirt import heard
from tests.system.libvirt.installation import SETTLE_S, Installation
from tests.system.notices import NoticeComparison

LONGEST_SETTLE_S = max(SETTLE_S.values()) + 1.5


class Comparison(NoticeComparison[Onlooker]):
    """Follows one installation; `step` each time that the lab did something and is at rest."""

    kind = "libvirt"
    calm_s = 1.0
    longest_s = LONGEST_SETTLE_S

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.lab = installation.lab
        super().__init__(installation.gateway, installation.receiver)

    def note(self) -> None:
        """Look at the lab in the middle of something: a later step knows of it."""
        self._onlooker.look()

    def end(self) -> None:
        """The log as the command line shows it agrees as well."""
        printed = self.gateway.cli("events", "--since", moment(self._began - 1), "--limit", "500", "--json")
        assert printed.returncode == 0, printed.stderr
        body = json.loads(printed.stdout)
        events = [each for each in body["items"] if each["seq"] > self._seq]
        assert heard.of_events(events) == self.told

    def _looks_on(self) -> Onlooker:
        return Onlooker(self.lab)

    def _differences(self) -> list[str]:
        return super()._differences() + self._misplaced()

    def _misplaced(self) -> list[str]:
        """Guests that are active on one host that can be asked: `where` names it."""
        status = self.lab.status()
        active = {vm: hosts[0] for vm in self.lab.vms if len(hosts := status.active(vm)) == 1}
        return self._where_differences({vm: host for vm, host in active.items() if status.hosts[host].connected})

    def _words(self) -> Mapping[str, str]:
        return {"status.txt": self._status(), "qemu.log": self.lab.qemu_logs()}

    def _status(self) -> str:
        return str(self.lab.status())
