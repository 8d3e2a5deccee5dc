"""
Storage relocations: disks of an entity that are in another pool than they were (design: domain, Relocation).

A disk that comes or goes has not moved, nor has one of which it is not known where it is. A copy under way is none:
its disk is where it was until it has changed over to the copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.model.conditions import SettleTimes
from gateway.model.entities import NativeKey
from gateway.model.events import PLANNED, Cause, Event, EventKind
from gateway.model.observations import EvidenceKind, Observation
from gateway.model.rows import Placement
from gateway.topology.disks import Disk, are_two, disks_of, owners_of, remember_lost, users_of
from gateway.topology.draft import Draft
from gateway.topology.evidence import cause_of, copies, named_by
from gateway.topology.placements import last_seen
from gateway.topology.severities import graded

Way = tuple[int, int]
"""From one pool to another."""


@dataclass(frozen=True, slots=True)
class _Change:
    """
    Disks of an entity that is stable on its host. `before`: name -> pool where each was when that was certain, last
    seen so at `left_at`; `ways`: the names of those that are elsewhere; `copied`: facts that say that they were copied.
    """

    placement: Placement
    before: Mapping[str, int]
    now: Mapping[str, Disk]
    left_at: int
    ways: Mapping[Way, list[str]]
    copied: tuple[str, ...]


def note_copies(draft: Draft, observation: Observation) -> None:
    """Facts that disks were copied say where they are now."""
    for fact in observation.evidence:
        if fact.kind is EvidenceKind.STORAGE_COPIED and fact.entity is not None:
            record = draft.find(observation.source, fact.entity)
            if record is not None:
                draft.restored.add(draft.entity_of(record.index))


def judge_storage(draft: Draft, settle: SettleTimes) -> None:
    """Tell what has moved of storage that may be another one than before, or let it wait; moves of hosts come first."""
    remember_lost(draft)
    concerned = {user for entity in draft.restored for user in users_of(draft, entity)}
    placed = draft.touched.union(event.entity.index for event in draft.events if event.kind is EventKind.RELOCATION)
    concerned.update(entity for entity in placed if _waits(draft, entity) or _has_another_home(draft, entity))
    base = Draft(draft.base, draft.at, draft.new_id) if concerned else draft
    for entity in sorted(concerned):
        placement, had = draft.placement(entity), base.placement(entity)
        if placement is not None and had is not None:  # not when it is seen for the first time
            _judge(draft, base, placement, had, settle)


def _waits(draft: Draft, entity: int) -> bool:
    placement = draft.placement(entity)
    return placement is not None and bool(placement.storage_from)


def _has_another_home(draft: Draft, entity: int) -> bool:
    """Another scope than before says what it has."""
    records = ((draft.base.records.get(index), draft.record(index)) for index in draft.group_of(entity))
    return any(old is not None and old.scope != new.scope for old, new in records)


def look_again(draft: Draft, entity: int) -> None:
    """Its disks have waited long enough, for each other or for a word that they were copied."""
    draft.restored.add(entity)


def wait_again(draft: Draft, placement: Placement, settle: SettleTimes) -> None:
    """After a restart: disks that were not where they had been are looked at again."""
    if placement.storage_from:
        draft.judge_at(f"storage:{placement.entity}", draft.at + settle.group)


def _judge(draft: Draft, base: Draft, placement: Placement, had: Placement, settle: SettleTimes) -> None:
    """`had`: the placement as it was before this revision."""
    known = {name: disk.pool for name, disk in disks_of(base, placement.entity).items() if disk.pool}
    before = dict(placement.storage_from) or known
    left_at = placement.storage_left or max(last_seen(base, placement.entity), had.since)
    waiting = f"storage:{placement.entity}"
    if not placement.open or not placement.certain or placement.left_at or placement.moved_from:
        if draft.due(waiting) is not None:
            draft.judge_at(waiting, None)  # it is looked at again when its place is settled, and told
        _remember(draft, placement, before, left_at)
        return
    now = disks_of(draft, placement.entity)
    ways = _ways(draft, base, before, now)
    if ways:
        copied = copies(draft, placement.source, _keys(draft, placement), left_at)
        change = _Change(placement, before, now, left_at, ways, copied)
        due = draft.due(waiting) or draft.at + settle.group
        if due > draft.at and _is_to_wait(draft, change):
            draft.judge_at(waiting, due)
            _remember(draft, placement, before, left_at)
            return
        _tell(draft, change)
    if draft.due(waiting) is not None:
        draft.judge_at(waiting, None)
    unknown = {name: pool for name, pool in before.items() if name in now and not now[name].pool}
    _remember(draft, placement, unknown, left_at)


def _remember(draft: Draft, placement: Placement, before: Mapping[str, int], left_at: int) -> None:
    """Where disks were when that was certain last; nothing when it is certain now."""
    draft.put_placement(
        replace(placement, storage_from=tuple(sorted(before.items())), storage_left=left_at if before else 0)
    )


def _ways(draft: Draft, base: Draft, before: Mapping[str, int], now: Mapping[str, Disk]) -> dict[Way, list[str]]:
    """The names of the disks that went each way. Two pools that are one, or were until now, are none."""
    found: dict[Way, list[str]] = {}
    for name, pool in before.items():
        new = now[name].pool if name in now else 0
        known = draft.base.records.get(new) is not None
        if new and new != draft.entity_of(pool) and not (known and base.entity_of(new) == base.entity_of(pool)):
            found.setdefault((draft.entity_of(pool), new), []).append(name)
    return found


def _is_to_wait(draft: Draft, change: _Change) -> bool:
    """True while it is not certain that pools are two, or disks that may follow are in one that others have left."""
    left = {old for old, _ in change.ways}
    follow = any(change.now[name].pool in left for name in change.before if name in change.now)
    return follow or not all(_is_certain(draft, change, way) for way in change.ways)


def _is_certain(draft: Draft, change: _Change, way: Way) -> bool:
    return bool(change.copied) or are_two(draft, *way, draft.entity_of(change.placement.host))


# -- what is told ------------------------------------------------------------------------------------------------


def _tell(draft: Draft, change: _Change) -> None:
    for way, names in change.ways.items():
        if _is_certain(draft, change, way):
            draft.events.append(graded(_event(draft, change, way, names)))


def _event(draft: Draft, change: _Change, way: Way, names: list[str]) -> Event:
    """The event of disks that went one way; of an entity that moved with them it is `caused_by` that move's."""
    placement, (old, new) = change.placement, way
    came = placement.since > change.left_at
    host = _told_move(draft, placement) if came else None
    live = host.live if host is not None else not came
    cause, planned, evidence = _why(draft, change, way, live)
    if host is not None:
        cause, planned, evidence = host.cause, host.planned, ()
    volumes = (change.now[name].volume for name in names)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=EventKind.STORAGE_RELOCATION,
        entity=draft.ref(placement.entity),
        source=placement.source,
        old_host=draft.ref(old),
        new_host=draft.ref(new),
        cause=cause,
        planned=planned,
        live=live,
        members=tuple(draft.ref(volume) for volume in volumes if volume != new),
        caused_by=(host.id if host.notify else host.caused_by) if host is not None else "",
        started_at=change.left_at,
        evidence=(*evidence, *change.copied),
        text=_text(draft, placement.entity, way, [name for name in names if name]),
    )


