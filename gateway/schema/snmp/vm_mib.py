"""VM-MIB (RFC 7666): one hypervisor and its virtual machines. What we do not know is not there."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.model.entities import EntityKind, KeyNamespace
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity
from gateway.schema.snmp import syntax
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.vm_words import STATES, AutoStart, Persistent, SourceType, StorageAccess
from gateway.wire.ber import Oid, encode_integer, encode_octets, encode_oid

VM_MIB: Final[Oid] = (1, 3, 6, 1, 2, 1, 236)
VM_OBJECTS: Final[Oid] = (*VM_MIB, 1)
VM_ENTRY: Final[Oid] = (*VM_OBJECTS, 4, 1)
VM_STORAGE_ENTRY: Final[Oid] = (*VM_OBJECTS, 7, 1)
VM_NETWORK_ENTRY: Final[Oid] = (*VM_OBJECTS, 8, 1)

VM_COLUMNS: Final[Mapping[str, Oid]] = {
    name: (*VM_ENTRY, number)
    for number, name in {
        2: "vmName",
        3: "vmUUID",
        4: "vmOSType",
        5: "vmAdminState",
        6: "vmOperState",
        7: "vmAutoStart",
        8: "vmPersistent",
        9: "vmCurCpuNumber",
        12: "vmMemUnit",
        13: "vmCurMem",
    }.items()
}
STORAGE_COLUMNS: Final[Mapping[str, Oid]] = {
    f"vmStorage{name}": (*VM_STORAGE_ENTRY, number)
    for number, name in enumerate(
        (
            "Parent",
            "SourceType",
            "SourceTypeString",
            "ResourceID",
            "Access",
            "MediaType",
            "MediaTypeString",
            "SizeUnit",
            "DefinedSize",
            "AllocatedSize",
        ),
        3,
    )
}
NETWORK_COLUMNS: Final[Mapping[str, Oid]] = {
    f"vmNetwork{name}": (*VM_NETWORK_ENTRY, number)
    for number, name in ((2, "IfIndex"), (3, "Parent"), (5, "PhysAddress"))
}
"""The columns that are served, by their names in the MIB."""
Values = Mapping[int, bytes]
"""Encoded values by column number."""
_FALSE: Final = encode_integer(2)
_LARGEST: Final = 2**31 - 1
_UUID_LENGTH: Final = 36
_KIB, _MIB = 1024, 1024 * 1024


_ACCESS: Final = {"ROX": StorageAccess.READONLY, "RWO": StorageAccess.READWRITE, "RWX": StorageAccess.READWRITE}
_MEDIA: Final = {"disk": 3, "lun": 3, "cdrom": 4, "floppy": 5}
"""IANAStorageMediaType by libvirt's word for a device."""


def hypervisor_scalars(hypervisor: Entity, machines: int) -> Iterator[tuple[Oid, bytes]]:
    """(object, value) of the scalars. The notifications of this MIB are not sent."""
    software = hypervisor.attributes.get("driver", hypervisor.subtype)
    yield (*VM_OBJECTS, 1, 1), syntax.TEXT.encode(str(software))
    yield (*VM_OBJECTS, 1, 2), syntax.TEXT.encode(str(hypervisor.attributes.get("version", "")))
    yield (*VM_OBJECTS, 1, 3), encode_oid((0, 0))
    yield (*VM_OBJECTS, 2), encode_integer(machines)
    yield (*VM_OBJECTS, 9), _FALSE
    yield (*VM_OBJECTS, 10), _FALSE


