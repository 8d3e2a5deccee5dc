"""Reach: everything that is got at from some entities, step by step."""

from collections.abc import Callable, Iterable

Lowers = Callable[[int], Iterable[int]]
"""Entities that an entity depends on directly, by index."""


def beneath(entities: Iterable[int], lowers_of: Lowers) -> set[int]:
    """These entities, and all that they depend on, layer by layer."""
    layer = list(entities)
    found = set(layer)
    while layer:
        layer = [lower for entity in layer for lower in lowers_of(entity) if lower not in found]
        found.update(layer)
    return found
