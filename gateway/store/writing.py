"""
Writing: the changes of one revision as rows, table by table, inside one transaction.

An interval is closed and a new one opened where history is kept; what belongs to the same interval is updated in
place. `learned_at` is the time of the changes; `valid_from` is what the source or our judgement says, where it does.
What ends holds until the observation that first shows it gone: between two intervals of a move there is no hole.
Ends come before starts, records before what points to them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from gateway.model.changes import Changes
from gateway.model.entities import Alias
from gateway.model.events import Event
from gateway.model.rows import Placement, Record
from gateway.store import encoding
from gateway.store.encoding import Row
from gateway.store.statements import Statement, Statements

BATCH = 2_000
"""Rows handed to the driver at once: a full load stays small in memory."""


def write(connection: Connection, statements: Statements, changes: Changes) -> None:
    """Records, claims, placements, alarms, sources, freshness, links and windows of this revision."""
    if changes.records:
        _records(connection, statements, changes)
    if changes.claims:
        _run(connection, statements.claim_end, _claim_ends(changes))
        _run(connection, statements.claim_insert, _claim_starts(changes))
    if changes.placements:
        _placements(connection, statements, changes)
    if changes.alarms:
        _alarms(connection, statements, changes)
    _run(connection, statements.source_upsert, map(encoding.source_row, changes.sources.values()))
    _run(connection, statements.freshness_upsert, _freshness(changes))
    _run(connection, statements.link_delete, ({"k_source": source} for source in changes.links))
    _run(connection, statements.link_insert, _links(changes))
    _run(connection, statements.window_upsert, map(encoding.window_row, changes.windows.values()))


def write_events(connection: Connection, statements: Statements, changes: Changes) -> tuple[Event, ...]:
    """The log, which is also what waits for the receivers. Returns the events with `seq`."""
    logged = tuple(
        replace(event, seq=statements.event_insert.number(connection, encoding.event_row(event, changes.revision)))
        for event in changes.events
    )
    _run(connection, statements.event_amend, map(_amended, changes.amended))
    return logged


def _run(connection: Connection, statement: Statement, rows: Iterable[Row]) -> None:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        statement.run(connection, batch)


# -- records ---------------------------------------------------------------------------------------------------


def _records(connection: Connection, statements: Statements, changes: Changes) -> None:
    pairs = changes.records.values()
    _run(connection, statements.record_insert, (encoding.record_row(new) for old, new in pairs if old is None))
    _run(connection, statements.record_update, _record_updates(changes))
    _run(connection, statements.state_end, _state_ends(changes))
    _run(connection, statements.state_retire, _state_retired(changes))
    _run(connection, statements.state_insert, _state_starts(changes))
    _run(connection, statements.alias_end, _alias_ends(changes))
    _run(connection, statements.alias_insert, _alias_starts(changes))


def _record_updates(changes: Changes) -> Iterator[Row]:
    for old, new in changes.records.values():
        if old is not None and not encoding.same_record(old, new):
            yield {f"k_{key}" if key == "index" else key: value for key, value in encoding.record_row(new).items()}


def _state_ends(changes: Changes) -> Iterator[Row]:
    """An open state ends; it stays the current one when all that happened is that the record is gone."""
    for index, (old, new) in changes.records.items():
        if old is None or old.gone:
            continue
        stays = encoding.same_state(old, new)
        if new.gone or not stays:
            yield {"k_record": index, "current": stays, "valid_to": changes.at, "closed_rev": changes.revision}


def _state_retired(changes: Changes) -> Iterator[Row]:
    """The last state of a gone record is no longer the current one."""
    for index, (old, new) in changes.records.items():
        if old is not None and old.gone and _state_begins(old, new):
            yield {"k_record": index, "current": False}


def _state_starts(changes: Changes) -> Iterator[Row]:
    for old, new in changes.records.values():
        if _state_begins(old, new):
            yield encoding.state_row(new) | _interval(
                changes, changes.at, changes.at if new.gone else None, current=True
            )


def _state_begins(old: Record | None, new: Record) -> bool:
    return old is None or not encoding.same_state(old, new) or (old.gone and not new.gone)


def _alias_ends(changes: Changes) -> Iterator[Row]:
    for index, (old, new) in changes.records.items():
        if old is not None and old.aliases != new.aliases:
            for alias in old.aliases[_common(old.aliases, new.aliases) :]:
                key = encoding.alias_row(index, alias)
                yield {
                    "k_record": index,
                    "k_namespace": key["namespace"],
                    "k_value": key["value"],
                    "valid_to": changes.at,
                    "closed_rev": changes.revision,
                }


def _alias_starts(changes: Changes) -> Iterator[Row]:
    interval = _interval(changes, changes.at)
    for index, (old, new) in changes.records.items():
        before = old.aliases if old is not None else ()
        if before != new.aliases:
            for alias in dict.fromkeys(new.aliases[_common(before, new.aliases) :]):
                yield encoding.alias_row(index, alias) | interval


def _common(one: tuple[Alias, ...], other: tuple[Alias, ...]) -> int:
    """How many aliases both begin with: those stay, so that their order survives a restart."""
    count = 0
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            break
        count += 1
    return count


# -- claims ----------------------------------------------------------------------------------------------------

_CLAIM_KEY = ("source", "scope", "kind", "upper", "lower", "role")


def _claim_ends(changes: Changes) -> Iterator[Row]:
    for old, _ in changes.claims:
        if old is not None:
            row = encoding.claim_row(old)
            yield {f"k_{name}": row[name] for name in _CLAIM_KEY} | {
                "valid_to": changes.at,
                "closed_rev": changes.revision,
            }


def _claim_starts(changes: Changes) -> Iterator[Row]:
    for old, new in changes.claims:
        if new is not None:
            begins = min(new.since or changes.at, changes.at) if old is None else changes.at
            yield encoding.claim_row(new) | _interval(changes, begins)


# -- placements ------------------------------------------------------------------------------------------------


def _placements(connection: Connection, statements: Statements, changes: Changes) -> None:
    _run(connection, statements.placement_end, _placement_ends(changes))
    _run(connection, statements.placement_retire, _placement_retired(changes))
    _run(connection, statements.placement_update, _placement_updates(changes))
    _run(connection, statements.placement_insert, _placement_starts(changes))


def _goes_on(old: Placement | None, new: Placement | None) -> bool:
    """True when `new` is the interval of `old`, ended or not."""
    return (
        old is not None
        and new is not None
        and (old.host, old.role) == (new.host, new.role)
        and (old.open or not new.open)
    )


def _placement_ends(changes: Changes) -> Iterator[Row]:
    """
    Open intervals that end: by a move, by a stop (it stays the current one), or because the entity is gone.

    An interval ends where the next one begins, else at the observation that first showed it gone: until then it
    holds. When the entity was last read there is evidence, and stays `left_at`.
    """
    for entity, (old, new) in changes.placements.items():
        if old is None or not old.open or (new is not None and new.open and _goes_on(old, new)):
            continue
        stays = _goes_on(old, new)
        yield _placement_change(entity, new if stays and new is not None else old) | {
            "valid_to": changes.at if new is None or stays else _begins(old, new, changes.at),
            "closed_rev": changes.revision,
            "current": stays,
        }


def _placement_retired(changes: Changes) -> Iterator[Row]:
    """The last place of a stopped entity is history now."""
    for entity, (old, new) in changes.placements.items():
        if old is not None and not old.open and not _goes_on(old, new):
            yield {"k_entity": entity, "current": False}


def _placement_updates(changes: Changes) -> Iterator[Row]:
    for entity, (old, new) in changes.placements.items():
        if old is not None and new is not None and old.open == new.open and _goes_on(old, new) and old != new:
            yield _placement_change(entity, new)


def _placement_starts(changes: Changes) -> Iterator[Row]:
    for old, new in changes.placements.values():
        if new is not None and not _goes_on(old, new):
            begins = _begins(old, new, changes.at)
            yield encoding.placement_row(new) | _interval(
                changes, begins, None if new.open else changes.at, current=True
            )


def _begins(old: Placement | None, new: Placement, at: int) -> int:
    """When the interval of `new` begins, which is not that of `old`. What a merge brings, or a restart, begins now."""
    return min(new.since, at) if old is not None and old.open and new.since > old.since else at


def _placement_change(entity: int, placement: Placement) -> Row:
    return encoding.placement_row(placement) | {"k_entity": entity}


# -- alarms, freshness, links ----------------------------------------------------------------------------------


def _alarms(connection: Connection, statements: Statements, changes: Changes) -> None:
    pairs = changes.alarms.items()
    ended = [(index, old) for index, (old, new) in pairs if old is not None and new is None]
    unraised = [{"k_index": index} for index, old in ended if not old.raised]
    cleared = [
        {"k_index": index, "cleared_at": changes.at, "closed_rev": changes.revision}
        for index, old in ended
        if old.raised
    ]
    started = [encoding.alarm_row(new) for _, (old, new) in pairs if old is None and new is not None]
    changed = [encoding.alarm_row(new) for _, (old, new) in pairs if old is not None and new is not None]
    _run(connection, statements.alarm_delete, unraised)
    _run(connection, statements.alarm_end, cleared)
    _run(connection, statements.alarm_update, (row | {"k_index": row["index"]} for row in changed))
    opened = {"cleared_at": None, "opened_rev": changes.revision, "closed_rev": None}
    _run(connection, statements.alarm_insert, (row | opened for row in started))


def _freshness(changes: Changes) -> Iterator[Row]:
    for key, at in changes.freshness.items():
        source, _, scope = key.partition("\x00")
        yield {"source": source, "scope": scope, "at": at}


def _links(changes: Changes) -> Iterator[Row]:
    for source, links in changes.links.items():
        for position, link in enumerate(links):
            yield {
                "source": source,
                "position": position,
                "left": link.left,
                "right": link.right,
                "same": link.same,
            }


def _amended(event: Event) -> Row:
    row = encoding.event_row(event, 0)
    return {"k_id": event.id, "caused_by": row["caused_by"], "body": row["body"]}


def _interval(changes: Changes, begins: int, ends: int | None = None, **more: Any) -> Row:
    return {
        "valid_from": begins,
        "valid_to": ends,
        "learned_at": changes.at,
        "opened_rev": changes.revision,
        "closed_rev": None if ends is None else changes.revision,
    } | more
