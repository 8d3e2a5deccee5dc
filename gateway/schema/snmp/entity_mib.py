"""
ENTITY-MIB (RFC 6933): machines and racks as physical entities; hypervisors as logical ones, with their contexts.

Indexes are those of topoEntityTable. What nobody told is a string of no octets, as the MIB wants it.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

from gateway.model.entities import EntityKind, KeyNamespace
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from gateway.schema.snmp import syntax
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.syntax import Syntax
from gateway.schema.snmp.table import Column, Rows, Table
from gateway.schema.snmp.vm_mib import VM_MIB
from gateway.wire.ber import Oid, encode_integer, encode_octets

ENTITY_OBJECTS: Final[Oid] = (1, 3, 6, 1, 2, 1, 47, 1)
LAST_CHANGE: Final[Oid] = (*ENTITY_OBJECTS, 4, 1)
"""entLastChangeTime."""
_NOWHERE: Final[Oid] = (0, 0)


class PhysicalClass(IntEnum):
    """IANAPhysicalClass, IANA-ENTITY-MIB: those that we have."""

    CHASSIS = 3
    CONTAINER = 5


_CLASSES: Final = {EntityKind.PHYSICAL_HOST: PhysicalClass.CHASSIS, EntityKind.RACK: PhysicalClass.CONTAINER}
_PHYSICAL_INDEX: Final = Syntax("PhysicalIndex", encode_integer)
_INDEX_OR_ZERO: Final = Syntax("PhysicalIndexOrZero", encode_integer)
_CLASS: Final = Syntax("IANAPhysicalClass", encode_integer)
_UUID: Final = Syntax("UUIDorZero", encode_octets)
_OCTETS: Final = Syntax("OCTET STRING", encode_octets)
_ENGINE_ID: Final = Syntax("SnmpEngineIdOrNone", encode_octets)


def _physical(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    return [(index, entity) for index, entity in sorted(shard.items()) if entity.kind in _CLASSES]


def _logical(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    return [(index, entity) for index, entity in sorted(shard.items()) if entity.kind is EntityKind.HYPERVISOR]


def _mapped(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    """(hypervisor, its machine)"""
    return _pairs(
        (entity.index, machine.index)
        for _, entity in _logical(shard, look)
        for machine in _lowers(entity, look, RelationKind.RUNS_ON)
        if machine.kind is EntityKind.PHYSICAL_HOST
    )


def _contained(shard: Mapping[int, Entity], look: Lookup) -> Rows:
    """(rack, machine in it)"""
    return _pairs(
        (entity.index, child.index)
        for _, entity in _physical(shard, look)
        for child in _uppers(entity, look)
        if child.kind in _CLASSES and _container(child, look) == entity.index
    )


def _pairs(found: Iterable[tuple[int, int]]) -> Rows:
    """Rows that say the second part of their index."""
    return [(pair, pair[1]) for pair in sorted(set(found))]


def _lowers(entity: Entity, look: Lookup, kind: RelationKind) -> Iterator[Entity]:
    for record in entity.records:
        for claim in look.claims(record):
            lower = look.entity(claim.lower) if claim.kind is kind else None
            if lower is not None:
                yield lower


def _uppers(entity: Entity, look: Lookup) -> Iterator[Entity]:
    for record in entity.records:
        for upper in look.dependents(record):
            shown = look.entity(upper)
            if shown is not None:
                yield shown


def _container(entity: Entity, look: Lookup) -> int:
    """entPhysicalContainedIn: the rack; of several the one with the lowest index."""
    racks = {lower.index for lower in _lowers(entity, look, RelationKind.PART_OF) if lower.kind in _CLASSES}
    return min(racks, default=0)


def _alias(entity: Entity, namespace: KeyNamespace) -> str:
    return next((alias.value for alias in entity.aliases if alias.namespace is namespace), "")


def _uuid(entity: Entity) -> bytes:
    text = _alias(entity, KeyNamespace.SMBIOS_UUID)
    return UUID(text).bytes if text else b""


def _uri(entity: Entity, look: Lookup) -> bytes:
    text = _alias(entity, KeyNamespace.SMBIOS_UUID)
    return f"urn:uuid:{text}".encode() if text else b""


def _description(entity: Entity, look: Lookup) -> str:
    """What its maker calls it, as far as somebody told."""
    said = entity.attributes
    parts = [said.get(key, "") for key in ("manufacturer", "product", "driver", "version")]
    return " ".join(str(part) for part in parts if part) or entity.subtype or entity.kind.value.replace("_", " ")


def _said(number: int, name: str, key: str) -> Column:
    """A text that an attribute has."""
    return Column(number, f"entPhysical{name}", syntax.TEXT, lambda entity, look: str(entity.attributes.get(key, "")))


def _same(number: int, name: str, kind: Syntax, value: Any) -> Column:
    """A column that is the same for all."""
    return Column(number, name, kind, lambda entity, look: value)


PHYSICAL_TABLE: Final = Table(
    1,
    "entPhysicalTable",
    "entities",
    ("entPhysicalIndex",),
    (
        Column(2, "entPhysicalDescr", syntax.TEXT, _description),
        _same(3, "entPhysicalVendorType", syntax.OBJECT, _NOWHERE),
        Column(4, "entPhysicalContainedIn", _INDEX_OR_ZERO, _container),
        Column(5, "entPhysicalClass", _CLASS, lambda entity, look: _CLASSES[entity.kind]),
        _same(6, "entPhysicalParentRelPos", syntax.INTEGER, -1),
        Column(7, "entPhysicalName", syntax.TEXT, lambda entity, look: entity.name),
        _same(8, "entPhysicalHardwareRev", syntax.TEXT, ""),
        _same(9, "entPhysicalFirmwareRev", syntax.TEXT, ""),
        _same(10, "entPhysicalSoftwareRev", syntax.TEXT, ""),
        Column(11, "entPhysicalSerialNum", syntax.TEXT, lambda entity, look: _alias(entity, KeyNamespace.SERIAL)),
        _said(12, "MfgName", "manufacturer"),
        _said(13, "ModelName", "product"),
        _same(14, "entPhysicalAlias", syntax.TEXT, ""),
        _same(15, "entPhysicalAssetID", syntax.TEXT, ""),
        Column(16, "entPhysicalIsFRU", syntax.TRUTH, lambda entity, look: entity.kind is EntityKind.PHYSICAL_HOST),
        _same(17, "entPhysicalMfgDate", syntax.TIME, 0),
        Column(18, "entPhysicalUris", _OCTETS, _uri),
        Column(19, "entPhysicalUUID", _UUID, lambda entity, look: _uuid(entity)),
    ),
    _physical,
    (*ENTITY_OBJECTS, 1),
)
LOGICAL_TABLE: Final = Table(
    1,
    "entLogicalTable",
    "entities",
    ("entLogicalIndex",),
    (
        Column(2, "entLogicalDescr", syntax.TEXT, _description),
        _same(3, "entLogicalType", syntax.OBJECT, VM_MIB),
        _same(4, "entLogicalCommunity", _OCTETS, b""),
        Column(5, "entLogicalTAddress", syntax.TRANSPORT_ADDRESS, lambda entity, look: look.transport[1]),
        Column(6, "entLogicalTDomain", syntax.TRANSPORT_DOMAIN, lambda entity, look: look.transport[0]),
        Column(7, "entLogicalContextEngineID", _ENGINE_ID, lambda entity, look: look.engine_id),
        Column(8, "entLogicalContextName", syntax.TEXT, lambda entity, look: look.context(entity.index)),
    ),
    _logical,
    (*ENTITY_OBJECTS, 2),
)
"""Each is asked where the agent itself is asked, so no transport address is said."""
MAPPING_TABLE: Final = Table(
    1,
    "entLPMappingTable",
    "entities",
    ("entLogicalIndex", "entLPPhysicalIndex"),
    (Column(1, "entLPPhysicalIndex", _PHYSICAL_INDEX, lambda machine, look: machine),),
    _mapped,
    (*ENTITY_OBJECTS, 3),
)
CONTAINS_TABLE: Final = Table(
    3,
    "entPhysicalContainsTable",
    "entities",
    ("entPhysicalIndex", "entPhysicalChildIndex"),
    (Column(1, "entPhysicalChildIndex", _PHYSICAL_INDEX, lambda child, look: child),),
    _contained,
    (*ENTITY_OBJECTS, 3),
)
ENTITY_TABLES: Final = (PHYSICAL_TABLE, LOGICAL_TABLE, MAPPING_TABLE, CONTAINS_TABLE)
