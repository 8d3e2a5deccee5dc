"""Facts of a view, of the CIB and of alerts that may explain why something moved."""

from collections.abc import Iterator

from gateway.collectors.pacemaker.alerts import Alert
from gateway.collectors.pacemaker.cib import CibLocation
from gateway.collectors.pacemaker.parse import split_op_key
from gateway.collectors.pacemaker.picture import Picture, base_id
from gateway.collectors.pacemaker.view import CrmFailure, CrmFenceEvent, CrmNode
from gateway.model.entities import NativeKey
from gateway.model.observations import Evidence, EvidenceKind

_MIGRATIONS = ("migrate_to", "migrate_from")
_KILLS = ("reboot", "off", "poweroff")


def evidence(picture: Picture) -> tuple[Evidence, ...]:
    """Every fact, each once."""
    facts: list[Evidence] = []
    for node in picture.nodes.values():
        facts += _of_node(node)
    for event in picture.view.fence_events:
        facts += _of_fencing(event)
    for failure in picture.view.failures:
        facts += _of_failure(picture, failure)
    facts += _of_fail_counts(picture)
    facts += _of_requests(picture)
    for alert in picture.alerts:
        facts += _of_alert(picture, alert)
    first: dict[tuple[EvidenceKind, str, NativeKey | None, str], Evidence] = {}
    for fact in facts:  # all nodes report one fencing, each with its own clock
        first.setdefault((fact.kind, fact.host, fact.entity, fact.identity), fact)
    return tuple(first.values())


def _of_node(node: CrmNode) -> Iterator[Evidence]:
    if node.unclean:
        yield Evidence(EvidenceKind.HOST_LOST, node.name, text=f"{node.name} is unclean")
    elif not node.online and node.expected_up and not node.shutdown:
        yield Evidence(EvidenceKind.HOST_LOST, node.name, text=f"{node.name} is offline unexpectedly")
    if node.pending:  # a node that joins is shown in standby until it has joined
        return
    if node.standby and not node.standby_onfail:
        yield Evidence(EvidenceKind.HOST_DRAINED, node.name, text=f"{node.name} is in standby")
    if node.maintenance:
        yield Evidence(EvidenceKind.HOST_DRAINED, node.name, identity="maintenance", text=f"{node.name} in maintenance")
    if node.shutdown:
        yield Evidence(EvidenceKind.HOST_DRAINED, node.name, identity="shutdown", text=f"{node.name} is shutting down")


def _of_fencing(event: CrmFenceEvent) -> Iterator[Evidence]:
    if event.status == "success" and event.action in _KILLS:
        by = event.delegate or "the cluster"
        text = f"{event.target} was fenced ({event.action}) by {by}"
        yield Evidence(EvidenceKind.HOST_LOST, event.target, identity=event.completed, at=event.at, text=text)


def _of_failure(picture: Picture, failure: CrmFailure) -> Iterator[Evidence]:
    resource, task, _ = split_op_key(failure.op_key)
    entity = picture.owner(resource)
    if entity is None:
        return
    identity = f"{failure.op_key} call={failure.call} {failure.changed}"
    text = f"{failure.task or task} of {resource} failed on {failure.node}: {failure.text}"
    if task in _MIGRATIONS:
        host = failure.node if task == "migrate_to" else _source_of(picture, resource, failure.node)
        yield Evidence(EvidenceKind.MIGRATION_FAILED, host, entity, identity, failure.at, text=text)
    else:
        yield Evidence(EvidenceKind.FAILED_ON, failure.node, entity, identity, failure.at, text=text)


def _source_of(picture: Picture, resource: str, target: str) -> str:
    """The node that a migration to `target` came from: by the CIB, else by the record of the last migrate_to."""
    if picture.cib is not None and (resource, target) in picture.cib.migrations:
        return picture.cib.migrations[resource, target]
    for node, name in picture.histories:
        if name == resource and node != target:
            last = picture.last_move(resource, node)
            if last is not None and last.task in ("migrate_to", "stop"):
                return node
    return target


def _of_fail_counts(picture: Picture) -> Iterator[Evidence]:
    for history in picture.failed_histories:
        entity = picture.owner(history.id)
        if entity is None:
            continue
        yield Evidence(
            EvidenceKind.FAILED_ON,
            history.node,
            entity,
            identity=f"fail-count={history.fail_count} {history.id} {history.last_failure or ''}".rstrip(),
            at=history.last_failure,
            text=f"fail-count of {history.id} on {history.node} is {history.fail_count}",
        )


def _of_requests(picture: Picture) -> Iterator[Evidence]:
    known: set[str] = set()
    for location in picture.cib.locations if picture.cib else ():
        if location.node and location.id.startswith(("cli-prefer-", "cli-ban-")):
            known.add(location.id)
            yield from _of_request(picture, location)
    for ban in picture.view.bans:
        if ban.id.startswith("cli-ban-") and ban.id not in known:
            entity = picture.owner(ban.resource)
            if entity is not None:
                yield _requested(entity, ban.node, ban.id, away=True)


def _of_request(picture: Picture, location: CibLocation) -> Iterator[Evidence]:
    entity = picture.owner(location.resource)
    if entity is not None:
        yield _requested(entity, location.node, location.id, away=location.id.startswith("cli-ban-"))


def _requested(entity: NativeKey, node: str, name: str, away: bool) -> Evidence:
    text = f"{name}: a person asked for {entity.native} to {'leave' if away else 'be on'} {node}"
    return Evidence(EvidenceKind.REQUESTED, node, entity, identity=name, away=away, text=text)


def _of_alert(picture: Picture, alert: Alert) -> Iterator[Evidence]:
    at = alert.at or None
    if alert.kind == "fencing" and alert.succeeded and alert.task in ("", *_KILLS):
        yield Evidence(EvidenceKind.HOST_LOST, alert.node, None, alert.identity, at, text=f"{alert.node} was fenced")
    if alert.kind != "resource" or alert.succeeded:
        return
    entity = picture.owner(base_id(alert.resource))
    if entity is None:
        return
    text = f"{alert.task} of {alert.resource} failed on {alert.node}: {alert.text}"
    if alert.task == "migrate_to":
        yield Evidence(EvidenceKind.MIGRATION_FAILED, alert.node, entity, alert.identity, at, text=text)
    elif alert.task != "migrate_from":
        yield Evidence(EvidenceKind.FAILED_ON, alert.node, entity, alert.identity, at, text=text)