def _told_move(draft: Draft, placement: Placement) -> Event | None:
    """The event of the move by which the entity came where it is."""
    for event in reversed(draft.recent):
        mine = event.kind is EventKind.RELOCATION and draft.entity_of(event.entity.index) == placement.entity
        if mine and event.at >= placement.since:
            return event
    return None


def _why(draft: Draft, change: _Change, way: Way, live: bool) -> tuple[Cause | None, bool, tuple[str, ...]]:
    """
    Cause, whether it was planned, and the facts that say so. No manager copies the disks of what runs of its own
    accord: it was told to.
    """
    placement = change.placement
    left, reached = (named_by(draft, placement.source, pool) for pool in way)
    cause, evidence = cause_of(draft, placement.source, _keys(draft, placement), left, reached, change.left_at)
    if cause is None:
        return (Cause.LIVE_MIGRATION if live else Cause.COLD_MOVE), live, ()
    return cause, live or cause in PLANNED, evidence


def _keys(draft: Draft, placement: Placement) -> tuple[NativeKey, ...]:
    return tuple(draft.record(record).key for record in sorted(draft.group_of(placement.entity)))


def _text(draft: Draft, entity: int, way: Way, names: list[str]) -> str:
    what = ", ".join(names) or "the storage"
    old, new = (_label(draft, pool) for pool in way)
    return f"{what} of {draft.ref(entity).name} went from {old} to {new}"


def _label(draft: Draft, pool: int) -> str:
    """A pool by its name; one that a host has for itself with the host's."""
    owners = owners_of(draft, pool)
    return f"{draft.ref(pool).name} of {draft.ref(owners[0]).name}" if len(owners) == 1 else draft.ref(pool).name
