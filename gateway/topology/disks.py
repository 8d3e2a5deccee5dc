"""Disks: what an entity has storage in, by the name under which it has it, and which pool that is in."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.model.conditions import SECOND
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim
from gateway.topology.draft import Draft, kind_of

REMOVABLE = frozenset({"cdrom", "floppy"})
_STORING = (RelationKind.USES_STORAGE, RelationKind.BACKED_BY)
_DEEPEST = 4
"""Steps from what an entity uses down to its pool, at the most (a claim, its volume, a volume below that)."""

_REMEMBERED = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Disk:
    """What an entity has under one name, and the pool that it is in (0: not known). Entity indexes."""

    volume: int
    pool: int


def disks_of(draft: Draft, entity: int) -> dict[str, Disk]:
    """
    The disks of an entity by name, as the scope says in which it is; without removable media.

    Of those for which a source gives no name one alone can be followed: it has the name "".
    """
    found: dict[str, list[int]] = {}
    for record in map(draft.record, sorted(draft.group_of(entity))):
        for claim in draft.claims(record.index):
            if claim.kind is not RelationKind.USES_STORAGE or claim.attributes.get("device") in REMOVABLE:
                continue
            if claim.scope == record.scope and claim.source == record.source:
                name = str(claim.attributes.get("target", ""))
                found.setdefault(name, []).append(draft.entity_of(claim.lower))
    return {name: Disk(each[0], _pool_of(draft, each[0])) for name, each in found.items() if len(each) == 1}


def users_of(draft: Draft, store: int) -> Iterator[int]:
    """What may relocate and uses this, or what is backed by it; an entity that may relocate itself."""
    layer = [store]
    for _ in range(_DEEPEST):
        yield from (entity for entity in layer if kind_of(draft, entity) in RELOCATABLE_KINDS)
        stores = [entity for entity in layer if kind_of(draft, entity) not in RELOCATABLE_KINDS]
        layer = [user for entity in stores for kind in _STORING for user in draft.entities_on(entity, kind)]


def owners_of(draft: Draft, pool: int) -> list[int]:
    """The hypervisors that have a pool for themselves, as far as anybody knows: a folder, say."""
    under = sorted({draft.entity_of(claim.lower) for claim in _claims_of(draft, pool, RelationKind.PART_OF)})
    return [host for host in under if kind_of(draft, host) is EntityKind.HYPERVISOR]


def are_two(draft: Draft, old: int, new: int, host: int) -> bool:
    """
    True when two pools cannot be one storage: the old one, too, is on the host where the new one is used, and neither
    is a folder in the other; or all hosts call them so. A folder of another host may be the same storage as one here,
    and one that appeared as the old one went is the same by another name.
    """
    if not _were_both(draft, old, new):
        return False
    before, now = _path_on(draft, old, host), _path_on(draft, new, host)
    if before is None:
        return not owners_of(draft, old) and not owners_of(draft, new)
    return not (before and now and _is_in(before, now))


def remember_lost(draft: Draft) -> None:
    """Keep what was known of pools that are gone now: disks that left them before may be read only later."""
    pools = [index for index in draft.lost if draft.record(index).key.kind is EntityKind.STORAGE_POOL]
    if pools:
        kept = {index: lost for index, lost in draft.lost_pools.items() if lost[0] > draft.at - _REMEMBERED}
        draft.lost_pools = {**kept, **{index: (draft.at, draft.base.claims.get(index) or ()) for index in pools}}


def _were_both(draft: Draft, old: int, new: int) -> bool:
    """Both pools are there, or the new one was known before the old one was gone."""
    if draft.entity(old) is not None:
        return True
    gone_at = max((draft.lost_pools[index][0] for index in draft.group_of(old) if index in draft.lost_pools), default=0)
    return draft.record(new).first_seen < gone_at


def _claims_of(draft: Draft, pool: int, kind: RelationKind) -> Iterator[Claim]:
    """The claims of a pool; of one that is gone those that it had."""
    if draft.entity(pool) is not None:
        yield from draft.entity_claims(pool, kind)
        return
    for index in sorted(draft.group_of(pool)):
        _, claims = draft.lost_pools.get(index, (0, ()))
        yield from (claim for claim in claims if claim.kind is kind)


def _is_in(one: str, other: str) -> bool:
    """One folder is the other, or in it. Of devices (/dev) that says nothing."""
    outer, inner = sorted((f"{one}/", f"{other}/"), key=len)
    return inner.startswith(outer) and not outer.startswith("/dev/")


def _path_on(draft: Draft, pool: int, host: int) -> str | None:
    """The folder that a pool is on a host, empty when it has none; None: the host does not have the pool."""
    for kind in (RelationKind.PART_OF, RelationKind.CONNECTS_TO):
        for claim in _claims_of(draft, pool, kind):
            if draft.entity_of(claim.lower) == host:
                return str(claim.attributes.get("path", "")).rstrip("/")
    return None


def _pool_of(draft: Draft, store: int) -> int:
    for _ in range(_DEEPEST):
        if kind_of(draft, store) is EntityKind.STORAGE_POOL:
            return store
        below = draft.entities_under(store, RelationKind.BACKED_BY)
        if len(below) != 1:
            return 0
        (store,) = below
    return 0
