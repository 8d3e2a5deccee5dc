"""Alerts of the cluster as the node agent posts them: evidence for causes, never the state."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model.errors import IngestError
from gateway.model.texts import clean

_FENCED = re.compile(r"Operation (?P<action>\S+) of (?P<target>\S+) by (?P<by>.+?) for (?P<client>\S+): (?P<result>.*)")
_REF = re.compile(r" ?\(ref=(?P<ref>[0-9A-Za-z-]{1,64})\)$")
MAX_TEXT = 1024
_MICROSECONDS = 1_000_000
_FURTHEST = 1 << 36
"""Seconds since 1970 beyond which a timestamp is taken as nonsense."""


@dataclass(frozen=True, slots=True)
class Alert:
    """
    One alert. `at`: the node's clock, microseconds UTC, 0 when it gives none. `node`: where the operation ran; for
    fencing the target. `succeeded`: of an operation or a fencing. `identity`: equal in the reports of all nodes.
    """

    kind: str
    node: str
    at: int
    resource: str = ""
    task: str = ""
    succeeded: bool = True
    text: str = ""
    identity: str = ""


def alert_of(document: Any, where: str) -> Alert | None:
    """
    An alert from its CRM_alert_* variables (with or without that prefix); None for one that says nothing to us
    (attributes, cancelled operations, kinds of the future).

    Raises:
        IngestError: it is no table of texts; `where` names its place.
    """
    if not isinstance(document, Mapping):
        raise IngestError(f"{where} is {type(document).__name__}, not a table of CRM_alert_ variables.")
    given = {str(key).removeprefix("CRM_alert_"): _text(value) for key, value in document.items()}
    match given.get("kind"):
        case "resource":
            return _resource(given)
        case "fencing":
            return _fencing(given)
        case "node":
            return Alert("node", given.get("node", ""), _at(given), text=given.get("desc", ""))
    return None


def _text(value: Any) -> str:
    return clean(str(value)[:MAX_TEXT]) if isinstance(value, (str, int, float)) else ""


def _at(given: Mapping[str, str]) -> int:
    seconds, micros = given.get("timestamp_epoch", ""), given.get("timestamp_usec", "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12 and int(seconds) < _FURTHEST):
        return 0
    fraction = int(micros) if micros.isascii() and micros.isdigit() and len(micros) <= 6 else 0
    return int(seconds) * _MICROSECONDS + fraction


def _resource(given: Mapping[str, str]) -> Alert | None:
    if given.get("status") == "1":  # an operation that was cancelled: a monitor that is no longer needed
        return None
    task, at = given.get("task", ""), _at(given)
    succeeded = given.get("rc") == given.get("target_rc") and given.get("status", "0") == "0"
    return Alert(
        kind="resource",
        node=given.get("node", ""),
        at=at,
        resource=given.get("rsc", ""),
        task=task,
        succeeded=succeeded,
        text=given.get("desc", ""),
        identity=f"{task}@{at}",
    )


def _fencing(given: Mapping[str, str]) -> Alert:
    text = given.get("desc", "")
    ref = _REF.search(text)
    bare = _REF.sub("", text)
    found = _FENCED.fullmatch(bare)
    return Alert(
        kind="fencing",
        node=found["target"] if found else given.get("node", ""),
        at=_at(given),
        task=found["action"] if found else "",
        succeeded=given.get("rc") == "0",
        text=found["result"] if found else bare,
        identity=ref["ref"] if ref else f"fencing@{_at(given)}",
    )
