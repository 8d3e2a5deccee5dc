"""Times as Pacemaker's tools write them, in microseconds UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CTIME = re.compile(
    r"(?:[A-Z][a-z]{2} )?(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d) (?P<year>\d{4})"
)
_ISO = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d:\d\d)(?:\.\d+)?")
_ZONE = re.compile(r" ?(?:(?P<utc>Z|UTC)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str | None) -> int | None:
    """
    A time of crm_mon or of the CIB: "2026-11-21 01:58:35Z", "Sat Nov 21 01:58:28 2026", or seconds since 1970.

    A time without a zone is UTC, because the tools are run with TZ=UTC. None: no time that can be read.
    """
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text) * 1_000_000
    found = _ISO.match(text) or _CTIME.match(text)
    zone = _ZONE.fullmatch(text, found.end()) if found else None
    if found is None or zone is None:
        return None
    try:
        naive = datetime.fromisoformat(f"{_date(found)}T{found['time']}")
        at = naive.replace(tzinfo=_zone(zone))
    except ValueError:
        return None
    return round((at - _EPOCH) / timedelta(microseconds=1))


def _date(found: re.Match[str]) -> str:
    if "date" in found.re.groupindex:
        return found["date"]
    month = _MONTHS.index(found["month"]) + 1
    return f"{found['year']}-{month:02}-{int(found['day']):02}"


def _zone(zone: re.Match[str]) -> timezone:
    if not zone["sign"]:
        return UTC
    offset = timedelta(hours=int(zone["hours"]), minutes=int(zone["minutes"]))
    return timezone(offset if zone["sign"] == "+" else -offset)
