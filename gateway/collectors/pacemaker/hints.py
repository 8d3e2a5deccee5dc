"""What the node agent posts to `/ingest/SOURCE`: alerts, facts of its node, or just "look now"."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gateway.collectors.pacemaker.alerts import Alert, alert_of
from gateway.collectors.pacemaker.facts import NodeFacts, facts_of
from gateway.model.errors import IngestError

MAX_ALERTS = 5_000


@dataclass(frozen=True, slots=True)
class Hint:
    """
    One posted document. `dropped`: alerts that the agent had to throw away while we were away.

    `refused`: what is wrong with facts that were not taken; without rules of quorum the others may have been.
    """

    alerts: tuple[Alert, ...] = ()
    facts: NodeFacts | None = None
    dropped: int = 0
    refused: str = ""


def parse_hint(document: bytes) -> Hint:
    """
    Read a posted document: a JSON object with any of `alerts` (a list of CRM_alert_ variables), `facts`, `dropped`.
    Who takes the document from the network bounds its size. Facts that are wrong take no alert along.

    Raises:
        IngestError: it is not of that form, or has nothing but facts that are not.
    """
    try:
        content = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise IngestError(f"The document is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise IngestError(f"The document is a {type(content).__name__}, not an object with alerts or facts.")
    facts, refused = _facts(content.get("facts"))
    if refused and facts is None and not content.get("alerts"):
        raise IngestError(refused)
    return Hint(_alerts(content.get("alerts")), facts, _count(content.get("dropped")), refused)


def _alerts(values: object) -> tuple[Alert, ...]:
    if values is None:
        return ()
    if not isinstance(values, list) or len(values) > MAX_ALERTS:
        raise IngestError(f"alerts must be a list of at most {MAX_ALERTS} objects.")
    found = (alert_of(value, f"alerts[{number}]") for number, value in enumerate(values))
    return tuple(alert for alert in found if alert is not None)


def _facts(value: object) -> tuple[NodeFacts | None, str]:
    """(the facts, without rules of quorum that are wrong; what is wrong)."""
    if value is None:
        return None, ""
    try:
        return facts_of(value, "facts"), ""
    except IngestError as error:
        refused = str(error)
    if isinstance(value, Mapping) and value.get("quorum") is not None:
        with suppress(IngestError):
            return facts_of({**value, "quorum": None}, "facts"), refused
    return None, refused


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
