"""Votes: how corosync decides on quorum, as corosync.conf says on a node (votequorum(5)) and its agent tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.model.errors import IngestError

MOST = 2**32 - 1
"""Corosync counts votes in 32 bits."""
MAX_NODES = 256
_FLAGS = ("two_node", "wait_for_all")
_KEYS = (*_FLAGS, "device_votes", "nodes")


@dataclass(frozen=True, slots=True)
class Voting:
    """
    The rules of one cluster. `device_votes`: of a quorum device. `nodes`: votes of nodes that were given a number.

    `two_node`: one vote of two is enough. `wait_for_all`: it begins only when all nodes were seen together.
    """

    two_node: bool = False
    wait_for_all: bool = False
    device_votes: int = 0
    nodes: Mapping[str, int] = field(default_factory=dict)

    def of(self, node: str) -> int:
        """The votes of a full member of the cluster."""
        return self.nodes.get(node, 1)


def voting_of(document: Any, where: str) -> Voting:
    """
    The rules from JSON or TOML; every key may be left out.

    Raises:
        IngestError: not of that form; `where` names its place.
    """
    if not isinstance(document, Mapping):
        raise IngestError(f"{where} is {type(document).__name__}, not a table with any of {', '.join(_KEYS)}.")
    unknown = sorted(set(document) - set(_KEYS))
    if unknown:
        raise IngestError(f"{where} has the unknown key {unknown[0]!r}. Known keys: {', '.join(_KEYS)}.")
    nodes = document.get("nodes", {})
    if not isinstance(nodes, Mapping) or len(nodes) > MAX_NODES:
        raise IngestError(f"{where}.nodes must be a table of at most {MAX_NODES} nodes and their votes.")
    two_node, wait_for_all = (_flag(document, key, where) for key in _FLAGS)
    device_votes = _votes(document.get("device_votes", 0), f"{where}.device_votes")
    return Voting(
        two_node, wait_for_all, device_votes, {name: _votes(nodes[name], f"{where}.nodes.{name}") for name in nodes}
    )


def voting_document(voting: Voting) -> dict[str, Any]:
    """What `voting_of` reads."""
    return {
        "two_node": voting.two_node,
        "wait_for_all": voting.wait_for_all,
        "device_votes": voting.device_votes,
        "nodes": dict(voting.nodes),
    }


def _flag(document: Mapping[str, Any], key: str, where: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise IngestError(f"{where}.{key} must be true or false.")
    return value


def _votes(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise IngestError(f"{where} must be a number of votes.")
    return value
