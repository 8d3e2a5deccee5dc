"""What is told of guests that are a cluster's nodes, or its resources, is what both labs' own tools say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from tests.lab.joined import JoinedLab, VirtualDomain
from tests.lab.joined.told import JoinedOnlooker
from tests.lab.libvirt.told import Notice
from tests.system.joined.installation import GROUP_S
from tests.system.notices import NoticeComparison
from tests.system.setups import Installation

SETTLE_TIMEOUT_S = 120.0
QUIET_S = 3.0
LONGEST_PENDING_S = GROUP_S + 1.0  # what waits for its group, or for the other of its pair


class Comparison(NoticeComparison[JoinedOnlooker]):
    """Follows one installation; `step` each time that the labs did something."""

    kind = "joined"
    calm_s = longest_s = LONGEST_PENDING_S

    def __init__(self, installation: Installation, lab: JoinedLab, pair: VirtualDomain | None = None) -> None:
        self.installation = installation
        self.lab = lab
        self._pair = pair
        self.lab.cluster.wait_settled(SETTLE_TIMEOUT_S, all_running=True)
        super().__init__(installation.gateway, installation.receiver)

    def node_of(self, resource: str) -> str:
        """The node of a resource, as the cluster said at the last step."""
        return self._onlooker.places[resource]

    def inside(self, node: str) -> set[str]:
        """The resources that run on a node, as the cluster says now; of a clone those with an instance there."""
        view = self.lab.cluster.view()
        assert view is not None, "the cluster does not answer"
        return {resource for resource, place in view.running if place == node}

    def step(self, *expected: Notice, quiet_s: float = QUIET_S) -> Counter[Notice]:
        """When the cluster is at rest: see there."""
        self.lab.cluster.wait_settled(SETTLE_TIMEOUT_S)
        return super().step(*expected, quiet_s=quiet_s)

    def end(self) -> None:
        """Nothing more comes, and no alarm is left."""
        time.sleep(LONGEST_PENDING_S)
        found = self._differences() + self._alarms()
        assert not found, self._report("at the end", found)

    def _looks_on(self) -> JoinedOnlooker:
        return JoinedOnlooker(self.lab, self._pair)

    def _misplaced(self) -> list[str]:
        """Guests and resources whose first hop is not where the labs say that they are."""
        status = self.lab.hosts.status()
        places = {vm: active[0] for vm in self.lab.hosts.vms if len(active := status.active(vm)) == 1}
        view = self.lab.cluster.view()
        if view is None:
            return ["the cluster does not answer"]
        places |= {name: view.nodes_of(name)[0] for name in self.lab.cluster.inventory.singles if view.nodes_of(name)}
        return self._where_differences(places)

    def _words(self) -> Mapping[str, str]:
        return {
            "hosts.txt": self._status(),
            "qemu.log": self.lab.hosts.qemu_logs(),
            "crm_mon.xml": self.lab.cluster.status_xml(),
        }

    def _status(self) -> str:
        return str(self.lab.hosts.status())
