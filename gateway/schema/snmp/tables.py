"""Tables: the conceptual tables of TOPOLOGY-GATEWAY-MIB."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gateway.model.conditions import Severity
from gateway.model.entities import EntityKind
from gateway.model.rows import Alarm, Entity, Placement, Source
from gateway.model.snapshot import scope_key
from gateway.model.windows import Window
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.enums import Whereabouts
from gateway.schema.snmp.layers import NODES, ImpactRow, LayerRow, Scopes, names
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.relations import RelationRow, relation_rows
from gateway.schema.snmp.syntax import Syntax
from gateway.schema.snmp.table import Column, Rows, Table
from gateway.wire.ber import Oid


def _plain(shard: Mapping[int, Any], look: Lookup) -> Rows:
    return sorted(shard.items())


def _raised(shard: Mapping[int, Alarm], look: Lookup) -> Rows:
    return [(index, alarm) for index, alarm in sorted(shard.items()) if alarm.raised]


def _relations(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    return [(row.key, row) for index in sorted(shard) for row in relation_rows(shard[index], look)]


def _layers(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    return [(index, look.layers(shard[index])) for index in sorted(shard)]


def _impacts(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    return [(row.key, row) for index in sorted(shard) for row in look.impact(shard[index])]


def _windows(shard: Mapping[int, Window], look: Lookup) -> Rows:
    rows = [(window, entity) for _, window in sorted(shard.items()) for entity in sorted(window.entities)]
    return [((window.index, entity), (window, entity)) for window, entity in rows]


def _name(index: int, look: Lookup) -> str:
    """Name of an entity, or of a record that no entity shows any more."""
    shown = look.entity(index) or look.record(index)
    return shown.name if shown is not None else ""


def _pointer(index: int, look: Lookup) -> Oid:
    """RowPointer to an entity: the first column of its row that can be read; 0.0 for none."""
    return under(look.root, (*ENTITY_TABLE.column_oid(ENTITY_TABLE.columns[0]), index)) if index else (0, 0)


def _severity(alarms: Iterable[Alarm]) -> Severity:
    """The gravest, CLEARED when there is none; INDETERMINATE (2) is the least of all."""
    found = {alarm.severity for alarm in alarms}
    graded = found - {Severity.INDETERMINATE, Severity.CLEARED}
    return min(graded) if graded else max(found, default=Severity.CLEARED)


def _whereabouts(placement: Placement, look: Lookup) -> Whereabouts:
    if not placement.open:
        return Whereabouts.STOPPED
    heard_of = placement.certain and not look.any_stale(_tellers(placement, look))
    return Whereabouts.HERE if heard_of else Whereabouts.LAST_KNOWN


def _left_at(placement: Placement, look: Lookup) -> int:
    tellers = _tellers(placement, look)
    silent = placement.open and not placement.left_at and look.any_stale(tellers)
    return look.read_at(tellers) if silent else placement.left_at


def _tellers(placement: Placement, look: Lookup) -> Scopes:
    """What tells where it is; where its place follows from agreeing keys, what tells of it."""
    entity = look.entity(placement.entity)
    found = [look.record(index) for index in entity.records] if entity is not None else []
    keys = {scope_key(record.source, record.scope) for record in found if record is not None}
    own = scope_key(placement.source, "")
    return frozenset(key for key in keys if key.startswith(own)) or frozenset(keys)


def _stale(entity: Entity, look: Lookup) -> bool:
    return all(look.is_stale(record) for index in entity.records if (record := look.record(index)) is not None)


def _milliseconds(microseconds: int) -> int:
    return microseconds // 1000


def _source(number: int, name: str, kind: Syntax, value: Callable[[Source], Any]) -> Column:
    return Column(number, f"topoSource{name}", kind, lambda row, look: value(row))


def _entity(number: int, name: str, kind: Syntax, value: Callable[[Entity], Any]) -> Column:
    return Column(number, f"topoEntity{name}", kind, lambda row, look: value(row))


def _where(number: int, name: str, kind: Syntax, value: Callable[[Placement], Any]) -> Column:
    return Column(number, f"topoWhere{name}", kind, lambda row, look: value(row))


def _relation(number: int, name: str, kind: Syntax, value: Callable[[RelationRow], Any]) -> Column:
    return Column(number, f"topoRelation{name}", kind, lambda row, look: value(row))


def _layer(number: int, name: str, kind: Syntax, value: Callable[[LayerRow], Any]) -> Column:
    return Column(number, f"topoLayer{name}", kind, lambda row, look: value(row))


def _layer_pair(number: int, name: str, *kinds: EntityKind) -> tuple[Column, Column]:
    """Index and name of what an entity is on in one layer."""
    return (
        _layer(number, f"{name}Index", syntax.INDEX_OR_ZERO, lambda row: row.index_of(*kinds)),
        _layer(number + 1, f"{name}Name", syntax.TEXT, lambda row: row.name_of(*kinds)),
    )


def _impact(number: int, name: str, kind: Syntax, value: Callable[[ImpactRow], Any]) -> Column:
    return Column(number, f"topoImpact{name}", kind, lambda row, look: value(row))


def _alarm(number: int, name: str, kind: Syntax, value: Callable[[Alarm], Any]) -> Column:
    return Column(number, f"topoActiveAlarm{name}", kind, lambda row, look: value(row))


def _window(number: int, name: str, kind: Syntax, value: Callable[[Window], Any]) -> Column:
    return Column(number, f"topoWindow{name}", kind, lambda row, look: value(row[0]))


SOURCE_TABLE: Final = Table(
    2,
    "topoSourceTable",
    "sources",
    ("topoSourceIndex",),
    (
        _source(2, "Id", syntax.UUID, lambda s: s.id),
        _source(3, "Name", syntax.TEXT, lambda s: s.name),
        _source(4, "Kind", syntax.TEXT, lambda s: s.kind),
        _source(5, "State", syntax.SOURCE_STATE, lambda s: s.state),
        _source(6, "Interval", syntax.UNSIGNED, lambda s: _milliseconds(s.interval_us)),
        _source(7, "LastSuccess", syntax.TIME, lambda s: s.last_success),
        _source(8, "FailingSince", syntax.TIME, lambda s: s.failing_since),
        _source(9, "LastError", syntax.LONG_TEXT, lambda s: s.last_error),
        _source(10, "Reads", syntax.COUNTER, lambda s: s.reads),
        _source(11, "Failures", syntax.COUNTER, lambda s: s.failures),
        _source(12, "LastDuration", syntax.UNSIGNED, lambda s: _milliseconds(s.last_duration_us)),
    ),
    _plain,
)
ENTITY_TABLE: Final = Table(
    3,
    "topoEntityTable",
    "entities",
    ("topoEntityIndex",),
    (
        _entity(2, "Id", syntax.UUID, lambda e: e.id),
        _entity(3, "Kind", syntax.ENTITY_KIND, lambda e: e.kind),
        _entity(4, "Subtype", syntax.TEXT, lambda e: e.subtype),
        _entity(5, "Name", syntax.TEXT, lambda e: e.name),
        _entity(6, "State", syntax.ENTITY_STATE, lambda e: e.state),
        _entity(7, "Reason", syntax.TEXT, lambda e: e.reason),
        _entity(8, "StateSince", syntax.TIME, lambda e: e.state_since),
        _entity(9, "FirstSeen", syntax.TIME, lambda e: e.first_seen),
        _entity(10, "Sources", syntax.TEXT, lambda e: ",".join(e.sources)),
        Column(11, "topoEntityStale", syntax.TRUTH, _stale),
        Column(12, "topoEntityAlarms", syntax.GAUGE, lambda e, look: len(look.raised(e.index))),
        Column(13, "topoEntitySeverity", syntax.SEVERITY, lambda e, look: _severity(look.raised(e.index))),
    ),
    _plain,
)
WHERE_TABLE: Final = Table(
    4,
    "topoWhereTable",
    "placements",
    ("topoEntityIndex",),
    (
        _where(1, "HostIndex", syntax.INDEX, lambda p: p.host),
        Column(2, "topoWhereHostName", syntax.TEXT, lambda p, look: _name(p.host, look)),
        Column(3, "topoWhereState", syntax.WHEREABOUTS, _whereabouts),
        _where(4, "Role", syntax.TEXT, lambda p: p.role),
        _where(5, "Since", syntax.TIME, lambda p: p.since),
        Column(6, "topoWhereLeftAt", syntax.TIME, _left_at),
        _where(7, "Source", syntax.TEXT, lambda p: p.source),
        Column(8, "topoWhereHostPointer", syntax.ROW_POINTER, lambda p, look: _pointer(p.host, look)),
    ),
    _plain,
)
RELATION_TABLE: Final = Table(
    5,
    "topoRelationTable",
    "entities",
    ("topoRelationUpper", "topoRelationKind", "topoRelationLower"),
    (
        _relation(4, "Role", syntax.TEXT, lambda r: r.role),
        _relation(5, "Phase", syntax.PHASE, lambda r: r.phase),
        _relation(6, "Since", syntax.TIME, lambda r: r.since),
        _relation(7, "Confidence", syntax.UNSIGNED, lambda r: r.confidence),
        _relation(8, "Sources", syntax.TEXT, lambda r: ",".join(r.sources)),
    ),
    _relations,
)
ALARM_TABLE: Final = Table(
    6,
    "topoActiveAlarmTable",
    "alarms",
    ("topoActiveAlarmIndex",),
    (
        _alarm(2, "Key", syntax.TEXT, lambda a: a.key),
        _alarm(3, "Condition", syntax.CONDITION, lambda a: a.condition),
        _alarm(4, "Category", syntax.CATEGORY, lambda a: a.category),
        _alarm(5, "Severity", syntax.SEVERITY, lambda a: a.severity),
        _alarm(6, "EntityIndex", syntax.INDEX_OR_ZERO, lambda a: a.entity),
        Column(7, "topoActiveAlarmEntityName", syntax.TEXT, lambda a, look: _name(a.entity, look)),
        _alarm(8, "Text", syntax.LONG_TEXT, lambda a: a.text),
        _alarm(9, "Remedy", syntax.LONG_TEXT, lambda a: a.remedy),
        _alarm(10, "Since", syntax.TIME, lambda a: a.since),
        _alarm(11, "RaisedAt", syntax.TIME, lambda a: a.raised_at),
        _alarm(12, "Source", syntax.TEXT, lambda a: a.source),
        _alarm(13, "EventId", syntax.UUID, lambda a: a.event_id),
        _alarm(14, "CausedBy", syntax.UUID, lambda a: a.caused_by),
        Column(15, "topoActiveAlarmEntityPointer", syntax.ROW_POINTER, lambda a, look: _pointer(a.entity, look)),
        _alarm(16, "Planned", syntax.TRUTH, lambda a: a.planned),
    ),
    _raised,
)
LAYER_TABLE: Final = Table(
    8,
    "topoLayerTable",
    "entities",
    ("topoEntityIndex",),
    (
        _layer(1, "Status", syntax.LAYER_STATUS, lambda r: r.status),
        *_layer_pair(2, "Node", *NODES),
        *_layer_pair(4, "Guest", EntityKind.GUEST_OS),
        *_layer_pair(6, "Vm", EntityKind.VM),
        *_layer_pair(8, "Hypervisor", EntityKind.HYPERVISOR),
        *_layer_pair(10, "Host", EntityKind.PHYSICAL_HOST),
        *_layer_pair(12, "Rack", EntityKind.RACK),
        *_layer_pair(14, "Site", EntityKind.SITE),
        _layer(16, "Storage", syntax.TEXT, lambda r: names(r.storage)),
        _layer(17, "Text", syntax.LONG_TEXT, lambda r: r.text),
        *_layer_pair(18, "Service", EntityKind.SERVICE),
        Column(20, "topoLayerLastRead", syntax.TIME, lambda r, look: look.read_at(r.scopes)),
        Column(21, "topoLayerStale", syntax.TRUTH, lambda r, look: look.any_stale(r.scopes)),
    ),
    _layers,
)
IMPACT_TABLE: Final = Table(
    9,
    "topoImpactTable",
    "hosts",
    ("topoImpactHost", "topoImpactEntity"),
    (
        _impact(3, "EntityKind", syntax.ENTITY_KIND, lambda r: r.entity.kind),
        _impact(4, "EntityName", syntax.TEXT, lambda r: r.entity.name),
        _impact(5, "Effect", syntax.EFFECT, lambda r: r.effect),
        _impact(6, "Reason", syntax.LONG_TEXT, lambda r: r.reason),
        _impact(7, "PartsLost", syntax.UNSIGNED, lambda r: r.parts_lost),
        _impact(8, "Parts", syntax.UNSIGNED, lambda r: r.parts),
        _impact(9, "Certain", syntax.TRUTH, lambda r: r.certain),
        Column(10, "topoImpactLastRead", syntax.TIME, lambda r, look: look.read_at(r.scopes)),
        Column(11, "topoImpactStale", syntax.TRUTH, lambda r, look: look.any_stale(r.scopes)),
        Column(12, "topoImpactEntityPointer", syntax.ROW_POINTER, lambda r, look: _pointer(r.entity.index, look)),
        _impact(13, "Verdict", syntax.VERDICT, lambda r: r.verdict),
        _impact(14, "VerdictReason", syntax.VERDICT_REASON, lambda r: r.verdict_reason),
        _impact(15, "Destination", syntax.INDEX_OR_ZERO, lambda r: r.destination.index if r.destination else 0),
        _impact(16, "DestinationName", syntax.TEXT, lambda r: r.destination.name if r.destination else ""),
    ),
    _impacts,
    bits=0,
)
WINDOW_TABLE: Final = Table(
    15,
    "topoWindowTable",
    "windows",
    ("topoWindowIndex", "topoWindowEntity"),
    (
        _window(3, "Name", syntax.TEXT, lambda w: w.name),
        _window(4, "Reason", syntax.LONG_TEXT, lambda w: w.reason),
        Column(5, "topoWindowEntityName", syntax.TEXT, lambda r, look: _name(r[1], look)),
        _window(6, "State", syntax.WINDOW_STATE, lambda w: w.state),
        _window(7, "StartsAt", syntax.TIME, lambda w: w.starts_at),
        _window(8, "EndsAt", syntax.TIME, lambda w: w.ends_at),
        _window(9, "DeclaredBy", syntax.TEXT, lambda w: w.declared_by),
        _window(10, "Relocations", syntax.UNSIGNED, lambda w: w.relocations),
        _window(11, "Failures", syntax.UNSIGNED, lambda w: w.failures),
        _window(12, "EventId", syntax.UUID, lambda w: w.event_id),
        Column(13, "topoWindowEntityPointer", syntax.ROW_POINTER, lambda r, look: _pointer(r[1], look)),
    ),
    _windows,
)
"""A row is a window and the index of one entity that it names."""
TABLES: Final = (
    SOURCE_TABLE,
    ENTITY_TABLE,
    WHERE_TABLE,
    RELATION_TABLE,
    ALARM_TABLE,
    LAYER_TABLE,
    IMPACT_TABLE,
    WINDOW_TABLE,
)
