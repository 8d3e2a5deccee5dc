"""From the octets of `crm_mon --output-as=xml` (Pacemaker 2.0 to 3.0) to records."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from gateway.collectors.pacemaker.times import parse_time
from gateway.collectors.pacemaker.view import (
    INFINITY,
    CrmBan,
    CrmBundle,
    CrmClone,
    CrmFailure,
    CrmFenceEvent,
    CrmGroup,
    CrmHistory,
    CrmNode,
    CrmOperation,
    CrmReplica,
    CrmResource,
    CrmTicket,
    CrmTop,
    CrmView,
)
from gateway.collectors.pacemaker.xml import Element, flag, read_xml, required
from gateway.model.errors import SourceMalformed, SourceUnavailable

T = TypeVar("T")
WHAT = "the output of crm_mon"

_ROLES = {"master": "promoted", "slave": "unpromoted"}
_NODE_FIELDS = frozenset(
    {"name", "id", "online", "standby", "standby_onfail", "maintenance", "pending", "unclean", "shutdown"}
    | {"expected_up", "is_dc", "type", "id_as_resource", "container_id", "resources_running"}
)
_RESOURCE_FIELDS = frozenset(
    {"id", "resource_agent", "role", "target_role", "active", "orphaned", "removed", "blocked", "managed", "failed"}
    | {"failure_ignored", "pending", "nodes_running_on"}
)
_OP_KEY = re.compile(r"(?P<rsc>.+?)_(?P<task>migrate_to|migrate_from|[a-z-]+)_(?P<interval>\d+)")
_MS = re.compile(r"(\d{1,15}) ?(ms|s|min|m|h)?")
_UNITS = {None: 1, "ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000}


def parse_crm_mon(document: bytes) -> CrmView:
    """
    Read one view.

    Raises:
        SourceUnavailable: crm_mon says that it could not ask the cluster, or left out <summary> or <nodes>.
        SourceMalformed: no XML of crm_mon, or an attribute that every version writes is missing.
    """
    root = read_xml(document, WHAT)
    if root.tag not in ("pacemaker-result", "crm_mon"):
        raise SourceMalformed(f"{WHAT} begins with <{root.tag}>, not with <pacemaker-result>.")
    summary, nodes = root.find("summary"), root.find("nodes")
    if summary is None or nodes is None:
        missing = "summary" if summary is None else "nodes"
        raise SourceUnavailable(f"crm_mon gave no <{missing}>: {errors_of(root) or 'it does not say why'}.")
    configured = summary.find("resources_configured")
    if root.find("resources") is None and configured is not None and _int(configured.get("number")) > 0:
        raise SourceUnavailable(
            f"crm_mon gave no <resources>, though {configured.get('number')} are configured. "
            f"Run it with --inactive, as a user who may read the whole CIB (group haclient; ACLs)."
        )
    return _view(root, summary, nodes)


def errors_of(root: Element) -> str:
    """What a Pacemaker tool says went wrong: the <error> texts and the status message, or nothing."""
    said = [(e.text or "").strip() for e in root.iter("error")]
    status = root.find("status")
    if status is not None and status.get("code", "0") != "0":
        said.append(f"{status.get('message', '')} (status {status.get('code')})".strip())
    return "; ".join(text for text in said if text)


def error_text(document: bytes) -> str:
    """`errors_of` for a document that may be anything; empty when it says nothing."""
    try:
        return errors_of(read_xml(document, WHAT))
    except SourceMalformed:
        return ""


def canonical_role(role: str) -> str:
    """A role in lower case and in the words of Pacemaker 2.1 and later."""
    lower = role.strip().lower()
    return _ROLES.get(lower, lower)


def split_op_key(op_key: str) -> tuple[str, str, int]:
    """(resource, task, interval in ms) of an operation key such as `svc-a_monitor_5000`; task empty: it is none."""
    found = _OP_KEY.fullmatch(op_key)
    return (found["rsc"], found["task"], _int(found["interval"])) if found else (op_key, "", 0)


def _view(root: Element, summary: Element, nodes: Element) -> CrmView:
    dc = summary.find("current_dc")
    dc_of = dc.attrib if dc is not None else {}
    pacemakerd = root.find("pacemakerd")
    updated = parse_time(pacemakerd.get("last_updated")) if pacemakerd is not None else None
    last_update = summary.find("last_update")
    if updated is None and last_update is not None:
        updated = parse_time(last_update.get("time"))
    stack, options = summary.find("stack"), summary.find("cluster_options")
    return CrmView(
        api_version=root.get("api-version", ""),
        dc_present=flag(dc_of.get("present")),
        dc=dc_of.get("name", ""),
        quorate=flag(dc_of["with_quorum"]) if "with_quorum" in dc_of else None,
        version=dc_of.get("version", ""),
        stack=stack.get("type", "") if stack is not None else "",
        options=dict(options.attrib) if options is not None else {},
        updated=updated,
        nodes=tuple(_node(node) for node in nodes.findall("node")),
        resources=_resources(root),
        history=tuple(_histories(root)),
        failures=tuple(_each(root, "failures/failure", _failure)),
        fence_events=tuple(_each(root, "fence_history/fence_event", _fence_event)),
        bans=tuple(_each(root, "bans/ban", _ban)),
        tickets=tuple(_each(root, "tickets/ticket", _ticket)),
        node_attributes=_node_attributes(root),
    )


def _each(root: Element, path: str, read: Callable[[Element], T]) -> Iterator[T]:
    return (read(element) for element in root.iterfind(path))


def _node(node: Element) -> CrmNode:
    a = node.attrib
    return CrmNode(
        name=required(node, "name", WHAT),
        id=a.get("id", ""),
        online=flag(required(node, "online", WHAT)),
        standby=flag(a.get("standby")),
        standby_onfail=flag(a.get("standby_onfail")),
        maintenance=flag(a.get("maintenance")),
        pending=flag(a.get("pending")),
        unclean=flag(required(node, "unclean", WHAT)),
        shutdown=flag(a.get("shutdown")),
        expected_up=flag(a.get("expected_up")),
        is_dc=flag(a.get("is_dc")),
        type=a.get("type", "member"),
        container=a.get("id_as_resource") or a.get("container_id") or "",
        more=_more(node, _NODE_FIELDS),
    )


def _more(element: Element, known: frozenset[str]) -> Mapping[str, str]:
    return {name: value for name, value in element.attrib.items() if name not in known}


def _resources(root: Element) -> tuple[CrmTop, ...]:
    resources = root.find("resources")
    if resources is None:
        return ()
    return tuple(top for element in resources if (top := _top(element)) is not None)


def _top(element: Element) -> CrmTop | None:
    match element.tag:
        case "resource":
            return _resource(element)
        case "group":
            return _group(element)
        case "clone":
            return _clone(element)
        case "bundle":
            return _bundle(element)
    return None


def _resource(element: Element) -> CrmResource:
    a = element.attrib
    return CrmResource(
        id=required(element, "id", WHAT),
        agent=required(element, "resource_agent", WHAT).replace("::", ":"),
        role=canonical_role(required(element, "role", WHAT)),
        nodes=tuple(required(node, "name", WHAT) for node in element.findall("node")),
        target_role=canonical_role(a.get("target_role", "")),
        active=flag(a.get("active")),
        orphaned=flag(a.get("orphaned")) or flag(a.get("removed")),
        blocked=flag(a.get("blocked")),
        managed=flag(a.get("managed"), default=True),
        failed=flag(a.get("failed")),
        failure_ignored=flag(a.get("failure_ignored")),
        pending=a.get("pending", ""),
        more=_more(element, _RESOURCE_FIELDS),
    )


def _group(element: Element) -> CrmGroup:
    return CrmGroup(
        id=required(element, "id", WHAT),
        members=tuple(_resource(member) for member in element.findall("resource")),
        managed=flag(element.get("managed"), default=True),
        disabled=flag(element.get("disabled")),
    )


def _clone(element: Element) -> CrmClone:
    instances = (_resource(e) if e.tag == "resource" else _group(e) for e in element if e.tag in ("resource", "group"))
    return CrmClone(
        id=required(element, "id", WHAT),
        instances=tuple(instances),
        promotable=flag(element.get("multi_state")),
        unique=flag(element.get("unique")),
        managed=flag(element.get("managed"), default=True),
        disabled=flag(element.get("disabled")),
        failed=flag(element.get("failed")),
        target_role=canonical_role(element.get("target_role", "")),
    )


def _bundle(element: Element) -> CrmBundle:
    return CrmBundle(
        id=required(element, "id", WHAT),
        type=element.get("type", ""),
        replicas=tuple(_replica(replica) for replica in element.findall("replica")),
        image=element.get("image", ""),
        managed=flag(element.get("managed"), default=True),
        failed=flag(element.get("failed")),
    )


def _replica(element: Element) -> CrmReplica:
    return CrmReplica(required(element, "id", WHAT), tuple(_resource(part) for part in element.findall("resource")))


def _histories(root: Element) -> Iterator[CrmHistory]:
    for node in root.iterfind("node_history/node"):
        name = required(node, "name", WHAT)
        for history in node.findall("resource_history"):
            yield CrmHistory(
                node=name,
                id=required(history, "id", WHAT),
                migration_threshold=_score(history.get("migration-threshold")) or INFINITY,
                fail_count=_score(history.get("fail-count")),
                last_failure=parse_time(history.get("last-failure")),
                operations=tuple(_operation(operation) for operation in history.findall("operation_history")),
            )


def _operation(element: Element) -> CrmOperation:
    return CrmOperation(
        call=_int(element.get("call"), -1),
        task=element.get("task", ""),
        rc=_int(element.get("rc"), -1),
        interval_ms=_milliseconds(element.get("interval")),
    )


def _failure(element: Element) -> CrmFailure:
    op_key = element.get("op_key") or element.get("id") or required(element, "op_key", WHAT)
    _, task, interval = split_op_key(op_key)
    changed = element.get("last-rc-change", "")
    said = [element.get("exitstatus", ""), element.get("exitreason", ""), element.get("status", "")]
    return CrmFailure(
        op_key=op_key,
        node=required(element, "node", WHAT),
        call=element.get("call", ""),
        task=element.get("task") or task,
        interval_ms=_int(element.get("interval"), interval),
        text=", ".join(dict.fromkeys(text for text in said if text and text != "complete")),
        at=parse_time(changed),
        changed=changed,
    )


def _fence_event(element: Element) -> CrmFenceEvent:
    return CrmFenceEvent(
        action=element.get("action", ""),
        target=required(element, "target", WHAT),
        status=required(element, "status", WHAT),
        delegate=element.get("delegate", ""),
        client=element.get("client", ""),
        completed=element.get("completed", ""),
        at=parse_time(element.get("completed")),
        reason=element.get("exit-reason", ""),
    )


def _ban(element: Element) -> CrmBan:
    return CrmBan(
        id=required(element, "id", WHAT),
        resource=required(element, "resource", WHAT),
        node=required(element, "node", WHAT),
        weight=_score(element.get("weight", "-INFINITY")),
        promoted_only=flag(element.get("promoted-only") or element.get("master_only")),
    )


def _ticket(element: Element) -> CrmTicket:
    status = element.get("status") or element.get("state") or ""
    return CrmTicket(required(element, "id", WHAT), status == "granted", flag(element.get("standby")))


def _node_attributes(root: Element) -> Mapping[str, Mapping[str, str]]:
    return {
        required(node, "name", WHAT): {a.get("name", ""): a.get("value", "") for a in node.findall("attribute")}
        for node in root.iterfind("node_attributes/node")
    }


def _int(text: str | None, default: int = 0) -> int:
    """A small integer; anything else is the default."""
    return int(text) if text and re.fullmatch(r"-?\d{1,15}", text, re.ASCII) else default


def _milliseconds(text: str | None) -> int:
    """`5000ms`, `5s` or `5000` in ms; 0 for none."""
    found = _MS.fullmatch(text) if text and text.isascii() else None
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _score(text: str | None) -> int:
    """A score, with INFINITY as 1000000."""
    return score(text or "0")


def score(text: str) -> int:
    """A score as Pacemaker writes it, kept within -1000000..1000000."""
    upper = text.strip().upper()
    if upper in ("INFINITY", "+INFINITY"):
        return INFINITY
    if upper == "-INFINITY":
        return -INFINITY
    return max(-INFINITY, min(INFINITY, _int(upper.removeprefix("+"))))