def vm_values(vm: Entity) -> Values:
    """The columns of vmTable."""
    admin, oper = STATES[vm.state]
    said = vm.attributes
    values = {
        2: syntax.TEXT.encode(vm.name),
        3: syntax.UUID.encode(_uuid(vm)),
        4: syntax.TEXT.encode(str(said.get("os", ""))),
        6: encode_integer(oper),
        7: encode_integer(_known(said.get("autostart"), AutoStart.ENABLED, AutoStart.DISABLED)),
        8: encode_integer(_known(said.get("persistent"), Persistent.PERSISTENT, Persistent.TRANSIENT)),
    }
    if admin is not None:
        values[5] = encode_integer(admin)
    cpus = said.get("vcpus", said.get("cpus"))
    if isinstance(cpus, int):
        values[9] = encode_integer(min(cpus, _LARGEST))
    memory = said.get("memory_bytes")
    if isinstance(memory, int):
        unit = _unit(memory)
        values |= {12: encode_integer(unit), 13: encode_integer(min(memory // unit, _LARGEST))}
    return values


def storage_rows(vm: Entity, look: Lookup) -> Iterator[tuple[Oid, Values]]:
    """(index, columns) of vmStorageTable; vmStorageIndex is the index of the volume."""
    for claim, volume in _lowers(vm, look, RelationKind.USES_STORAGE, EntityKind.VOLUME):
        kind = _source_type(volume)
        capacity = volume.attributes.get("capacity_bytes")
        unit = _unit(capacity) if isinstance(capacity, int) else _MIB
        size = min(capacity // unit, _LARGEST) if isinstance(capacity, int) else -1
        allocated = size if kind in (SourceType.BLOCK, SourceType.RAW) else -1
        device = str(claim.attributes.get("device", "disk"))
        yield (
            (vm.index, volume.index),
            {
                3: encode_integer(0),
                4: encode_integer(kind),
                5: syntax.TEXT.encode(str(volume.attributes.get("format", ""))),
                6: syntax.TEXT.encode(volume.name),
                7: encode_integer(_ACCESS.get(str(claim.attributes.get("mode")), StorageAccess.UNKNOWN)),
                8: encode_integer(_MEDIA.get(device, 2)),
                9: syntax.TEXT.encode(str(claim.attributes.get("target", ""))),
                10: encode_integer(unit),
                11: encode_integer(size),
                12: encode_integer(allocated),
            },
        )


def network_rows(vm: Entity, look: Lookup) -> Iterator[tuple[Oid, Values]]:
    """(index, columns) of vmNetworkTable: one for each MAC address that is known."""
    found = _lowers(vm, look, RelationKind.CONNECTS_TO, EntityKind.NETWORK)
    macs = {mac for claim, _ in found for mac in str(claim.attributes.get("mac", "")).split(",") if mac}
    for number, mac in enumerate(sorted(macs), 1):
        address = bytes.fromhex(mac.replace(":", "").replace("-", ""))
        yield (vm.index, number), {2: encode_integer(0), 3: encode_integer(0), 5: encode_octets(address)}


def _lowers(vm: Entity, look: Lookup, kind: RelationKind, of: EntityKind) -> Iterator[tuple[Claim, Entity]]:
    seen: set[int] = set()
    for record in vm.records:
        for claim in look.claims(record):
            lower = look.entity(claim.lower) if claim.kind is kind else None
            if lower is not None and lower.kind is of and (kind is RelationKind.CONNECTS_TO or lower.index not in seen):
                seen.add(lower.index)
                yield claim, lower


def _source_type(volume: Entity) -> SourceType:
    match volume.subtype:
        case "block":
            return SourceType.BLOCK
        case "file" | "volume":
            return SourceType.RAW if volume.attributes.get("format") == "raw" else SourceType.SPARSE
        case "":
            return SourceType.UNKNOWN
        case "dir" | "vhostuser":
            return SourceType.OTHER
    return SourceType.NETWORK


def _unit(octets: int) -> int:
    return _KIB if octets // _KIB <= _LARGEST else _MIB


def _known(value: object, yes: int, no: int) -> int:
    """unknown(1) where nobody says it."""
    return 1 if value is None else yes if value else no


def _uuid(vm: Entity) -> str:
    """The UUID by which the hypervisor knows it, or that the machine itself sees; empty when there is none."""
    by_namespace = {alias.namespace: alias.value for alias in reversed(vm.aliases)}
    found = by_namespace.get(KeyNamespace.DOMAIN_UUID) or by_namespace.get(KeyNamespace.SMBIOS_UUID, "")
    return found if len(found) == _UUID_LENGTH else ""
