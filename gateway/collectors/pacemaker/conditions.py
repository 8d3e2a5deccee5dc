"""Which states of a cluster nothing repairs by itself (U1 to U6 and U8 of the rules for Pacemaker)."""

from collections.abc import Iterator, Mapping

from gateway.collectors.pacemaker.eligibility import exhausted_on, left_nodes, wanted, wanted_promoted
from gateway.collectors.pacemaker.picture import Picture, Unit, passing, payload_of
from gateway.collectors.pacemaker.view import INFINITY, CrmFenceEvent, CrmNode, CrmResource
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import ObservedCondition

JUDGED = frozenset(
    {
        ConditionKind.BLOCKED,
        ConditionKind.EXHAUSTED,
        ConditionKind.FENCING_FAILED,
        ConditionKind.QUORUM_LOST,
        ConditionKind.FAILED_UNMANAGED,
        ConditionKind.NO_PROMOTED,
        ConditionKind.DEGRADED,
    }
)
"""What an authoritative view is complete for. A conflict of placements (U7) is judged from the placements."""
DEFAULT_ATTEMPTS = 10
"""stonith-max-attempts when the CIB sets none."""
_NO_DEVICE = ("no fence device", "no such device")


def conditions(picture: Picture) -> Iterator[ObservedCondition]:
    """Everything an authoritative view says is beyond repair; of any other view only that quorum is lost."""
    if not picture.authoritative or lost_quorum(picture):
        yield from _quorum_lost(picture)
    if not picture.authoritative:
        return
    stuck = tuple(_fencing_failed(picture))
    yield from stuck
    idle = not busy(picture, frozenset(condition.entity.native for condition in stuck if condition.holding))
    for unit in picture.units:
        yield from _of_unit(picture, unit, idle)
    yield from _all_in_standby(picture)


def busy(picture: Picture, stuck_nodes: frozenset[str] = frozenset()) -> bool:
    """
    The cluster is at work: an operation is under way, or a node is to be fenced and that can still succeed.

    `stuck_nodes`: nodes whose fencing has failed for good.
    """
    if any(event.status == "pending" for event in picture.view.fence_events):
        return True
    if any(node.unclean and node.name not in stuck_nodes for node in picture.nodes.values()):
        return True
    return any(_at_work(picture, part) for unit in picture.units for part in unit.parts)


def lost_quorum(picture: Picture) -> bool:
    """The cluster has no quorum and acts on it."""
    return picture.view.quorate is False and not picture.view.ignores_quorum


def _at_work(picture: Picture, part: CrmResource) -> bool:
    here = not part.nodes or any(picture.heard(node) for node in part.nodes)
    return here and not part.blocked and (bool(part.pending) or passing(part))


def _quorum_lost(picture: Picture) -> Iterator[ObservedCondition]:
    view = picture.view
    if lost_quorum(picture):
        online = ", ".join(node.name for node in picture.nodes.values() if node.online) or "none"
        text = f"Without quorum (no-quorum-policy={view.no_quorum_policy}); nodes online here: {online}."
    else:
        text = "No designated controller (DC): nobody manages the cluster."
    remedy = "Bring nodes back until a majority is online; see: corosync-quorumtool -s, crm_mon -1"
    yield ObservedCondition(ConditionKind.QUORUM_LOST, picture.cluster, text=text, remedy=remedy)


# -- nodes -------------------------------------------------------------------------------------------------------


def _fencing_failed(picture: Picture) -> Iterator[ObservedCondition]:
    for node in picture.nodes.values():
        if not node.online and node.unclean and (why := fencing_gave_up(picture, node)):
            stuck = sorted(part.id for unit in picture.units for part in unit.parts if node.name in part.nodes)
            held = f" Stuck there: {', '.join(stuck)}." if stuck else ""
            yield ObservedCondition(
                ConditionKind.FENCING_FAILED,
                NativeKey(EntityKind.HA_NODE, node.name),
                text=f"Node {node.name} is unclean and was not fenced: {why}.{held}",
                remedy=f"stonith_admin --reboot {node.name}; or, when it is certain to be off: "
                f"stonith_admin --confirm {node.name}",
                holding=not fencing_pending(picture, node.name),
            )


