"""Relations: who depends on whom. Directed, stored on the shorter-lived (upper) side."""

from enum import StrEnum


class RelationKind(StrEnum):
    """The few directed relations (design: domain, Relations); upper *depends on* lower."""

    RUNS_ON = "runs_on"
    IS_SAME_AS = "is_same_as"
    PART_OF = "part_of"
    MEMBER_OF = "member_of"
    USES_STORAGE = "uses_storage"
    BACKED_BY = "backed_by"
    CONNECTS_TO = "connects_to"
    DEPENDS_ON = "depends_on"
    MANAGED_BY = "managed_by"
    FENCED_BY = "fenced_by"
    CONSTRAINED_TO = "constrained_to"
    ANTI_AFFINE = "anti_affine"
    REPLICATES_WITH = "replicates_with"


CARRYING = frozenset(
    {
        RelationKind.RUNS_ON,
        RelationKind.PART_OF,
        RelationKind.MEMBER_OF,
        RelationKind.USES_STORAGE,
        RelationKind.BACKED_BY,
        RelationKind.DEPENDS_ON,
    }
)
"""Relations along which a disruption of the lower reaches the upper."""


class Phase(StrEnum):
    """How a `runs_on` claim may be judged."""

    STABLE = "stable"
    """It runs there."""
    TRANSITIONAL = "transitional"
    """Starting, stopping, migrating, promoting, failed for the moment: never judged."""
    LAST_KNOWN = "last_known"
    """It was there when the host was last heard of; its state is unknown."""


class Arrival(StrEnum):
    """How an entity came to the host where it is, as the source's records say."""

    UNKNOWN = "unknown"
    LIVE = "live"
    RESTART = "restart"
