"""
Silence: scopes that cannot be read, when that is told, and what it means for what they said.

The alarm of a scope is its state: it settles while the scope fails, and is raised when it is silent. It is named after
the scope (`detail`), for one thing may stand for several. Silence proves nothing: what a silent scope said counts
against no fresh word any more, and that is all (design: domain, Unrecoverable failure).
"""

from collections.abc import Iterator
from dataclasses import replace

from gateway.model.conditions import SECOND, Category, ConditionKind, SettleTimes
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind
from gateway.model.observations import ScopeFailure
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Source, SourceState
from gateway.topology.alarms import begin, end, raise_alarm
from gateway.topology.draft import CORRELATION, GATEWAY, Draft, kind_of

MOST_NAMED = 10
"""How many of the last known residents of a silent host are named."""


def scope_fails(draft: Draft, failure: ScopeFailure, settle: SettleTimes) -> None:
    """A read of a scope failed: its silence begins to settle, or goes on."""
    known = draft.failing(failure.source, failure.scope)
    if known is None:
        _begin(draft, failure, settle, settle.stale_disconnect)
    elif not known.raised and known.text != failure.error:
        due = draft.due(f"alarm:{known.index}")
        draft.put_alarm(replace(known, text=failure.error))
        draft.judge_at(f"alarm:{known.index}", due)


def fall_silent(draft: Draft, alarm: Alarm, settle: SettleTimes, root: str = "") -> None:
    """
    The scope has failed for so long that it counts as silent: told once, in the log only when its root was told.

    `root`: event id of the loss of its host, when that is known. What other scopes claim too must be judged again.
    """
    root = root or _loss(draft, alarm) or _source_silence(draft, alarm, settle)
    said = replace(alarm, text=_text(draft, alarm), remedy=_remedy(draft, alarm))
    raise_alarm(draft, said, root)
    draft.touched.update(contested(draft, alarm.source, alarm.detail))


def scope_answers(draft: Draft, source: str, scope: str, settle: SettleTimes) -> None:
    """The scope was read: neither it nor its source is silent any more, and its host is not lost."""
    alarm = draft.failing(source, scope)
    if alarm is not None:
        for other in draft.alarms_of(alarm.entity) if alarm.raised else ():
            if other.condition is ConditionKind.HOST_LOST:
                end(draft, other)
        said = f"answers again after {_seconds(draft.at, alarm)} s"
        if not draft.scope(source, scope):
            said = "has nothing any more: it left the configuration, or is empty"
        end(draft, alarm, f"{scope} of source {source} {said}")
    row = draft.source(source)
    if row is not None and (whole := silence_of_source(draft, row)) is not None:
        end_source_silence(draft, row, whole, settle)


def contested(draft: Draft, source: str, scope: str) -> set[int]:
    """Entities that the scope sees, and of whose place another scope says something."""
    seen = {draft.entity_of(index) for index in draft.scope(source, scope)}
    return {entity for entity in seen if len(_claimants(draft, entity)) > 1}


def _claimants(draft: Draft, entity: int) -> set[tuple[str, str]]:
    """Scopes that say where the entity runs; what agreeing keys give is nobody's word."""
    claims = draft.entity_claims(entity, RelationKind.RUNS_ON)
    return {(claim.source, claim.scope) for claim in claims if claim.source != CORRELATION}


# -- a source as a whole ---------------------------------------------------------------------------------------


def silence_of_source(draft: Draft, source: Source) -> Alarm | None:
    """The alarm of a whole source that does not answer; None: there is none."""
    stale = ConditionKind.SOURCE_STALE
    return next((a for a in draft.alarms_of(source.index) if a.condition is stale and not a.detail), None)


def end_source_silence(draft: Draft, source: Source, alarm: Alarm, settle: SettleTimes) -> None:
    """The source answers again. What of it goes on being silent was not told by itself, and soon is."""
    end(draft, alarm, f"source {source.name} answers again after {_seconds(draft.at, alarm)} s")
    for scope in silent_scopes_of(draft, source.name):
        if scope.caused_by == alarm.event_id:
            draft.judge_at(f"scope:{scope.index}", draft.at + 2 * settle.stale_disconnect)


