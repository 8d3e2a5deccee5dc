"""The comparison itself: it sees each kind of disagreement. No cluster, no gateway."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.lab.pacemaker import View
from tests.lab.snmptrapd import Notification
from tests.lab.told import Told
from tests.system import received
from tests.system.agreement import impact_differences, where_differences
from tests.system.received import oid_of

VIEW = View(
    has_dc=True,
    quorate=True,
    online=frozenset({"n1", "n2"}),
    unclean=frozenset({"n3"}),
    standby=frozenset(),
    running=frozenset({("svc-a", "n1"), ("vm-1", "n3"), ("app-ip", "n1"), ("db", "n1"), ("db", "n2")}),
    promoted=frozenset({"n2"}),
    blocked=frozenset(),
    busy=False,
    failures=frozenset(),
    fencing_pending=False,
    failed_fencings=Counter(),
)


def where(*hops: tuple[str, str, str]) -> dict[str, Any]:
    return {"said": "", "hops": [{"entity": {"name": n}, "role": r, "state": s} for n, r, s in hops]}


def differences(resource: str, *hops: tuple[str, str, str]) -> int:
    return len(where_differences(lambda _path: where(*hops), VIEW, (resource,)))


def test_the_place_the_role_and_the_certainty_must_be_the_clusters():
    assert differences("svc-a", ("n1", "started", "stable")) == 0
    assert differences("svc-a", ("n2", "started", "stable")) == 1
    assert differences("svc-a") == 1
    assert differences("db-clone", ("n1", "unpromoted", "stable"), ("n2", "promoted", "stable")) == 0
    assert differences("db-clone", ("n1", "promoted", "stable"), ("n2", "unpromoted", "stable")) == 1
    assert differences("vm-1", ("n3", "started", "last_known")) == 0
    assert differences("vm-1", ("n3", "started", "stable")) == 1


def test_what_is_stopped_must_not_be_anywhere():
    assert differences("svc-b", ("n1", "started", "stopped")) == 0
    assert differences("svc-b", ("n1", "started", "stable")) == 1


def impact(node: str, view: View, *names: str) -> list[str]:
    """What is found of an answer with these names for this node; the other nodes' answers are not looked at."""
    affected = [{"entity": {"kind": "ha_resource", "name": name}} for name in names]
    affected.append({"entity": {"kind": "ha_cluster", "name": "any"}})
    found = impact_differences(lambda _path: {"affected": affected}, view, ("n1", "n2", "n3"))
    return [sentence for sentence in found if sentence.startswith(f"impact {node}:")]


def test_impact_must_list_all_that_runs_when_what_remains_has_no_majority():
    everything = ("svc-a", "app-ip", "app", "db-clone", "vm-1")
    assert impact("n1", VIEW, *everything) == []
    assert impact("n1", VIEW, *everything[:-1]) != []


def test_impact_must_list_what_runs_there_and_nothing_else():
    def ask(*names: str) -> list[str]:
        return impact("n1", replace(VIEW, online=frozenset({"n1", "n2", "n3"})), *names)

    assert ask("svc-a", "app-ip", "app", "db-clone") == []
    assert ask("svc-a", "app-ip", "app") != []
    assert ask("svc-a", "app-ip", "app", "db-clone", "svc-b") != []


@pytest.mark.skipif(received.missing() is not None, reason=str(received.missing()))
def test_a_trap_is_read_with_the_names_of_the_mib():
    varbinds = {
        f"{oid_of(name)}.0": value
        for name, value in {
            "topoEventEntityName": "vm-1",
            "topoEventOldHostName": "n1",
            "topoEventNewHostName": "n2",
            "topoEventArrival": "1",
        }.items()
    }
    moved = Notification(oid_of("topologyRelocation"), varbinds, 1.0, "")
    raised = Notification(oid_of("topologyFailureRaised"), {f"{oid_of('topoEventAlarmKey')}.0": "blocked:1"}, 2.0, "")
    traps = received.traps([moved, moved, raised])
    assert received.relocations(traps) == {Told("vm-1", "n1", "n2", live=True): 2}
    assert received.raised(traps) == {"blocked:1": 1}
    assert received.cleared(traps) == Counter()