def fencing_gave_up(picture: Picture, node: CrmNode) -> str:
    """Why the fencings of the node have failed for good, but for one that may be pending; empty: they have not."""
    events = [event for event in fence_history(picture, node.name) if event.status != "pending"]
    if not events or events[0].status != "failed":
        return ""
    failed = _failed_since_success(events)
    attempts = _max_attempts(picture)
    if len(failed) >= attempts:
        return f"{len(failed)} attempts failed (stonith-max-attempts {attempts})"
    if _says_no_device(picture, events[0]) or not possible_devices(picture, node.name):
        return "no fence device can do it"
    return ""


def fencing_pending(picture: Picture, node: str) -> bool:
    """The cluster tries (again) to fence the node: nothing is decided until that ends."""
    return any(event.status == "pending" for event in fence_history(picture, node))


def fence_history(picture: Picture, node: str) -> list[CrmFenceEvent]:
    """Fencings of a node, newest first, a pending one before all."""
    events = [event for event in picture.view.fence_events if event.target == node]
    events.sort(key=lambda event: (event.status != "pending", -(event.at or 0)))
    return events


def possible_devices(picture: Picture, node: str) -> bool:
    """Some configured device may be able to fence the node; True when that is not known."""
    if picture.cib is None:
        return True
    if any(level.devices and (not level.target or level.target == node) for level in picture.cib.levels):
        return True
    devices = [r for r in picture.cib.resources.values() if r.agent.startswith("stonith:")]
    return any(targets is None or node in targets for d in devices for targets in (device_targets(d.parameters),))


def device_targets(given: Mapping[str, str]) -> dict[str, str] | None:
    """Nodes that a fence device is configured for, with the plug that each has there; None: it is asked at run time."""
    check = given.get("pcmk_host_check", "static-list" if _lists(given) else "dynamic-list")
    if check != "static-list":
        return None
    plug = given.get("plug") or given.get("port") or ""
    targets = {name: plug or name for name in given.get("pcmk_host_list", "").replace(",", " ").split()}
    for pair in given.get("pcmk_host_map", "").replace(";", " ").split():
        name, _, plugs = pair.partition(":")
        if name and plugs:
            targets[name] = plugs
    return targets


def _lists(parameters: Mapping[str, str]) -> bool:
    return bool(parameters.get("pcmk_host_list") or parameters.get("pcmk_host_map"))


def _failed_since_success(events: list[CrmFenceEvent]) -> list[CrmFenceEvent]:
    failed: list[CrmFenceEvent] = []
    for event in events:
        if event.status == "success":
            break
        if event.status == "failed":
            failed.append(event)
    return failed


def _max_attempts(picture: Picture) -> int:
    options = picture.cib.options if picture.cib else {}
    text = options.get("stonith-max-attempts") or options.get("fencing-max-attempts") or ""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else DEFAULT_ATTEMPTS


def _says_no_device(picture: Picture, event: CrmFenceEvent) -> bool:
    said = [event.reason]
    said += [alert.text for alert in picture.alerts if alert.kind == "fencing" and alert.node == event.target][-1:]
    return any(words in text.lower() for text in said for words in _NO_DEVICE)


def _all_in_standby(picture: Picture) -> Iterator[ObservedCondition]:
    online = [node for node in picture.nodes.values() if node.heard and node.type == "member"]
    if online and all(node.standby for node in online):
        yield ObservedCondition(
            ConditionKind.DEGRADED,
            picture.cluster,
            detail="standby",
            text=f"Every online node is in standby: {', '.join(node.name for node in online)}. Nothing can run.",
            remedy=f"crm_standby --node {online[0].name} --delete  (pcs node unstandby {online[0].name})",
        )


# -- resources ---------------------------------------------------------------------------------------------------


def _of_unit(picture: Picture, unit: Unit, idle: bool) -> Iterator[ObservedCondition]:
    if unit.subtype == "group":  # its members speak for themselves
        return
    for part in unit.parts:
        yield from _blocked(unit, part)
        yield from _failed_unmanaged(unit, part)
    if unit.key.kind is EntityKind.FENCE_DEVICE:
        yield from _device_down(picture, unit)
    else:
        yield from _exhausted(picture, unit, idle)
    if unit.subtype in ("promotable", "bundle"):
        yield from _no_promoted(picture, unit, idle)


