"""Votes: how corosync decides on quorum, as corosync.conf says on a node (votequorum(5)) and its agent tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.model.errors import IngestError

MOST = 2**32 - 1
"""Corosync counts votes in 32 bits."""
MAX_NODES = 256
_FLAGS = ("two_node", "wait_for_all", "auto_tie_breaker", "last_man_standing")
_NUMBERS = ("expected_votes", "device_votes")
_KEYS = (*_FLAGS, *_NUMBERS, "nodes")


@dataclass(frozen=True, slots=True)
class Voting:
    """
    The rules of one cluster. `device_votes`: of a quorum device. `nodes`: votes of nodes that were given a number.

    `two_node`: one vote of two is enough. `wait_for_all`: it begins only when all nodes were seen together.
    `auto_tie_breaker`: one half may be enough. `last_man_standing`: fewer votes are expected after each loss.
    `expected_votes`: of which a majority is needed, those of a quorum device among them; 0: not told.
    """

    two_node: bool = False
    wait_for_all: bool = False
    auto_tie_breaker: bool = False
    last_man_standing: bool = False
    expected_votes: int = 0
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
    flags = {key: _flag(document, key, where) for key in _FLAGS}
    expected_votes, device_votes = (_votes(document.get(key, 0), f"{where}.{key}") for key in _NUMBERS)
    given = {name: _votes(nodes[name], f"{where}.nodes.{name}") for name in nodes}
    return Voting(**flags, expected_votes=expected_votes, device_votes=device_votes, nodes=given)


def voting_document(voting: Voting) -> dict[str, Any]:
    """What `voting_of` reads."""
    return {**{key: getattr(voting, key) for key in _KEYS}, "nodes": dict(voting.nodes)}


def _flag(document: Mapping[str, Any], key: str, where: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise IngestError(f"{where}.{key} must be true or false.")
    return value


def _votes(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise IngestError(f"{where} must be a number of votes.")
    return value
