"""What one `crm_mon` XML of the lab says, as far as the lab itself needs it to know when the cluster is at rest."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass

PROMOTED = ("Promoted", "Master")
RUNNING = ("Started", *PROMOTED, "Unpromoted", "Slave")


@dataclass(frozen=True, slots=True)
class View:
    """One picture of the cluster; `running` holds (resource without instance number, node)."""

    has_dc: bool
    quorate: bool
    online: frozenset[str]
    unclean: frozenset[str]
    standby: frozenset[str]
    running: frozenset[tuple[str, str]]
    promoted: frozenset[str]
    blocked: frozenset[str]
    busy: bool
    failures: frozenset[tuple[str, str, str]]
    """What failed, where, and when or how often: one more failure of the same thing is another one of these."""
    fencing_pending: bool
    failed_fencings: Counter[str]

    def nodes_of(self, resource: str) -> list[str]:
        return sorted(node for name, node in self.running if name == resource)


def parse_view(text: str) -> View | None:
    """The picture, or None when the document is not one of a running cluster."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return None
    dc = root.find("summary/current_dc")
    if dc is None or root.find("nodes") is None:
        return None
    resources = list(root.iter("resource"))
    fencings = root.findall("fence_history/fence_event")
    return View(
        has_dc=dc.get("present") == "true",
        quorate=dc.get("with_quorum") == "true",
        online=_nodes(root, "online"),
        unclean=_nodes(root, "unclean"),
        standby=_nodes(root, "standby"),
        running=frozenset(
            (_id(resource), node.get("name", ""))
            for resource in resources
            if resource.get("role") in RUNNING and resource.get("active") == "true"
            for node in resource.findall("node")
        ),
        promoted=frozenset(
            node.get("name", "") for r in resources if r.get("role") in PROMOTED for node in r.findall("node")
        ),
        blocked=frozenset(_id(resource) for resource in resources if resource.get("blocked") == "true"),
        busy=any(_in_transition(resource) for resource in resources) or bool(_nodes(root, "pending")),
        failures=_failures(root),
        fencing_pending=any(event.get("status") == "pending" for event in fencings),
        failed_fencings=Counter(e.get("target", "") for e in fencings if e.get("status") == "failed"),
    )


def _id(resource: ET.Element) -> str:
    return resource.get("id", "").split(":")[0]


def _nodes(root: ET.Element, flag: str) -> frozenset[str]:
    return frozenset(node.get("name", "") for node in root.findall(f"nodes/node[@{flag}='true']"))


def _in_transition(resource: ET.Element) -> bool:
    # A recurring monitor that is being scheduled belongs to a change as well.
    return resource.get("pending") is not None or resource.get("role") not in (*RUNNING, "Stopped")


def _failures(root: ET.Element) -> frozenset[tuple[str, str, str]]:
    failed = [
        (failure.get("op_key", ""), failure.get("node", ""), failure.get("last-rc-change", ""))
        for failure in root.iterfind("failures/failure")
    ]
    counted = [
        (_id(entry), node.get("name", ""), entry.get("fail-count", "0"))
        for node in root.iterfind("node_history/node")
        for entry in node.iterfind("resource_history")
    ]
    return frozenset(failed + [each for each in counted if each[2] != "0"])
