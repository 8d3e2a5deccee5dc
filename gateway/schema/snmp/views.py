"""Views: which part of the tree somebody may see or be told of (RFC 3415, vacmViewTreeFamilyTable)."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.wire.ber import Oid
from gateway.wire.oid import parse_oid


@dataclass(frozen=True, slots=True)
class Subtrees:
    """Families of subtrees without wildcards; what is in none is not seen."""

    included: tuple[Oid, ...]
    excluded: tuple[Oid, ...] = ()

    @classmethod
    def parse(cls, included: Iterable[str], excluded: Iterable[str] = ()) -> "Subtrees":
        """
        From OIDs as text.

        Raises:
            DecodeError: one is not numeric.
        """
        return cls(tuple(parse_oid(text) for text in included), tuple(parse_oid(text) for text in excluded))

    def includes(self, oid: Oid) -> bool:
        """Whether an object or an instance is seen: of two subtrees the longer one decides (RFC 3415 section 5)."""
        matching = [(len(each), True) for each in self.included if oid[: len(each)] == each]
        matching += [(len(each), False) for each in self.excluded if oid[: len(each)] == each]
        return max(matching, default=(0, False))[1]


EVERYTHING = Subtrees(((0,), (1,), (2,)))
"""The view that is always there."""
