"""Lookup: what a column may ask of the topology beside its own row."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model.rows import Alarm, Claim, Entity, Record
from gateway.schema.snmp.layers import ImpactRow, LayerRow, Scopes
from gateway.wire.ber import Oid


class Lookup(Protocol):
    """
    One snapshot, as seen by the columns.

    The publisher's implementation remembers what was asked, so that it knows when a column may have changed; a
    column has no other way to the topology.
    """

    root: Oid
    """Where our MIB hangs."""
    engine_id: bytes
    """snmpEngineID of the agent."""
    transport: tuple[Oid, bytes]
    """Where the agent listens first, as TDomain and TAddress."""
    addresses: Mapping[int, bytes]
    """snmpTrapAddress of recent events, by the number of the log; none where no address of the host is known."""

    def runbook(self) -> str:
        """The runbook that receivers are told, `{kind}` and `{condition}` not filled in; empty: none, or several."""

    def entity(self, index: int) -> Entity | None:
        """The entity that shows this index (a merged record's too)."""

    def record(self, index: int) -> Record | None: ...
    def claims(self, record: int) -> tuple[Claim, ...]:
        """What a record depends on."""

    def dependents(self, record: int) -> tuple[int, ...]:
        """The records that depend on a record."""

    def context(self, hypervisor: int) -> str:
        """The context of a hypervisor."""

    def raised(self, entity: int) -> tuple[Alarm, ...]:
        """Raised alarms of an entity."""

    def is_stale(self, record: Record) -> bool:
        """Whether the source is stale, or has not read the record's scope for too long."""

    def read_at(self, scopes: Scopes) -> int:
        """When the one that was read longest ago was read, in microseconds UTC; 0 when one never was."""

    def any_stale(self, scopes: Scopes) -> bool:
        """Whether the data of one of them are stale."""

    def ticks(self, at: int) -> int:
        """sysUpTime at a time in microseconds UTC; 0 when that was before the start (RFC 2579, TimeStamp)."""

    def layers(self, entity: Entity) -> LayerRow:
        """Where an entity is, from its layer down to the site."""

    def impact(self, host: Entity) -> Sequence[ImpactRow]:
        """What the loss of a host affects, by index; nothing for what is no host."""
