"""One revision: an observation, or a settle time that ran out, in; the next snapshot and its changes out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.observations import EvidenceKind, Glimpse, Observation, ScopeFailure
from gateway.model.rows import Alarm, Record, Source, SourceState
from gateway.model.snapshot import Snapshot, silent_scope
from gateway.topology import storage
from gateway.topology.alarms import (
    begin,
    follow_records,
    judge_conditions,
    judge_conflict,
    judge_uncertain,
    raise_alarm,
)
from gateway.topology.causes import amend_causes
from gateway.topology.correlate import correlate
from gateway.topology.diff import apply_observation
from gateway.topology.doubts import Asking, delayed_until, end_doubts_of, look_at_doubt
from gateway.topology.draft import GATEWAY, Draft
from gateway.topology.evidence import note_evidence
from gateway.topology.lost import hosts_of_lost_nodes, judge_lost
from gateway.topology.migrations import tell_failed_migrations
from gateway.topology.orphans import tell_orphan, watch_again, watch_orphans
from gateway.topology.placements import Verdict, judge_placement
from gateway.topology.planned import mark_planned
from gateway.topology.relocations import tell_group, tell_moves, tell_waiting, wait_again
from gateway.topology.silence import (
    answering,
    end_source_silence,
    fall_silent,
    forget_scopes,
    look_at_scopes,
    scope_answers,
    scope_fails,
    silence_of_source,
    silent_scopes_of,
    tell_late,
    untold,
    watch_scopes,
)
from gateway.topology.storage import judge_storage, look_again, note_copies
from gateway.topology.windows import look_at_window

NewId = Callable[[], str]


def observe(
    base: Snapshot,
    observation: Observation,
    settle: SettleTimes,
    new_id: NewId,
    now: int | None = None,
    askable: Collection[str] | None = None,
) -> tuple[Snapshot, Changes]:
    """
    What an observation changes.

    Returns the next snapshot and the changes that must be committed before anybody may see it; nothing is changed
    in `base`. Times are `observation.at`, when the read began; what is handed over late is dated after `base`, but its
    scope was read when it was read. `askable`: the sources that can be asked about it, `now`; default: all, then.
    """
    read_at, observation = observation.at, replace(observation, at=max(observation.at, base.at))
    draft = Draft(base, observation.at, new_id, settle.stale_intervals, read_at)
    asking = Asking(draft.at if now is None else max(now, draft.at), askable)
    apply_observation(draft, observation)
    if not isinstance(observation.covers, Glimpse):
        scope_answers(draft, observation.source, observation.covers.scope, settle)
        end_doubts_of(draft, observation.source, observation.covers.scope, read_at)
        watch_scopes(draft, observation.source, observation.covers.scope, settle)
    linked = observation.links is not None and draft.put_links(observation.source, observation.links)
    fresh = note_evidence(draft, observation)
    note_copies(draft, observation)
    if fresh and any(fact.kind is EvidenceKind.HOST_LOST for fact in observation.evidence):
        draft.touched.update(_uncertain(draft))
    _judge(draft, settle, hosts_of_lost_nodes(draft, observation), relink=linked, asking=asking)
    judge_conditions(draft, observation, settle)
    tell_failed_migrations(draft, observation.source)
    if fresh:
        amend_causes(draft)
    return _finish(draft, settle)


def scope_failed(base: Snapshot, failure: ScopeFailure, settle: SettleTimes, new_id: NewId) -> tuple[Snapshot, Changes]:
    """
    What follows from a scope that could not be read.

    Its silence settles; nothing of it is gone, and none of its alarms ends. Its host is lost when a second witness says
    so too.
    """
    draft = Draft(base, max(failure.at, base.at), new_id, settle.stale_intervals)
    scope_fails(draft, failure, settle)
    alarm = draft.failing(failure.source, failure.scope)
    _judge(draft, settle, {alarm.entity} if alarm is not None else set())
    return _finish(draft, settle)


def settle_due(base: Snapshot, now: int, settle: SettleTimes, new_id: NewId) -> tuple[Snapshot, Changes]:
    """Judge what has become due: conditions that have held long enough, groups that have waited long enough."""
    draft = Draft(base, now, new_id, settle.stale_intervals)
    for what in draft.all_due():
        kind, _, number = what.partition(":")
        if (until := delayed_until(draft, what)) is not None:
            draft.judge_at(what, until)
            continue
        if kind == "group":
            tell_group(draft, int(number))
            continue
        if kind == "pair":
            tell_waiting(draft, int(number))
            continue
        if kind == "storage":
            look_again(draft, int(number))
            continue
        if kind == "scope":
            tell_late(draft, int(number))
            continue
        if kind == "orphan":
            tell_orphan(draft, int(number))
            continue
        if kind == "window":
            look_at_window(draft, int(number))
            continue
        if kind == "doubt":
            look_at_doubt(draft, int(number))
            continue
        if kind == "scopes":
            look_at_scopes(draft, number, settle)
            continue
        alarm = draft.alarm(int(number))
        if alarm is None or alarm.raised:
            draft.judge_at(what, None)
        elif alarm.condition is ConditionKind.PLACEMENT_CONFLICT:
            _confirm_conflict(draft, alarm, settle)
        elif silent_scope(alarm):
            fall_silent(draft, alarm, settle)
        else:
            raise_alarm(draft, alarm)
    _judge(draft, settle)
    return _finish(draft, settle)


def _confirm_conflict(draft: Draft, alarm: Alarm, settle: SettleTimes) -> None:
    """
    A conflict is one of freshly read hosts: all that claim the entity have said so since it began, and still answer.

    Until then it is looked at again and again; when one of them has fallen silent, the other is believed.
    """
    verdict = judge_placement(draft, alarm.entity)
    half = max(settle.placement_conflict // 2, SECOND)
    if verdict.conflict and _is_confirmed(verdict, alarm.since, half):
        raise_alarm(draft, alarm)
    elif verdict.conflict:
        draft.put_alarm(replace(alarm, due=draft.at + half))
    else:
        _told_of(draft, {alarm.entity: verdict}, settle)


def _is_confirmed(verdict: Verdict, since: int, half: int) -> bool:
    """
    True when all have said so since the conflict began. Beside one that began to say so then (a migration arrived),
    the others must have said so a while later: the host that is left shows what leaves it for up to 2 s.
    """
    arrived = any(began >= since for began, _ in verdict.claimed)
    return all(heard >= (since if began >= since or not arrived else since + half) for began, heard in verdict.claimed)


def resume(base: Snapshot, now: int, settle: SettleTimes, new_id: NewId) -> Snapshot:
    """
    After a restart: what moved and waits to be told, for its group, its pair or its old host, is pending again.

    Scopes that were failing get the time to be read: their silence does not count while the gateway was away.
    """
    draft = Draft(base, now, new_id)
    for alarm in draft.all_failing():
        if not alarm.raised:
            draft.judge_at(f"alarm:{alarm.index}", max(alarm.due, now + settle.stale_disconnect))
    for alarm in untold(draft):
        draft.judge_at(f"scope:{alarm.index}", now + 2 * settle.stale_disconnect)
    watch_again(draft, settle)
    for _, placement in base.placements.rows():
        if placement.moved_from:
            wait_again(draft, placement, settle)
        storage.wait_again(draft, placement, settle)
    made, _ = draft.finish()
    return replace(base, pending=made.pending, doubts=made.doubts, resumed_at=now)


def register_source(base: Snapshot, source: Source, now: int, new_id: NewId) -> tuple[Snapshot, Changes]:
    """Make a source known: it has a `manager` entity, to which its own alarms belong."""
    draft = Draft(base, now, new_id)
    key = NativeKey(EntityKind.MANAGER, source.name)
    record = draft.find(GATEWAY, key)
    if record is None:
        record = draft.add_record(
            Record(
                index=0,
                id="",
                source=GATEWAY,
                scope="",
                key=key,
                name=source.name,
                subtype=source.kind,
                state=EntityState.STARTING,
                reason="",
                aliases=(),
                attributes={},
                first_seen=now,
                state_since=now,
            )
        )
    draft.put_source(replace(source, index=record.index, id=record.id))
    return draft.finish()


def update_source(
    base: Snapshot, source: Source, state: EntityState, now: int, settle: SettleTimes, new_id: NewId, stale: str = ""
) -> tuple[Snapshot, Changes]:
    """
    How a source is doing. `stale`: the text of its sourceStale alarm, empty when it answers.

    Nothing of the source is deleted and none of its alarms is cleared.
    """
    draft = Draft(base, now, new_id)
    record = draft.record(source.index)
    if (record.state, record.reason) != (state, source.last_error):
        draft.put_record(replace(record, state=state, reason=source.last_error, state_since=now))
    draft.put_source(source)
    if stale:
        begin(
            draft,
            source=GATEWAY,
            kind=ConditionKind.SOURCE_STALE,
            entity=source.index,
            text=stale,
            remedy=f"gateway check tells what is wrong with sources.{source.name}",
            settle=settle,
            root=_only_silence(draft, source.name),
        )
    elif (whole := silence_of_source(draft, source)) is not None:
        end_source_silence(draft, source, whole, settle)
    if source.state is SourceState.DISABLED:
        forget_scopes(draft, source.name)
    return _finish(draft, settle)


def _finish(draft: Draft, settle: SettleTimes) -> tuple[Snapshot, Changes]:
    """The revision as it is: what outlives its root is watched, what happened in planned windows is marked so."""
    watch_orphans(draft, settle)
    mark_planned(draft, settle)
    return draft.finish()


def _only_silence(draft: Draft, source: str) -> str:
    """Event id of the silence of a source's only scope, which was told and says more; empty when it has others."""
    failing = silent_scopes_of(draft, source)
    only = len(failing) == 1 and not any(True for _ in answering(draft, source))
    return (failing[0].caused_by or failing[0].event_id) if only else ""