def forget_scopes(draft: Draft, source: str) -> None:
    """Nobody reads the source any more: nobody waits for its scopes."""
    for alarm in draft.all_failing():
        if alarm.source == source:
            draft.judge_at(f"scope:{alarm.index}", None)
            end(draft, alarm, f"source {source} is not read any more")
    draft.judge_at(f"scopes:{source}", None)


def tell_late(draft: Draft, index: int) -> None:
    """A scope that was silent with its whole source, and still is now that the source answers: told by itself."""
    draft.judge_at(f"scope:{index}", None)
    alarm = draft.alarm(index)
    if alarm is None or not alarm.raised or not alarm.caused_by:
        return
    then, now = _seconds(alarm.raised_at, alarm), _seconds(draft.at, alarm)
    end(draft, alarm, f"{alarm.detail} of source {alarm.source} goes on being silent: told by itself now")
    text = alarm.text.replace(f"for {then} s", f"for {now} s", 1)
    again = replace(alarm, index=0, raised_at=0, event_id="", caused_by="", text=text)
    raise_alarm(draft, draft.add_alarm(again), _loss(draft, alarm))


def untold(draft: Draft) -> Iterator[Alarm]:
    """Raised alarms of silent scopes whose root is not active any more."""
    for alarm in draft.all_failing():
        row = draft.source(alarm.source)
        whole = silence_of_source(draft, row) if row is not None else None
        roots = {_loss(draft, alarm), whole.event_id if whole is not None else ""}
        if alarm.raised and alarm.caused_by and alarm.caused_by not in roots:
            yield alarm


def silent_scopes_of(draft: Draft, source: str) -> list[Alarm]:
    """The raised alarms of the scopes of a source."""
    return [alarm for alarm in draft.all_failing() if alarm.source == source and alarm.raised]


def _source_silence(draft: Draft, alarm: Alarm, settle: SettleTimes) -> str:
    """Event id of the silence of the whole source, which begins now when its last scope has failed; else empty."""
    row = draft.source(alarm.source)
    if row is None:
        return ""
    whole = silence_of_source(draft, row)
    if whole is None and (failing := _all_fail(draft, row)):
        names = ", ".join(sorted(failing)[:MOST_NAMED]) + (" ..." if len(failing) > MOST_NAMED else "")
        key = begin(
            draft,
            source=GATEWAY,
            kind=ConditionKind.SOURCE_STALE,
            entity=row.index,
            text=f"source {row.name} has not answered: none of its {len(failing)} parts ({names}) does: {alarm.text}",
            remedy=f"gateway check tells what is wrong with sources.{row.name}",
            settle=settle,
        )
        whole = draft.alarm_with(key)
    return whole.event_id if whole is not None else ""


def _all_fail(draft: Draft, source: Source) -> list[str]:
    """The scopes of a source that are failing, when there are several and none other answers; else none."""
    failing = [alarm.detail for alarm in draft.all_failing() if alarm.source == source.name]
    if len(failing) < 2 or any(scope not in failing for scope in answering(draft, source.name)):
        return []
    return failing


def answering(draft: Draft, source: str) -> Iterator[str]:
    """Scopes of the source that hold something and have been heard of lately."""
    prefix = f"{source}\x00"
    for key, read_at in draft.base.freshness.items():
        scope = key.removeprefix(prefix)
        known = read_at and key.startswith(prefix) and draft.scope(source, scope)
        if known and not draft.is_silent(source, scope):
            yield scope


# -- silence without a failure ---------------------------------------------------------------------------------


def watch_scopes(draft: Draft, source: str, scope: str, settle: SettleTimes) -> None:
    """A scope was read: when it is not for `[settle] stale_intervals` of its source's intervals, that is told."""
    row, key = draft.source(source), f"scopes:{source}"
    if scope and row is not None and row.interval_us and draft.due(key) is None:
        draft.judge_at(key, draft.at + settle.stale_intervals * row.interval_us + SECOND)


