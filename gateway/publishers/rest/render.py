"""Render: rows of a topology as the external models. Pure; `now` is the time that the answer is about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.model.conditions import Severity
from gateway.model.entities import EntityRef
from gateway.model.events import Event
from gateway.model.ports import Interval, TopologyView
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source
from gateway.model.windows import Window, WindowRef
from gateway.publishers.rest import models as m
from gateway.publishers.rest.window_models import WindowModel
from gateway.topology.ages import claim_age, claim_is_stale, entity_age, entity_is_stale
from gateway.topology.coverage import covered_by
from gateway.topology.hops import Hop, Where
from gateway.topology.impact import Affected, Impact
from gateway.topology.quorum import Quorum
from gateway.topology.scopes import Scope, scopes_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at: int) -> datetime:
    """Microseconds UTC as a time."""
    return _EPOCH + timedelta(microseconds=at)


def moment_or_none(at: int | None) -> datetime | None:
    """0 and None mean: never, or not known."""
    return moment(at) if at else None


def seconds(age_us: int | None) -> float | None:
    """An age in seconds."""
    return None if age_us is None else age_us / 1e6


def ref(entity: Entity | EntityRef) -> m.Ref:
    return m.Ref(index=entity.index, id=entity.id, kind=entity.kind, name=entity.name)


def entity_model(view: TopologyView, entity: Entity, now: int, stale_intervals: int) -> m.EntityModel:
    return m.EntityModel(**_entity_fields(view, entity, now, stale_intervals))


def entity_detail(view: TopologyView, entity: Entity, now: int, stale_intervals: int) -> m.EntityDetail:
    placement = view.placement(entity)
    return m.EntityDetail(
        **_entity_fields(view, entity, now, stale_intervals),
        placement=None if placement is None else placement_model(view, placement),
        alarms=[alarm_model(view, alarm) for alarm in view.alarms_of(entity)],
        windows=covers(view, [entity]),
    )


def covers(view: TopologyView, entities: Iterable[Entity]) -> list[m.CoverModel]:
    """The planned windows that go on and cover one of these, by index."""
    found = {window.index: window for entity in entities for window in covered_by(view, entity)}
    return [
        m.CoverModel(index=index, name=window.name, reason=window.reason, ends_at=moment(window.ends_at))
        for index, window in sorted(found.items())
    ]


def window_model(view: TopologyView, window: Window) -> WindowModel:
    named = (view.entity(index) for index in window.entities)
    return WindowModel(
        index=window.index,
        id=window.id,
        name=window.name,
        reason=window.reason,
        state=window.state,
        entities=[ref(entity) for entity in named if entity is not None],
        starts_at=moment(window.starts_at),
        ends_at=moment(window.ends_at),
        declared_by=window.declared_by,
        declared_at=moment(window.declared_at),
        begun_at=moment_or_none(window.begun_at),
        ended_at=moment_or_none(window.ended_at),
        event_id=window.event_id or None,
        relocations=window.relocations,
        failures=window.failures,
    )


def _entity_fields(view: TopologyView, entity: Entity, now: int, stale_intervals: int) -> dict[str, Any]:
    age = entity_age(view, entity, now)
    records = [record for index in entity.records if (record := view.record(index)) is not None]
    return {
        "index": entity.index,
        "id": entity.id,
        "kind": entity.kind,
        "name": entity.name,
        "subtype": entity.subtype,
        "state": entity.state,
        "reason": entity.reason,
        "state_since": moment_or_none(entity.state_since),
        "first_seen": moment_or_none(entity.first_seen),
        "sources": list(entity.sources),
        "records": [record_name(record) for record in records],
        "aliases": [m.AliasModel(namespace=alias.namespace, value=alias.value) for alias in entity.aliases],
        "attributes": dict(entity.attributes),
        "seen_at": None if age is None else moment(now - age),
        "age_s": seconds(age),
        "stale": entity_is_stale(view, entity, now, stale_intervals),
    }


def record_name(record: Record) -> str:
    """How declared links name a record."""
    return f"{record.source}/{record.key.kind.value}/{record.key.native}"


def placement_model(view: TopologyView, placement: Placement) -> m.PlacementModel:
    host = view.entity(placement.host)
    return m.PlacementModel(
        host=None if host is None else ref(host),
        role=placement.role,
        since=moment_or_none(placement.since),
        open=placement.open,
        certain=placement.certain,
        left_at=moment_or_none(placement.left_at),
        source=placement.source,
    )


def relation_model(
    view: TopologyView, claim: Claim, upper: Entity, lower: Entity, now: int, stale_intervals: int
) -> m.RelationModel:
    return m.RelationModel(
        kind=claim.kind,
        upper=ref(upper),
        lower=ref(lower),
        role=claim.role,
        phase=claim.phase,
        arrival=claim.arrival,
        since=moment_or_none(claim.since),
        source=claim.source,
        scope=claim.scope,
        confidence=claim.confidence,
        age_s=seconds(claim_age(view, claim, now)),
        stale=claim_is_stale(view, claim, now, stale_intervals),
        attributes=dict(claim.attributes),
    )


def interval_model(view: TopologyView, interval: Interval) -> m.IntervalModel:
    host = view.entity(interval.host)
    return m.IntervalModel(
        host=None if host is None else ref(host),
        host_index=interval.host,
        role=interval.role,
        since=moment(interval.since),
        until=None if interval.until is None else moment(interval.until),
        learned_at=moment(interval.learned_at),
        opened_revision=interval.opened_rev,
        closed_revision=interval.closed_rev,
    )


def severity_word(severity: Severity) -> str:
    return severity.name.lower()


def event_ref(entity: EntityRef | None) -> m.EventRef | None:
    return None if entity is None else _event_ref(entity)


def _event_ref(entity: EntityRef) -> m.EventRef:
    return m.EventRef(
        index=entity.index,
        id=entity.id,
        kind=entity.kind,
        name=entity.name,
        source=entity.source,
        native=entity.native,
    )


def event_model(event: Event) -> m.EventModel:
    return m.EventModel(
        seq=event.seq,
        id=event.id,
        at=moment(event.at),
        kind=event.kind,
        entity=_event_ref(event.entity),
        source=event.source,
        old_host=event_ref(event.old_host),
        new_host=event_ref(event.new_host),
        cause=event.cause,
        planned=event.planned,
        window=None if event.window is None else _window_ref(event.window),
        live=event.live,
        members=[_event_ref(member) for member in event.members],
        carried=event.carried,
        caused_by=event.caused_by or None,
        started_at=moment_or_none(event.started_at),
        evidence=list(event.evidence),
        alarm_key=event.alarm_key or None,
        condition=event.condition,
        severity=severity_word(event.severity) if event.severity is not Severity.INDETERMINATE else None,
        text=event.text,
        remedy=event.remedy,
        told=event.notify,
    )


def _window_ref(window: WindowRef) -> m.WindowRefModel:
    return m.WindowRefModel(
        index=window.index, name=window.name, ends_at=moment(window.ends_at), event_id=window.event_id
    )


def alarm_model(view: TopologyView, alarm: Alarm, cleared_at: int | None = None) -> m.AlarmModel:
    entity = view.entity(alarm.entity)
    return m.AlarmModel(
        index=alarm.index,
        key=alarm.key,
        condition=alarm.condition,
        category=alarm.category,
        severity=severity_word(alarm.severity),
        entity=None if entity is None else ref(entity),
        entity_index=alarm.entity,
        source=alarm.source,
        detail=alarm.detail,
        text=alarm.text,
        remedy=alarm.remedy,
        since=moment_or_none(alarm.since),
        raised_at=moment_or_none(alarm.raised_at),
        cleared_at=moment_or_none(cleared_at),
        event_id=alarm.event_id,
        caused_by=alarm.caused_by or None,
        planned=alarm.planned,
    )


def source_model(view: TopologyView, source: Source, now: int, *, past: bool = False) -> m.SourceModel:
    """`past`: as it was; its figures are of this process and of now, and are left out."""
    return m.SourceModel(
        index=source.index,
        id=source.id,
        name=source.name,
        kind=source.kind,
        state=source.state,
        interval_s=source.interval_us / 1e6,
        last_success=moment_or_none(source.last_success),
        age_s=max(now - source.last_success, 0) / 1e6 if source.last_success else None,
        failing_since=moment_or_none(source.failing_since),
        last_error=source.last_error,
        reads=None if past else source.reads,
        failures=None if past else source.failures,
        last_duration_s=None if past else source.last_duration_us / 1e6,
        scopes=[_scope(scope, now) for scope in scopes_of(view, source.name)],
    )


def _scope(scope: Scope, now: int) -> m.ScopeModel:
    return m.ScopeModel(
        name=scope.name,
        last_read=moment_or_none(scope.read_at),
        age_s=max(now - scope.read_at, 0) / 1e6 if scope.read_at else None,
        failing_since=moment_or_none(scope.failing_since),
        silent=scope.silent,
        error=scope.error,
    )


def where_model(view: TopologyView, answer: Where, stale_intervals: int) -> m.WhereModel:
    return m.WhereModel(
        entity=entity_model(view, answer.entity, answer.now, stale_intervals),
        status=answer.status,
        said=answer.said,
        reaches_hardware=answer.reaches_hardware,
        hops=_hops(answer.below),
        storage=_hops(answer.storage),
        machines=_hops(answer.machines),
        ends=answer.ends,
        notes=list(answer.notes),
        alarms=[alarm_model(view, alarm) for alarm in answer.alarms],
        windows=covers(view, [answer.entity]),
        revision=answer.revision,
        at=moment(answer.now),
    )


def _hops(hops: Iterable[Hop]) -> list[m.HopModel]:
    return [_hop(hop) for hop in hops]


def _hop(hop: Hop) -> m.HopModel:
    return m.HopModel(
        relation=hop.relation,
        entity=ref(hop.entity),
        entity_state=hop.entity.state,
        state=hop.state,
        role=hop.role,
        since=moment_or_none(hop.since),
        until=moment_or_none(hop.until),
        age_s=seconds(hop.age_us),
        stale=hop.stale,
        source=hop.source,
        confidence=hop.confidence,
        members=[ref(member) for member in hop.members],
        notes=list(hop.notes),
        below=_hops(hop.below),
        storage=_hops(hop.storage),
        machines=_hops(hop.machines),
        ends=hop.ends,
    )


def impact_model(answer: Impact, limit: int, windows: Iterable[m.CoverModel] = ()) -> m.ImpactModel:
    return m.ImpactModel(
        lost=[ref(entity) for entity in answer.lost],
        said=answer.said,
        colour=answer.colour,
        outlook=answer.outlook,
        affected=[_affected(one) for one in answer.affected[:limit]],
        omitted=max(len(answer.affected) - limit, 0),
        counts=[
            m.CountModel(kind=kind, lost=count.lost, degraded=count.degraded) for kind, count in answer.counts.items()
        ],
        quorums=[_quorum(votes) for votes in answer.quorums],
        blind_spots=list(answer.blind_spots),
        windows=list(windows),
        stale=answer.stale,
        revision=answer.revision,
        at=moment(answer.now),
    )


def _quorum(votes: Quorum) -> m.QuorumModel:
    return m.QuorumModel(
        cluster=ref(votes.cluster),
        votes=votes.votes,
        lost=votes.lost,
        remain=votes.remain,
        majority=votes.majority,
        note=votes.note,
    )


def _affected(one: Affected) -> m.AffectedModel:
    return m.AffectedModel(
        entity=ref(one.entity),
        layer=one.layer,
        effect=one.effect,
        reason=one.reason,
        verdict=one.verdict,
        verdict_reason=one.verdict_reason,
        destination=None if one.destination is None else ref(one.destination),
        manager=None if one.manager is None else ref(one.manager),
        path=[m.StepModel(relation=step.relation, entity=ref(step.entity)) for step in one.path],
        parts_lost=one.parts_lost,
        parts=one.parts,
        roles_lost=list(one.roles_lost),
        age_s=seconds(one.age_us),
        stale=one.stale,
        certain=one.certain,
    )