def _uncertain(draft: Draft) -> list[int]:
    """Entities whose old host did not answer: it may be known now that it is lost."""
    kind = ConditionKind.PLACEMENT_UNCERTAIN
    return [alarm.entity for _, alarm in draft.base.alarms.rows() if alarm.condition is kind]


def _judge(
    draft: Draft,
    settle: SettleTimes,
    doubtful: Iterable[int] = (),
    *,
    relink: bool = False,
    asking: Asking | None = None,
) -> None:
    """
    Correlate what has other keys, then judge the placement of everything that may be elsewhere.

    `doubtful`: hypervisors that may be lost; that is told before what moves away from them, and who is `asking` asks.
    """
    if draft.rekeyed or relink:
        correlate(draft, settle, everything=relink)
        follow_records(draft, settle)
    judge_lost(draft, doubtful, settle, asking)
    verdicts: dict[int, Verdict] = {}
    for entity in sorted(draft.touched):
        if draft.record(entity).entity == entity:
            verdicts[entity] = judge_placement(draft, entity)
    _told_of(draft, verdicts, settle)
    judge_storage(draft, settle)


def _told_of(draft: Draft, verdicts: Mapping[int, Verdict], settle: SettleTimes) -> None:
    for entity, verdict in verdicts.items():
        judge_conflict(draft, entity, verdict, settle)
        judge_uncertain(draft, entity, verdict, settle)
    tell_moves(draft, verdicts, settle)
