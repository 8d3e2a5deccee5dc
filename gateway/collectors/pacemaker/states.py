"""Pacemaker's states of nodes, resources and the cluster in our vocabulary, each with its reason."""

from gateway.collectors.pacemaker.eligibility import eligible_nodes, exhausted_on, target_role
from gateway.collectors.pacemaker.picture import Picture, Unit, container_of
from gateway.collectors.pacemaker.view import CrmNode, CrmResource
from gateway.collectors.pacemaker.xml import flag
from gateway.model.entities import EntityState

State = tuple[EntityState, str]
"""A state and the reason, empty when there is nothing to say."""

_ACTIVE = ("started", "promoted", "unpromoted", "promoting", "demoting")


def cluster_state(picture: Picture) -> State:
    if picture.needs_dc and not picture.view.dc_present:
        return EntityState.DEGRADED, "no designated controller"
    if picture.view.quorate is False:
        return EntityState.DEGRADED, f"without quorum (no-quorum-policy={picture.view.no_quorum_policy})"
    if flag(picture.option("maintenance-mode")):
        return EntityState.MAINTENANCE, "maintenance-mode"
    if flag(picture.option("stop-all-resources")):
        return EntityState.DEGRADED, "stop-all-resources"
    return EntityState.RUNNING, ""


def node_state(node: CrmNode) -> State:
    if node.unclean:
        return EntityState.UNCLEAN, "to be fenced"
    if not node.online:
        return EntityState.OFFLINE, "shut down" if node.shutdown else ""
    if node.pending:
        return EntityState.STARTING, "joining"
    if node.maintenance:
        return EntityState.MAINTENANCE, ""
    if node.standby or node.standby_onfail:
        return EntityState.STANDBY, "after a failure" if node.standby_onfail else ""
    return EntityState.RUNNING, "shutting down" if node.shutdown else ""


def unit_state(picture: Picture, unit: Unit) -> State:
    """A primitive's own state, or what its parts amount to."""
    if unit.subtype == "bundle":
        parts = tuple(c for r in unit.replicas if (c := container_of(r)) is not None)
        return _spread_state(picture, unit, parts or unit.parts)
    if unit.subtype == "group":
        return _group_state(picture, unit)
    if unit.spread:
        return _spread_state(picture, unit, unit.parts)
    return _resource_state(picture, unit, unit.parts[0])


def _resource_state(picture: Picture, unit: Unit, part: CrmResource) -> State:
    unheard = [node for node in part.nodes if not picture.heard(node)]
    if unheard:
        return EntityState.UNKNOWN, f"last known on {', '.join(unheard)}"
    if part.blocked:
        return EntityState.BLOCKED, "blocked"
    if part.failed and not part.failure_ignored:
        return EntityState.FAILED, "" if part.managed else "unmanaged"
    if flag(part.more.get("maintenance")):
        return EntityState.MAINTENANCE, "maintenance"
    return _role_state(picture, unit, part)


def _role_state(picture: Picture, unit: Unit, part: CrmResource) -> State:
    match part.role:
        case "starting":
            return EntityState.STARTING, ""
        case "stopping":
            return EntityState.STOPPING, ""
        case "migrating":
            return EntityState.MIGRATING, ""
        case "stopped":
            return EntityState.STOPPED, _why_stopped(picture, unit)
    if part.role in _ACTIVE:
        return EntityState.RUNNING, "" if part.managed else "unmanaged"
    return EntityState.UNKNOWN, part.role


def _why_stopped(picture: Picture, unit: Unit) -> str:
    if target_role(picture, unit) == "stopped" or unit.disabled:
        return "target-role=Stopped"
    spent = exhausted_on(picture, unit)
    return f"failed too often on {', '.join(history.node for history in spent)}" if spent else ""


def _group_state(picture: Picture, unit: Unit) -> State:
    if not unit.parts:
        return EntityState.STOPPED, "has no members"
    states = [_resource_state(picture, unit, part) for part in unit.parts]
    kinds = {state for state, _ in states}
    if len(kinds) == 1:
        return states[0]
    for telling in (EntityState.UNKNOWN, EntityState.BLOCKED, EntityState.FAILED):
        if telling in kinds:
            names = [p.id for p, (state, _) in zip(unit.parts, states, strict=True) if state is telling]
            return telling, ", ".join(names)
    down = [part.id for part, (state, _) in zip(unit.parts, states, strict=True) if state is not EntityState.RUNNING]
    return EntityState.DEGRADED, f"not running: {', '.join(down)}"


def _spread_state(picture: Picture, unit: Unit, parts: tuple[CrmResource, ...]) -> State:
    if any(part.blocked for part in parts):
        return EntityState.BLOCKED, ", ".join(sorted({node for p in parts if p.blocked for node in p.nodes}))
    active = [part for part in parts if part.role in _ACTIVE and all(picture.heard(node) for node in part.nodes)]
    expected = len(parts) if unit.subtype == "bundle" else min(len(parts), len(eligible_nodes(picture, unit)))
    if unit.disabled or (not active and all(part.role == "stopped" for part in parts)):
        return EntityState.STOPPED, _why_stopped(picture, unit)
    if not active:
        return EntityState.UNKNOWN, "no instance on a node that is heard of"
    if any(part.failed and not part.failure_ignored for part in active):
        return EntityState.DEGRADED, "an instance has failed"
    running = len({node for part in active for node in part.nodes}) if unit.subtype != "bundle" else len(active)
    if running < expected:
        return EntityState.DEGRADED, f"{running} of {expected} instances run"
    return EntityState.RUNNING, ""
