"""Views: which part of the tree somebody may see or be told of (RFC 3415, vacmViewTreeFamilyTable)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from gateway.schema.snmp.arcs import ENTERPRISE, INFO, NOTIFICATIONS, under
from gateway.schema.snmp.receivers import DELIVERY_TABLES
from gateway.schema.snmp.recent import RECENT_TABLE
from gateway.schema.snmp.tables import TABLES
from gateway.wire.ber import Oid
from gateway.wire.errors import DecodeError
from gateway.wire.oid import parse_oid


@dataclass(frozen=True, slots=True)
class Subtrees:
    """Families of subtrees without wildcards; what is in none is not seen."""

    included: tuple[Oid, ...]
    excluded: tuple[Oid, ...] = ()

    @classmethod
    def parse(cls, included: Iterable[str], excluded: Iterable[str] = (), root: Oid = ENTERPRISE) -> "Subtrees":
        """
        From OIDs as text, or names of our MIB and its tables; `root`: where it hangs.

        Raises:
            DecodeError: one is neither.
        """
        return cls(
            tuple(parse_subtree(text, root) for text in included), tuple(parse_subtree(text, root) for text in excluded)
        )

    def includes(self, oid: Oid) -> bool:
        """Whether an object or an instance is seen: of two subtrees the longer one decides (RFC 3415 section 5)."""
        matching = [(len(each), True) for each in self.included if oid[: len(each)] == each]
        matching += [(len(each), False) for each in self.excluded if oid[: len(each)] == each]
        return max(matching, default=(0, False))[1]


NAMED: Final[Mapping[str, Oid]] = {
    "topologyGatewayMIB": ENTERPRISE,
    "topologyNotifications": NOTIFICATIONS,
    "topoInfo": INFO,
    **{table.name: table.oid for table in (*TABLES, RECENT_TABLE, *DELIVERY_TABLES)},
}
"""Subtrees of our MIB that a view may name: they are where the MIB is."""


def parse_subtree(text: str, root: Oid = ENTERPRISE) -> Oid:
    """
    A subtree as a view writes it.

    Raises:
        DecodeError: neither a numeric OID nor a name of ours.
    """
    named = NAMED.get(text)
    if named is not None:
        return under(root, named)
    try:
        return parse_oid(text)
    except DecodeError as error:
        close = get_close_matches(text, NAMED, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Of our MIB a view may name {', '.join(NAMED)}"
        raise DecodeError(f"{error}. {hint}") from error


EVERYTHING = Subtrees(((0,), (1,), (2,)))
"""The view that is always there."""
