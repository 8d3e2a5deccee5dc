"""
Contexts: one for each hypervisor, with VM-MIB and the standard groups in it.

A context is named like its hypervisor; when two have the same name, or it is longer than a context's name may be,
like its index. What nobody asks for is not made; what was made is kept until one of the shards that were looked at
is another.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.model.entities import EntityKind
from gateway.model.rows import Entity
from gateway.model.shelf import BITS
from gateway.publishers.snmp.machines import Machines
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.segments import ColumnEncoder, Segment, ServedColumn
from gateway.publishers.snmp.static import StaticRow, static_columns
from gateway.publishers.snmp.tracked_lookup import Touched
from gateway.schema.snmp import vm_mib
from gateway.wire.ber import Oid, encode_octets, encode_sub_identifiers

_LONGEST: Final = 32
"""Octets of a contextName (RFC 3411 section 3.3.1, vacmContextName)."""
_CONTEXT_NAME: Final[Oid] = (1, 3, 6, 1, 6, 3, 16, 1, 1, 1, 1)


class HypervisorContexts:
    """The contexts of the snapshot in use. Belongs to one thread."""

    def __init__(self, renderer: Renderer, standard: Sequence[ServedColumn]) -> None:
        self._renderer = renderer
        self._standard = tuple(standard)
        self._shards: dict[int, tuple[object, dict[int, str]]] = {}
        self._entities: object = None
        self._names: Mapping[str, int] = {}
        self._by_index: Mapping[int, str] = {}
        self._made: dict[int, tuple[Touched, tuple[ServedColumn, ...]]] = {}
        self.name_column = ContextNames(self)
        renderer.look.shelves["contexts"] = _Naming(self)
        renderer.look.shelves["machines"] = Machines(renderer.look.shelves)

    def names(self) -> Mapping[str, int]:
        """Context -> index of its hypervisor, now."""
        entities: Any = self._renderer.look.shelves["entities"]
        if entities is not self._entities:
            self._entities = entities
            names = self._named(entities)
            if names != self._names:
                self._names, self._by_index = names, {index: name for name, index in names.items()}
        return self._names

    def by_index(self) -> Mapping[int, str]:
        """Index of a hypervisor -> its context, now; the same object until one is another."""
        self.names()
        return self._by_index

    def columns(self, name: str) -> Sequence[ServedColumn] | None:
        """What is in a context: the same object until its content is another."""
        index = self.names().get(name)
        if index is None:
            return None
        look = self._renderer.look
        known = self._made.get(index)
        if known is not None and look.holds(known[0]):
            return known[1]
        hypervisor = look.entity(index)
        assert hypervisor is not None
        look.touched = {}
        columns = self._make(hypervisor)
        if len(self._made) > len(self._names):
            self._made.clear()
        self._made[index] = (look.touched, columns)
        return columns

    def _named(self, entities: tuple[Mapping[int, Entity], ...]) -> dict[str, int]:
        """Only shards that are other objects than before are looked through."""
        by_name: dict[str, list[int]] = {}
        for number, shard in enumerate(entities):
            known = self._shards.get(number)
            if known is None or known[0] is not shard:
                found = {i: entity.name for i, entity in shard.items() if entity.kind is EntityKind.HYPERVISOR}
                known = self._shards[number] = (shard, found)
            for index, name in known[1].items():
                by_name.setdefault(name, []).append(index)
        return {
            name if len(indexes) == 1 and 0 < len(name.encode()) <= _LONGEST else str(index): index
            for name, indexes in by_name.items()
            for index in indexes
        }

    def _make(self, hypervisor: Entity) -> tuple[ServedColumn, ...]:
        look = self._renderer.look
        look.entity(hypervisor.index)
        machines = [vm for vm in map(look.entity, self._machines(hypervisor)) if vm is not None]
        tables = (
            (vm_mib.VM_ENTRY, [((vm.index,), vm_mib.vm_values(vm)) for vm in machines]),
            (vm_mib.VM_STORAGE_ENTRY, [row for vm in machines for row in vm_mib.storage_rows(vm, look)]),
            (vm_mib.VM_NETWORK_ENTRY, [row for vm in machines for row in vm_mib.network_rows(vm, look)]),
        )
        scalars = vm_mib.hypervisor_scalars(hypervisor, len(machines))
        return (
            *self._standard,
            self.name_column,
            *(column for oid, value in scalars for column in static_columns(oid[:-1], [_instance(oid, value)])),
            *(
                column
                for entry, rows in tables
                for column in static_columns(entry, [StaticRow(index, values) for index, values in rows])
            ),
        )

    def _machines(self, hypervisor: Entity) -> tuple[int, ...]:
        look = self._renderer.look
        found: tuple[int, ...] = look.shard("machines", hypervisor.index)
        look.touched["machines", hypervisor.index] = found
        return found


def _instance(oid: Oid, value: bytes) -> StaticRow:
    return StaticRow((0,), {oid[-1]: value})


class _Naming:
    """A shelf of one shard for the lookup: the contexts by their hypervisors, found when somebody asks."""

    def __init__(self, contexts: HypervisorContexts) -> None:
        self._contexts = contexts

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> Mapping[int, str]:
        return self._contexts.by_index()


class ContextNames:
    """vacmContextName, the one column of vacmContextTable: the default context and those of the hypervisors."""

    bits = BITS

    def __init__(self, contexts: HypervisorContexts) -> None:
        self.prefix = _CONTEXT_NAME
        self.single = False
        self.in_v1 = True
        self.count = 1
        self.rows_of: object = self
        self.segments: dict[int, Segment] = {}
        self._contexts = contexts
        self._made: tuple[object, Segment] | None = None
        self._encoder = ColumnEncoder(self.prefix)

    def refresh(self, number: int) -> Segment:
        names = self._contexts.names()
        if self._made is None or self._made[0] is not names:
            octets = sorted((name.encode() for name in ("", *names)), key=lambda name: (len(name), name))
            keys = [(len(name), *name) for name in octets]
            suffixes = [encode_sub_identifiers(key) for key in keys]
            ends, blob = self._encoder.encode(suffixes, [encode_octets(name) for name in octets])
            self._made = (names, Segment(0, keys, ends, blob))
        return self._made[1]

    def following(self, number: int) -> int:
        return number + 1
