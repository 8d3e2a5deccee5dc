"""Recorded states of a cluster (crm_mon views, CIBs, alerts in a folder) as observations, for `gateway replay`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.collectors.pacemaker.alerts import Alert, alert_of
from gateway.collectors.pacemaker.cib import Cib, parse_cib
from gateway.collectors.pacemaker.mapping import to_observation
from gateway.collectors.pacemaker.parse import parse_crm_mon
from gateway.collectors.pacemaker.picture import Picture
from gateway.collectors.pacemaker.view import CrmView
from gateway.collectors.pacemaker.xml import BOUNDS
from gateway.model.errors import GatewayError, SourceError, SourceMalformed, SourceUnavailable
from gateway.model.ports import Recording

_VIEW = re.compile(r"(?P<number>\d+)-t(?P<at>\d+(?:\.\d+)?)\.xml")
_SECOND = 1_000_000
SOURCE = "pacemaker"
"""Name of the source in the observations of a recording."""

_View = tuple[float, CrmView | None]


def replay(folder: Path) -> Iterator[Recording]:
    """
    The views of a recording in order: `00-before.xml` at 0 s, `NN-tSSS.SS.xml` at SSS.SS s. `00-cib.xml` belongs to
    all of them; `99-cib.xml` gives one more observation of the last view, at no time of its own.

    An observation's time is the real one as far as the views tell: time 0 is found from their own clocks.

    Raises:
        SourceUnavailable: the folder, or `00-before.xml` in it, cannot be read.
        SourceMalformed: `00-before.xml` or a CIB is not what it should be. A later view is only not readable.
    """
    views = [(0.0, _first(folder)), *_later(folder)]
    cib, last_cib = _cib(folder / "00-cib.xml"), _cib(folder / "99-cib.xml")
    zero = time_zero(views)
    alerts = _alerts(folder / "alerts.jsonl")
    newest: Picture | None = None
    for at_s, view in views:
        if view is None:
            yield Recording(at_s, None)
            continue
        newest = _picture(folder, view, zero + round(at_s * _SECOND), cib, alerts)
        yield Recording(at_s, to_observation(newest))
    if last_cib is not None and newest is not None:
        yield Recording(None, to_observation(_picture(folder, newest.view, newest.at, last_cib, alerts)))


def time_zero(views: list[_View]) -> int:
    """
    When the recording began, microseconds since 1970; 0 when no view says.

    A view of second U, taken t seconds after time 0, says that time 0 lies in [U - t, U - t + 1). The latest of the
    lower bounds is the best guess; views whose bounds contradict it (a clock that was set) are outvoted by nothing,
    since failures are only compared with the views that show them.
    """
    bounds = [view.updated - round(at_s * _SECOND) for at_s, view in views if view is not None and view.updated]
    if not bounds:
        return 0
    first = bounds[0]
    return max(bound for bound in bounds if bound < first + _SECOND)


def _picture(folder: Path, view: CrmView, at: int, cib: Cib | None, alerts: list[tuple[int, Alert]]) -> Picture:
    known = tuple(alert for seen, alert in alerts if seen <= at)
    return Picture(SOURCE, at, view, cib, alerts=known, needs_dc=False)


def _first(folder: Path) -> CrmView:
    path = folder / "00-before.xml"
    try:
        return parse_crm_mon(_read(path))
    except SourceMalformed as error:
        raise SourceMalformed(f"{path}: {error}") from error


def _later(folder: Path) -> list[_View]:
    found = []
    for path in folder.iterdir():
        name = _VIEW.fullmatch(path.name)
        if name is not None and len(name["at"]) < 16:
            found.append((float(name["at"]), int(name["number"]), path))
    return [(at_s, _view(path)) for at_s, _, path in sorted(found)]


def _view(path: Path) -> CrmView | None:
    try:
        return parse_crm_mon(_read(path))
    except SourceError:
        return None


def _cib(path: Path) -> Cib | None:
    if not path.exists():
        return None
    try:
        return parse_cib(_read(path))
    except SourceMalformed as error:
        raise SourceMalformed(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BOUNDS.size + 1)
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror}.") from error


def _alerts(path: Path) -> list[tuple[int, Alert]]:
    """(when the recorder had it, alert), microseconds UTC; lines that are none are passed over."""
    if not path.exists():
        return []
    found: list[tuple[int, Alert]] = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        try:
            document = json.loads(line)
            alert = alert_of(document, f"{path}:{number}")
        except (ValueError, RecursionError, GatewayError):
            continue
        if alert is not None:
            received = document.get("_recv")
            plain = isinstance(received, (int, float)) and 0 < received < 1 << 36
            found.append((round(received * _SECOND) if plain else alert.at, alert))
    return found
