"""Whether a thing should run, and which nodes may still run it."""

from collections.abc import Iterator

from gateway.collectors.pacemaker.cib import CibLocation, NodeTest
from gateway.collectors.pacemaker.picture import Picture, Unit
from gateway.collectors.pacemaker.view import INFINITY, CrmHistory, CrmNode
from gateway.collectors.pacemaker.xml import flag
from gateway.model.entities import EntityKind

_ANY_ROLE = ("", "started")


def wanted(picture: Picture, unit: Unit) -> bool:
    """The cluster is asked to run it, and may act on it."""
    if not unit.managed or unit.disabled or not any(part.managed and not part.orphaned for part in unit.parts):
        return False
    if any(flag(picture.option(name)) for name in ("maintenance-mode", "stop-all-resources")):
        return False
    if all(flag(part.more.get("maintenance")) for part in unit.parts):
        return False
    return target_role(picture, unit) != "stopped" and not _lacks_ticket(picture, unit, _ANY_ROLE)


def wanted_promoted(picture: Picture, unit: Unit) -> bool:
    """One instance of a promotable clone or bundle should be promoted."""
    if target_role(picture, unit) in ("unpromoted", "slave") or _lacks_ticket(picture, unit, ("promoted", "master")):
        return False
    return wanted(picture, unit) and _promoted_max(picture, unit) > 0


def target_role(picture: Picture, unit: Unit) -> str:
    """The effective target role in lower case; empty when none is set."""
    said = unit.target_role or next((part.target_role for part in unit.parts if part.target_role), "")
    if said or picture.cib is None:
        return said
    return next((role for name in unit.names if (role := picture.cib.meta(name, "target-role"))), "").lower()


def left_nodes(picture: Picture, unit: Unit) -> tuple[str, ...]:
    """Online nodes that may run the unit: not in standby, not forbidden, fail-count below the threshold."""
    spent = {history.node for history in exhausted_on(picture, unit)}
    return tuple(node.name for node in eligible_nodes(picture, unit) if node.name not in spent)


def exhausted_on(picture: Picture, unit: Unit) -> tuple[CrmHistory, ...]:
    """Nodes' histories in which the unit has reached its migration threshold."""
    ids = {part.id for part in unit.parts} | set(unit.names) - {unit.group}
    return tuple(history for history in picture.failed_histories if history.id in ids and history.exhausted)


def eligible_nodes(picture: Picture, unit: Unit) -> tuple[CrmNode, ...]:
    """Nodes that are there for the unit, as far as location constraints say, whatever failed."""
    full_only = unit.key.kind is not EntityKind.HA_RESOURCE or unit.id in {n.container for n in picture.view.nodes}
    return tuple(
        node
        for node in picture.nodes.values()
        if node.heard
        and not (node.standby or node.maintenance or node.shutdown)
        and not (full_only and node.type != "member")
        and not forbidden(picture, unit, node)
    )


def forbidden(picture: Picture, unit: Unit, node: CrmNode) -> bool:
    """A constraint keeps the unit away from the node."""
    banned = (ban for ban in picture.view.bans if ban.node == node.name and ban.resource in unit.names)
    if any(ban.weight <= -INFINITY and not ban.promoted_only for ban in banned):
        return True
    scores = [location.score for location in locations(picture, unit) if matches(picture, location, node)]
    if any(score <= -INFINITY for score in scores):
        return True
    return not flag(picture.option("symmetric-cluster"), default=True) and not any(score >= 0 for score in scores)


def locations(picture: Picture, unit: Unit) -> Iterator[CibLocation]:
    """Location constraints about the unit in any role."""
    for location in picture.cib.locations if picture.cib else ():
        if location.resource in unit.names and location.role in _ANY_ROLE:
            yield location


def matches(picture: Picture, location: CibLocation, node: CrmNode) -> bool:
    """Whether a location constraint is about the node. A rule that we do not judge is about none."""
    if location.node:
        return location.node.lower() == node.name.lower()
    if location.tests is None:
        return False
    results = (_holds(picture, test, node) for test in location.tests)
    return any(results) if location.any_of else all(results)


def _holds(picture: Picture, test: NodeTest, node: CrmNode) -> bool:
    value = _attribute(picture, test.attribute, node)
    match test.operation:
        case "defined":
            return value is not None
        case "not_defined":
            return value is None
        case "eq":
            return value == test.value
        case "ne":
            return value != test.value
    return value is not None and _compares(value, test)


def _compares(value: str, test: NodeTest) -> bool:
    try:
        difference = float(value) - float(test.value)
    except ValueError:
        return False
    match test.operation:
        case "lt":
            return difference < 0
        case "lte":
            return difference <= 0
        case "gt":
            return difference > 0
        case "gte":
            return difference >= 0
    return False


def _attribute(picture: Picture, name: str, node: CrmNode) -> str | None:
    match name:
        case "#uname":
            return node.name
        case "#id":
            return node.id
        case "#kind":
            return "container" if node.container else "remote" if node.type == "remote" else "cluster"
        case "#is_dc":
            return "true" if node.is_dc else "false"
    configured = picture.cib.node_attributes.get(node.name, {}) if picture.cib else {}
    return picture.view.node_attributes.get(node.name, {}).get(name, configured.get(name))


def _lacks_ticket(picture: Picture, unit: Unit, roles: tuple[str, ...]) -> bool:
    if picture.cib is None:
        return False
    granted = {ticket.id for ticket in picture.view.tickets if ticket.granted and not ticket.standby}
    bonds = (bond for bond in picture.cib.tickets if bond.resource in unit.names and bond.role in roles)
    return any(bond.ticket not in granted for bond in bonds)


def _promoted_max(picture: Picture, unit: Unit) -> int:
    """How many instances may be promoted; 1 when nothing says so."""
    if picture.cib is None:
        return 1
    configured = picture.cib.resources.get(unit.id)
    given = [picture.cib.meta(unit.id, name) for name in ("promoted-max", "master-max")]
    if configured is not None and configured.kind == "bundle":
        given = [configured.container.get(name) for name in ("promoted-max", "masters")]
        given.append("0")
    first = next((text for text in given if text is not None), "1")
    return int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 1