def _detail(unit: Unit, part: CrmResource) -> str:
    """Tells the instances of one clone or bundle apart."""
    return ",".join((part.id, *part.nodes)) if unit.spread else ""


def _blocked(unit: Unit, part: CrmResource) -> Iterator[ObservedCondition]:
    if not part.blocked:
        return
    where = f" on {', '.join(part.nodes)}" if part.nodes else ""
    several = " It is active on several nodes." if len(part.nodes) > 1 else ""
    yield ObservedCondition(
        ConditionKind.BLOCKED,
        unit.key,
        _detail(unit, part),
        text=f"Resource {part.id} is blocked{where}: the cluster will not touch it.{several}",
        remedy=f"Stop it by hand{where}, then: crm_resource --cleanup --resource {part.id}",
    )


def _failed_unmanaged(unit: Unit, part: CrmResource) -> Iterator[ObservedCondition]:
    if part.blocked or part.managed or not part.failed:
        return
    where = f" on {', '.join(part.nodes)}" if part.nodes else ""
    yield ObservedCondition(
        ConditionKind.FAILED_UNMANAGED,
        unit.key,
        _detail(unit, part),
        text=f"Resource {part.id} has failed{where} and is unmanaged or in maintenance: the cluster will not act.",
        remedy=f"Let the cluster manage it again (is-managed, maintenance), then: "
        f"crm_resource --cleanup --resource {part.id}",
    )


def _exhausted(picture: Picture, unit: Unit, idle: bool) -> Iterator[ObservedCondition]:
    if not unit.parts or any(part.role != "stopped" or part.nodes for part in unit.parts):
        return
    spent = exhausted_on(picture, unit)
    if not spent or not wanted(picture, unit) or left_nodes(picture, unit):
        return
    counts = ", ".join(
        f"{h.node} {'INFINITY' if h.fail_count >= INFINITY else h.fail_count}/"
        f"{'INFINITY' if h.migration_threshold >= INFINITY else h.migration_threshold}"
        for h in spent
    )
    bans = [ban.id for ban in picture.view.bans if ban.resource in unit.names and ban.id.startswith("cli-ban-")]
    clear = f"; crm_resource --clear --resource {unit.id}" if bans else ""
    yield ObservedCondition(
        ConditionKind.EXHAUSTED,
        unit.key,
        text=f"Resource {unit.id} is stopped and no online node may run it (fail-count/threshold: {counts}).",
        remedy=f"Cure the cause, then: crm_resource --cleanup --resource {unit.id}{clear}",
        holding=idle,
    )


def _device_down(picture: Picture, unit: Unit) -> Iterator[ObservedCondition]:
    stopped = all(part.role == "stopped" for part in unit.parts)
    if stopped and wanted(picture, unit) and (unit.failed or exhausted_on(picture, unit)):
        yield ObservedCondition(
            ConditionKind.DEGRADED,
            unit.key,
            text=f"Fence device {unit.id} has failed and is stopped: its nodes may not be fenced when they must.",
            remedy=f"Check the device, then: crm_resource --cleanup --resource {unit.id}",
        )


def _no_promoted(picture: Picture, unit: Unit, idle: bool) -> Iterator[ObservedCondition]:
    parts = unit.parts
    if unit.subtype == "bundle":
        parts = tuple(p for r in unit.replicas if (p := payload_of(r)) is not None)
        if not any(part.role in ("promoted", "unpromoted") for part in parts):
            return
    if any(part.role == "promoted" for part in parts) or not wanted_promoted(picture, unit):
        return
    yield ObservedCondition(
        ConditionKind.NO_PROMOTED,
        unit.key,
        text=f"No instance of {unit.id} is promoted, although one is wanted.",
        remedy=f"Look for the cause with: crm_mon -1 -A; then: crm_resource --cleanup --resource {unit.id}",
        holding=idle,
    )
