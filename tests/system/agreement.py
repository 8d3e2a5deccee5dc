"""Does the gateway say what the cluster says? Answers of `where` and `impact`, held against the lab's own status."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.lab.pacemaker import View
from tests.lab.pacemaker.content import INVENTORY

CLONES = {"agent-clone": "agent", "db-clone": "db"}
PRIMITIVES = (*INVENTORY.singles, *INVENTORY.groups["app"])
RESOURCES = (*PRIMITIVES, *INVENTORY.groups, *CLONES)
Ask = Callable[..., Any]

Places = frozenset[tuple[str, str]]
"""(node, role), each of them."""


def expected_places(view: View, resource: str) -> Places:
    """Where the cluster itself says that a resource is. The role of a group is empty."""
    if resource in INVENTORY.groups:
        members = INVENTORY.groups[resource]
        return frozenset((node, "") for name, node in view.running if name in members)
    nodes = view.nodes_of(CLONES.get(resource, resource))
    if resource == "db-clone":
        return frozenset((node, "promoted" if node in view.promoted else "unpromoted") for node in nodes)
    return frozenset((node, "started") for node in nodes)


def told_places(where: Mapping[str, Any]) -> Places:
    """What an answer of `where` says of the first layer; what runs nowhere is at no place."""
    hops = [hop for hop in where["hops"] if hop["state"] != "stopped"]
    return frozenset((hop["entity"]["name"], hop["role"]) for hop in hops)


def where_differences(ask: Ask, view: View, resources: tuple[str, ...] = RESOURCES) -> list[str]:
    """Sentences about every resource of which `where` does not say what the cluster says."""
    found = []
    for resource in resources:
        body = ask(f"/where/{resource}")
        said, wanted = told_places(body), expected_places(view, resource)
        if said != wanted:
            found.append(f"where {resource}: {sorted(said)}, but the cluster says {sorted(wanted)} ({body['said']})")
        found += [
            f"where {resource}: {hop['state']} on {hop['entity']['name']}, which is "
            f"{'online' if hop['entity']['name'] in view.online else 'offline'}"
            for hop in body["hops"]
            if hop["state"] in ("stable", "transitional", "last_known")
            and (hop["state"] == "stable") != (hop["entity"]["name"] in view.online)
        ]
    return found


def expected_impact(view: View, node: str, nodes: tuple[str, ...]) -> set[str]:
    """What runs on a node; all that runs, when the loss leaves no majority: the cluster stops it (no-quorum-policy)."""
    remain = view.online - {node}
    stops = bool(remain) and 2 * len(remain) <= len(nodes)
    return {name for name in RESOURCES if any(stops or place == node for place, _ in expected_places(view, name))}


def impact_differences(ask: Ask, view: View, nodes: tuple[str, ...]) -> list[str]:
    """Sentences about each of the cluster's nodes of which `impact` does not list exactly what its loss takes along."""
    found = []
    for node in nodes:
        body = ask(f"/impact/ha_node:{node}")
        said = {one["entity"]["name"] for one in body["affected"] if one["entity"]["kind"] == "ha_resource"}
        wanted = expected_impact(view, node, nodes)
        if said != wanted:
            found.append(f"impact {node}: {sorted(said)}, but the cluster says {sorted(wanted)}")
    return found


def cli_differences(run: Callable[..., Any], ask: Ask, resource: str, node: str) -> list[str]:
    """Sentences about where the command line does not say what REST says."""
    found = []
    where = run("where", resource, "--json")
    impact = run("impact", f"ha_node:{node}", "--json")
    for command, body in ((where, ask(f"/where/{resource}")), (impact, ask(f"/impact/ha_node:{node}"))):
        try:
            printed = json.loads(command.stdout)
        except ValueError:
            found.append(f"{command.args}: exit status {command.returncode}: {command.stdout}{command.stderr}")
            continue
        if _timeless(printed) != _timeless(body):
            found.append(f"{command.args}: {command.stdout}, but REST says {json.dumps(body)}")
    placed = told_places(ask(f"/where/{resource}"))
    if where.returncode != (0 if placed else 1):
        found.append(f"where {resource}: exit status {where.returncode} with places {sorted(placed)}")
    return found


def _timeless(value: Any) -> Any:
    """An answer without what differs from one second to the next."""
    if isinstance(value, dict):
        passing = ("at", "age_s", "revision", "seen_at", "attributes")
        return {key: _timeless(each) for key, each in value.items() if key not in passing}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
