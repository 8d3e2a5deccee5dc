"""Verdicts: what becomes of an entity when the things that it stands on are rebooted, in closed sets of words."""

from enum import StrEnum


class Verdict(StrEnum):
    """What becomes of it, from the best to the worst; `unknown` is worse than what ends by itself."""

    STAYS = "stays"
    """It goes on, perhaps with a part less."""
    MIGRATES = "migrates"
    """It moves live. Said only where a manager that was asked says so."""
    RESTARTS = "restarts"
    """It is interrupted, and comes back by itself: elsewhere, or with what was rebooted."""
    UNKNOWN = "unknown"
    """What is known does not tell."""
    BLOCKS = "blocks"
    """It keeps its host from being emptied. Said only where a manager that was asked says so."""
    LOST = "lost"
    """It does not come back by itself."""

    @property
    def badness(self) -> int:
        """0 for the best."""
        return _BADNESS[self]


_BADNESS = {verdict: number for number, verdict in enumerate(Verdict)}


class VerdictReason(StrEnum):
    """The catalogue of reasons. Where it follows something, that has the reason."""

    OTHERS_LEFT = "others_left"
    """Other instances, members or copies go on."""
    REMOVABLE_MEDIUM = "removable_medium"
    """It misses a medium in a drive, and goes on."""
    REBOOTED = "rebooted"
    """It is what is rebooted, or the thing that is asked about (which is gone, when it is nothing that boots)."""
    RESTARTED_BY_MANAGER = "restarted_by_manager"
    """Its manager starts it on a node that is left."""
    ROLE_MOVES = "role_moves"
    """It loses its promoted instance; its manager promotes another."""
    AUTOSTART = "autostart"
    """Its host starts it when it has booted."""
    FOLLOWS_CARRIER = "follows_carrier"
    """As what it runs on, or is in."""
    FOLLOWS_MEMBERS = "follows_members"
    """As what it consists of."""
    FOLLOWS_DEPENDENCY = "follows_dependency"
    """As what it needs."""
    FOLLOWS_STORAGE = "follows_storage"
    """As the storage that it uses."""
    NO_AUTOSTART = "no_autostart"
    """No manager is known, and its host does not start it."""
    NO_MANAGER_KNOWN = "no_manager_known"
    """Nothing tells what would start it again."""
    UNMANAGED = "unmanaged"
    """Its cluster leaves it alone: it is not managed, or in maintenance."""
    BLOCKED = "blocked"
    """Its cluster will not touch it until somebody has cleaned up."""
    EXHAUSTED = "exhausted"
    """It has failed too often on the nodes that are left."""
    BANNED = "banned"
    """Constraints keep it off the nodes that are left."""
    NO_NODE_LEFT = "no_node_left"
    """No other node is online and takes resources."""
    LOCAL_DISK = "local_disk"
    """Its manager would start it elsewhere; its disk is only here."""
    QUORUM_LOST = "quorum_lost"
    """Its cluster keeps no quorum: nothing is started until nodes are back."""
    QUORUM_DOUBTFUL = "quorum_doubtful"
    """Its cluster may keep no quorum."""
    MANAGER_SILENT = "manager_silent"
    """Its manager does not answer: nothing tells whether it lives."""
    UNSETTLED = "unsettled"
    """It is moving, is claimed in two places, or what is left of it is only last known."""
    LEFTOVER_BAN = "leftover_ban"
    """Banned, by a constraint among others that an order of a person (move, ban) left behind and nobody cleared."""


class Colour(StrEnum):
    """The whole answer in a word."""

    GREEN = "green"
    """Nothing is disrupted, and nothing is hidden."""
    AMBER = "amber"
    """What is disrupted comes back by itself, or is not known to."""
    RED = "red"
    """Something is lost, or blocks."""
