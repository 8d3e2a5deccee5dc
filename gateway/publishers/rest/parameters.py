"""Parameters: times, cursors and names as people and programs write them in a query."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from typing import Annotated

from fastapi import Query, Request

from gateway.publishers.rest.problems import Refused

SECOND = 1_000_000
LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * SECOND
"""Later times cannot be written in RFC 3339."""
AHEAD = 5 * SECOND
"""A client's clock may be that far ahead of ours."""
_EPOCH_BEGINS = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND, "w": 604_800 * SECOND}
_RELATIVE = re.compile(r"-?((?:\d{1,9}[smhdw])+)", re.ASCII)
_PART = re.compile(r"(\d+)([smhdw])", re.ASCII)
_EPOCH = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")

At = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The time asked about: RFC 3339, seconds since 1970, or back from now (-1h, -2d12h). Default: now.",
        examples=["2026-11-21T03:00:00Z", "-1h"],
    ),
]
KnownAt = Annotated[
    str | None,
    Query(max_length=64, description="As it was known at this time (needs `at`).", examples=["-1h"]),
]
Cursor = Annotated[str | None, Query(max_length=512, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page at most.")]


def known_parameters(request: Request) -> None:
    """
    A parameter that a read does not have is never ignored: the answer would be to another question.

    Raises:
        Refused: 422; names it, and those that there are.
    """
    known = sorted(field.alias for field in request.scope["route"].dependant.query_params)
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        wrong = ", ".join(f"query.{name[:40]}" for name in unknown[:5])
        possible = f"possible: {', '.join(known)}" if known else "it takes none"
        raise Refused(422, f"{wrong}: no parameter of this read; {possible}")


def parse_moment(text: str, now: int, parameter: str = "at") -> int:
    """
    A time in microseconds UTC: RFC 3339 with a zone, seconds since 1970, `-1h30m` or `1h30m` before now, or `now`.

    Raises:
        Refused: 422; it is none of these, or lies in the future.
    """
    text = text.strip()
    at = now if text.lower() == "now" else _relative(text, now)
    at = _epoch(text) if at is None else at
    at = _rfc3339(text, parameter) if at is None else at
    if at < 0 or at > LATEST:
        raise Refused(422, f"query.{parameter}: lies outside of the years 1970 to 9998")
    if at > now + AHEAD:
        raise Refused(422, f"query.{parameter}: lies in the future; the past and the present can be asked about")
    return at


def parse_coming(text: str, base: int, field: str) -> int:
    """
    A time in microseconds UTC, which may lie ahead: RFC 3339 with a zone, seconds since 1970, `now`, or `2h30m` (also
    `+2h30m`) after `base`.

    Raises:
        Refused: 422; it is none of these.
    """
    text = text.strip()
    after = _RELATIVE.fullmatch("-" + text.removeprefix("+"))
    if text.lower() == "now" or after is not None:
        return min(base + (_duration(after[1]) if after is not None else 0), LATEST)
    try:
        at = _epoch(text)
        at = _rfc3339(text, field) if at is None else at
    except Refused:
        said = "write 2026-11-21T03:00:00Z (with a zone), seconds since 1970, or how much later: 2h30m"
        raise Refused(422, f"{field}: {said}") from None
    if not 0 <= at <= LATEST:
        raise Refused(422, f"{field}: lies outside of the years 1970 to 9998")
    return at


def in_words(at: int) -> str:
    """Microseconds UTC as RFC 3339, for a message: `2026-01-31T03:00:00Z`."""
    return (_EPOCH_BEGINS + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def _relative(text: str, now: int) -> int | None:
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return None
    return max(now - _duration(found[1]), 0)


def _duration(text: str) -> int:
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))


def _epoch(text: str) -> int | None:
    if not _EPOCH.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    return int(whole) * SECOND + int(fraction.ljust(6, "0")[:6])


def _rfc3339(text: str, parameter: str) -> int:
    try:
        found = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text))
        aware = found.tzinfo is not None
        delta = found.astimezone(UTC) - _EPOCH_BEGINS if aware else None
    except (ValueError, OverflowError):
        raise Refused(
            422, f"query.{parameter}: write 2026-11-21T03:00:00Z, seconds since 1970, or back from now: -1h, -2d12h"
        ) from None
    if delta is None:
        raise Refused(422, f"query.{parameter}: the zone is missing; add Z for UTC, or an offset such as +01:00")
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


Key = list[str | int]
"""What a cursor carries: the sort key of the last item of a page. Keys never change, so pages are stable."""


def write_cursor(key: Key) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *shape: type) -> Key | None:
    """
    The key in a cursor; None: from the start.

    Raises:
        Refused: 422; it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(shape) or not all(map(_in_range, key)):
        raise Refused(422, "query.cursor: no cursor of this list; use `next` of a page, or leave it out")
    return key


def _in_range(part: str | int) -> bool:
    return isinstance(part, str) or 0 <= part < 2**63


def name_pattern(name: str) -> re.Pattern[str]:
    """A name, any case, with * and ? as wildcards."""
    return re.compile(translate(name), re.IGNORECASE)