def look_at_scopes(draft: Draft, source: str, settle: SettleTimes) -> None:
    """
    Tell which scopes that were read in this run have neither been read nor failed for too long.

    When nothing of the source was read of late it is for its supervision to say that the source is silent; the watch
    over its scopes begins again with the next read.
    """
    key, row = f"scopes:{source}", draft.source(source)
    draft.judge_at(key, None)
    read = _read_in_this_run(draft, source)
    if row is None or not row.interval_us or row.state is SourceState.DISABLED or not read:
        return
    limit = settle.stale_intervals * row.interval_us
    newest = max(read.values())
    if newest + row.interval_us < draft.at:
        draft.judge_at(key, draft.at + row.interval_us if newest + limit >= draft.at else None)
        return
    for scope, at in sorted(read.items()):
        if at + limit < draft.at and draft.failing(source, scope) is None:
            alarm = _begin(
                draft, ScopeFailure(source, at, scope, "it was not read, and nothing says why"), settle, limit
            )
            if alarm is not None:
                fall_silent(draft, alarm, settle)
    quiet = [at for scope, at in read.items() if draft.failing(source, scope) is None]
    draft.judge_at(key, max(min(quiet, default=draft.at) + limit, draft.at) + SECOND)


def _read_in_this_run(draft: Draft, source: str) -> dict[str, int]:
    prefix, began = f"{source}\x00", max(draft.base.resumed_at, 1)
    return {
        scope: at
        for key, at in draft.base.freshness.items()
        if at >= began and key.startswith(prefix) and (scope := key.removeprefix(prefix)) and draft.scope(source, scope)
    }


# -- words -----------------------------------------------------------------------------------------------------


def _begin(draft: Draft, failure: ScopeFailure, settle: SettleTimes, wait: int) -> Alarm | None:
    entity = _stands_for(draft, failure)
    if not entity or not failure.scope:
        return None
    key = begin(
        draft,
        source=failure.source,
        kind=ConditionKind.SOURCE_STALE,
        entity=entity,
        detail=failure.scope,
        text=failure.error,
        settle=settle,
        since=failure.at,
        wait=wait,
    )
    return draft.alarm_with(key)


def _stands_for(draft: Draft, failure: ScopeFailure) -> int:
    """The entity whose silence it is: what the collector names, the scope's hypervisor, else the source; 0: none."""
    if failure.entity is not None:
        record = draft.find(failure.source, failure.entity)
        if record is not None and not record.gone:
            return draft.entity_of(record.index)
    inside = (draft.record(index) for index in draft.scope(failure.source, failure.scope))
    hosts = {r.entity for r in inside if r.scope == failure.scope and r.key.kind is EntityKind.HYPERVISOR}
    if len(hosts) == 1:
        return hosts.pop()
    row = draft.source(failure.source)
    return row.index if row is not None else 0


def _loss(draft: Draft, alarm: Alarm) -> str:
    """Event id of a failure of what stands for the scope; empty: none is known."""
    raised = (a for a in draft.alarms_of(alarm.entity) if a.raised and a.category is Category.FAILURE)
    return next((a.caused_by or a.event_id for a in raised if a.condition is ConditionKind.HOST_LOST), "")


def _text(draft: Draft, alarm: Alarm) -> str:
    silent = f"{alarm.detail} of source {alarm.source} has not answered for {_seconds(draft.at, alarm)} s: {alarm.text}"
    names = sorted(draft.ref(entity).name for entity in residents_of(draft, alarm.entity))
    if not names:
        return silent
    more = f" and {len(names) - MOST_NAMED} more ({len(names)} in all)" if len(names) > MOST_NAMED else ""
    return f"{silent}; last known there: {', '.join(names[:MOST_NAMED])}{more}"


def _seconds(at: int, alarm: Alarm) -> int:
    return (at - alarm.since) // SECOND


def _remedy(draft: Draft, alarm: Alarm) -> str:
    return (
        f"gateway check tries {alarm.detail} and tells what is wrong; where nothing answers see whether it is up and "
        f"reachable; "
        f"that it is silent does not prove that what ran there has stopped"
    )


def residents_of(draft: Draft, host: int) -> list[int]:
    """What may relocate and is, or was last known to be, on the host itself, by index."""
    above = draft.entities_on(host, RelationKind.RUNS_ON)
    return [e for e in above if kind_of(draft, e) in RELOCATABLE_KINDS and _is_there(draft, e, host)]


def _is_there(draft: Draft, entity: int, host: int) -> bool:
    placement = draft.placement(entity)
    return placement is None or (placement.open and draft.entity_of(placement.host) == host)
