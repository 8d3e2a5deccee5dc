"""What should be told, derived from two places: pure cases, no cluster."""

from __future__ import annotations

import json
from collections import Counter

from tests.lab.pacemaker.content import INVENTORY
from tests.lab.series import series
from tests.lab.told import Places, Told, moved_live, relocations

HOME = Places(
    {"svc-a": "n1", "vm-1": "n3", "app-ip": "n1", "app-fs": "n1", "app-db": "n1", "db-clone": "n2"},
)


def told(**places: str) -> Counter[Told]:
    now = Places({name.replace("_", "-"): node for name, node in places.items()}).over(HOME)
    return relocations(HOME, now, INVENTORY)


def test_a_resource_on_another_node_is_told():
    assert told(svc_a="n2") == Counter([Told("svc-a", "n1", "n2")])


def test_a_group_is_told_once_for_each_way_that_members_went():
    assert told(app_ip="n2", app_fs="n2", app_db="n2") == Counter([Told("app", "n1", "n2")])
    assert told(app_ip="n2", app_fs="n3") == Counter([Told("app", "n1", "n2"), Told("app", "n1", "n3")])


def test_a_promoted_role_on_another_node_is_told():
    assert told(db_clone="n1") == Counter([Told("db-clone", "n2", "n1")])


def test_stopped_in_between_only_delays():
    stopped = Places({"vm-1": "n3"}).over(HOME)
    assert relocations(HOME, stopped, INVENTORY) == Counter()
    assert relocations(stopped, Places({"svc-a": "n3"}).over(stopped), INVENTORY) == Counter(
        [Told("svc-a", "n1", "n3")]
    )


def alert(task: str, node: str, rc: str = "0") -> str:
    values = {
        "kind": "resource",
        "rsc": "vm-1",
        "task": task,
        "node": node,
        "rc": rc,
        "status": "0" if rc == "0" else "4",
    }
    return json.dumps({f"CRM_alert_{key}": value for key, value in values.items()})


def test_live_is_an_arrival_by_migration_without_a_start():
    there = Places({"vm-1": "n2"})
    assert moved_live([alert("migrate_to", "n3"), alert("migrate_from", "n2"), alert("stop", "n3")], there) == {"vm-1"}
    assert moved_live([alert("migrate_to", "n3", rc="1"), alert("start", "n2")], there) == set()
    assert moved_live([alert("migrate_from", "n1"), alert("start", "n2")], there) == set()


def test_the_same_seed_gives_the_same_verbs():
    assert series(7, 20) == series(7, 20)
    assert series(7, 20) != series(8, 20)


def test_a_series_leaves_no_node_in_standby():
    for seed in range(200):
        resting = set()
        for step in series(seed, 6):
            if step.verb == "standby":
                resting.add(step.arguments[0])
            elif step.verb == "unstandby":
                resting.remove(step.arguments[0])
        assert resting == set()
