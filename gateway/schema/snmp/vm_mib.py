"""VM-MIB (RFC 7666): one hypervisor and its virtual machines. What we do not know is not there."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final
from uuid import UUID

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
        10: "vmMinCpuNumber",
        11: "vmMaxCpuNumber",
        12: "vmMemUnit",
        13: "vmCurMem",
        14: "vmMinMem",
        15: "vmMaxMem",
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
    for number, name in ((2, "IfIndex"), (3, "Parent"), (4, "Model"), (5, "PhysAddress"))
}
"""The columns that are served, by their names in the MIB."""
Values = Mapping[int, bytes]
"""Encoded values by column number."""
_FALSE: Final = encode_integer(2)
_NO_BOUNDARY: Final = encode_integer(-1)
_LARGEST: Final = 2**31 - 1
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
        3: encode_octets(_uuid(vm)),
        4: syntax.TEXT.encode(str(said.get("os", ""))),
        6: encode_integer(oper),
        7: encode_integer(_known(said.get("autostart"), AutoStart.ENABLED, AutoStart.DISABLED)),
        8: encode_integer(_known(said.get("persistent"), Persistent.PERSISTENT, Persistent.TRANSIENT)),
    }
    if admin is not None:
        values[5] = encode_integer(admin)
    values |= _now_and_at_most(9, 1, said.get("vcpus"), said.get("max_vcpus"))
    memory, most = said.get("memory_bytes"), said.get("max_memory_bytes")
    sizes = [size for size in (memory, most) if isinstance(size, int)]
    if sizes:
        unit = _unit(max(sizes))
        values |= {12: encode_integer(unit), **_now_and_at_most(13, unit, memory, most)}
    return values


def _now_and_at_most(column: int, unit: int, now: object, most: object) -> Values:
    """The current value, and its limits in the next two columns. Who tells the upper one and no lower one has none."""
    values = {}
    if isinstance(now, int):
        values[column] = encode_integer(min(now // unit, _LARGEST))
    if isinstance(most, int):
        values |= {column + 1: _NO_BOUNDARY, column + 2: encode_integer(min(most // unit, _LARGEST))}
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
        record = look.record(volume.index)
        yield (
            (vm.index, volume.index),
            {
                3: encode_integer(0),
                4: encode_integer(kind),
                5: syntax.TEXT.encode(str(volume.attributes.get("format", ""))),
                6: syntax.TEXT.encode(record.key.native if record is not None else volume.name),
                7: encode_integer(_ACCESS.get(str(claim.attributes.get("mode")), StorageAccess.UNKNOWN)),
                8: encode_integer(_MEDIA.get(device, 2)),
                9: syntax.TEXT.encode(str(claim.attributes.get("bus", ""))),
                10: encode_integer(unit),
                11: encode_integer(size),
                12: encode_integer(allocated),
            },
        )


def network_rows(vm: Entity, look: Lookup) -> Iterator[tuple[Oid, Values]]:
    """(index, columns) of vmNetworkTable: one for each MAC address that is known; the model where it is."""
    models = {alias.value: "" for alias in vm.aliases if alias.namespace is KeyNamespace.MAC}
    for claim, _ in _lowers(vm, look, RelationKind.CONNECTS_TO, EntityKind.NETWORK):
        macs, told = (str(claim.attributes.get(name, "")).split(",") for name in ("mac", "model"))
        models |= {mac: model for mac, model in zip_longest(macs, told, fillvalue="") if mac}
    for number, mac in enumerate(sorted(models), 1):
        values = {2: encode_integer(0), 3: encode_integer(0), 5: encode_octets(_physical(mac))}
        if models[mac]:
            values[4] = syntax.TEXT.encode(models[mac])
        yield (vm.index, number), values


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
        case "block" | "nvme":
            return SourceType.BLOCK
        case "file" if "format" in volume.attributes:
            return SourceType.RAW if volume.attributes["format"] == "raw" else SourceType.SPARSE
        case "" | "file" | "volume":
            return SourceType.UNKNOWN
        case "dir" | "vhostuser" | "vhostvdpa":
            return SourceType.OTHER
    return SourceType.NETWORK


def _unit(octets: int) -> int:
    return _KIB if octets // _KIB <= _LARGEST else _MIB


def _known(value: object, yes: int, no: int) -> int:
    """unknown(1) where nobody says it."""
    return 1 if value is None else yes if value else no


def _physical(mac: str) -> bytes:
    try:
        return bytes.fromhex(mac.replace(":", "").replace("-", ""))
    except ValueError:
        return b""


def _uuid(vm: Entity) -> bytes:
    """The UUID by which the hypervisor knows it, or that the machine itself sees; empty when there is none."""
    by_namespace = {alias.namespace: alias.value for alias in reversed(vm.aliases)}
    found = by_namespace.get(KeyNamespace.DOMAIN_UUID) or by_namespace.get(KeyNamespace.SMBIOS_UUID, "")
    try:
        return UUID(found).bytes
    except ValueError:
        return b""
