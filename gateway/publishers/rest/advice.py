"""Advice: what a person can do where an answer ends for want of configuration."""

from collections.abc import Iterator

from gateway.model.entities import EntityKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Entity
from gateway.topology.hops import Where, walk_hops

_NAMED = 5
_TOLD = "pacemaker"
"""The kind of source whose settings and agent tell which machine a node is."""


def advice(view: TopologyView, found: Where) -> tuple[str, ...]:
    """A note on HA nodes of which nobody said which machine they are; empty when there are none."""
    known = {name for name, source in view.sources.items() if source.kind == _TOLD}
    nodes = {node.index: node for node in _untied(found) if known & set(node.sources)}
    if not nodes:
        return ()
    names = [node.name for _, node in sorted(nodes.items())]
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    sources = sorted(known & {source for node in nodes.values() for source in node.sources})
    settings = ", ".join(f"sources.{source}.identity" for source in sources)
    return (
        f"nobody says which machine {shown} is: install the node agent there, or set {settings} "
        "(docs/configuration.md says how)",
    )


def _untied(found: Where) -> Iterator[Entity]:
    """The HA nodes below which nothing is known."""
    if not found.below and found.entity.kind is EntityKind.HA_NODE:
        yield found.entity
    for hop in walk_hops(found.below):
        if not hop.below and hop.entity.kind is EntityKind.HA_NODE:
            yield hop.entity
