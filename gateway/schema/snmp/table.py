"""Table: a conceptual table of a MIB (RFC 2578 section 7.1.12): its columns, and how a row gives each value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model.shelf import BITS
from gateway.schema.snmp.arcs import OBJECTS
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.syntax import Syntax
from gateway.wire.ber import Oid

Key = int | tuple[int, ...]
"""An index as sub-identifiers; a plain number when there is one."""
Rows = list[tuple[Key, Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A columnar object; `value` gets a row and the lookup, the syntax encodes what it returns."""

    number: int
    name: str
    syntax: Syntax
    value: Callable[[Any, Lookup], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """
    A conceptual table.

    Its rows follow the shards of the snapshot's shelf `shelf` (`sources`: of the sources by index; `hosts`: one host
    each): `rows` makes those of one shard, in the order of their index, without the sub-identifiers `constant` that
    lead them all. A shard has 2**`bits` indexes of the shelf. `base`: where the table hangs.
    """

    number: int
    name: str
    shelf: str
    index: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Callable[[Mapping[int, Any], Lookup], Rows]
    base: Oid = OBJECTS
    constant: Oid = ()
    bits: int = BITS

    @property
    def oid(self) -> Oid:
        return (*self.base, self.number)

    def column_oid(self, column: Column) -> Oid:
        """OID of the columnar object: table, entry (1), column."""
        return (*self.oid, 1, column.number)

    def prefix(self, column: Column) -> Oid:
        """What leads the OIDs of all instances of a column."""
        return (*self.column_oid(column), *self.constant)

    @property
    def single(self) -> bool:
        """One sub-identifier is the whole index, or what differs of it."""
        return len(self.index) - len(self.constant) == 1
