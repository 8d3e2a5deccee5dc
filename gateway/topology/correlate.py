"""
Correlation: records of different sources that are one thing, or one under the other, by their keys.

Agreeing strong keys between two kinds give `runs_on`, within one kind `is_same_as` (design: domain, The layers of
one service). Weak keys never link, however many agree: they propose. A key that two things of one kind and source
have is a finding. What a person declared stands above all keys.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from gateway.model.conditions import ConditionKind, SettleTimes
from gateway.model.entities import Alias, EntityKind, KeyNamespace, KeyStrength, NativeKey
from gateway.model.observations import Link
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Record
from gateway.topology.alarms import begin, end
from gateway.topology.draft import CORRELATION, Draft

UNDER: dict[EntityKind, tuple[EntityKind, ...]] = {
    EntityKind.GUEST_OS: (EntityKind.VM, EntityKind.PHYSICAL_HOST),
    EntityKind.HYPERVISOR: (EntityKind.PHYSICAL_HOST,),
    EntityKind.K8S_NODE: (EntityKind.GUEST_OS,),
}
"""Which kinds an entity may run on by agreeing keys, the nearer layer first."""
CONFIDENCE = {KeyNamespace.SMBIOS_UUID: 95, KeyNamespace.PROVIDER_ID: 95}
"""Percent, by key; other cross-layer keys count 80."""


def correlate(draft: Draft, settle: SettleTimes, *, everything: bool = False) -> None:
    """Link anew the records whose keys changed, and those that share a key with them."""
    todo = {index for changed in draft.rekeyed for index in _concerned(draft, changed)}
    if everything:
        declared = [*draft.links(), *(link for links in draft.base.links.values() for link in links)]
        todo |= {end_ for link in declared for end_ in _ends(draft, link)}
    draft.rekeyed.clear()
    for index in sorted(todo):
        _merge(draft, draft.record(index))
    for index in sorted(todo):
        _place(draft, draft.record(index))
    for entity in sorted({draft.entity_of(index) for index in todo}):
        records = [draft.record(index) for index in sorted(draft.group_of(entity))]
        _find_duplicates(draft, entity, records, settle)
        _propose(draft, entity, records, settle)


@lru_cache(maxsize=1024)
def swapped_smbios(uuid: str) -> str:
    """The UUID with its first three groups in the other byte order (SMBIOS 2.6 changed it: DSP0134 7.2.1)."""
    if len(uuid) != 36:
        return uuid
    first = uuid[6:8] + uuid[4:6] + uuid[2:4] + uuid[:2]
    return f"{first}-{uuid[11:13]}{uuid[9:11]}-{uuid[16:18]}{uuid[14:16]}{uuid[18:]}"


def is_key(alias: Alias) -> bool:
    """False for values that many machines share: all-zero, all-F, and vendors' defaults."""
    return _is_own_uuid(alias.value) if alias.namespace is KeyNamespace.SMBIOS_UUID else bool(alias.value)


@lru_cache(maxsize=1024)
def _is_own_uuid(uuid: str) -> bool:
    digits = uuid.replace("-", "").lower()
    return len(set(digits)) > 2 and digits not in _VENDOR_DEFAULTS


_VENDOR_DEFAULTS = frozenset(
    {
        "03000200040005000006000700080009",  # AMI's and many boards' default
        "000102030405060708090a0b0c0d0e0f",
        "00020003000400050006000700080009",
        "12345678123456781234567812345678",
        "0123456789abcdef0123456789abcdef",
        "fefefefefefefefefefefefefefefefe",
    }
)


def _concerned(draft: Draft, index: int) -> set[int]:
    """The record and those that share, or shared until now, a key with it."""
    found = {index}
    before = draft.base.records.get(index)
    for record in (before, draft.record(index)):
        for alias in record.aliases if record is not None else ():
            found.update(_sharing(draft, alias))
    for claim in draft.claims(index):
        if claim.source == CORRELATION:
            found.add(claim.lower)
    for link in draft.links_naming(draft.record(index)):
        found.update(_ends(draft, link))
    found.update(upper for upper in draft.uppers(index) if any(_ours(c, index) for c in draft.claims(upper)))
    return found


def _ours(claim: Claim, lower: int) -> bool:
    return claim.source == CORRELATION and claim.lower == lower


def _sharing(draft: Draft, alias: Alias) -> frozenset[int]:
    """Records with this key; an SMBIOS UUID in either byte order."""
    known = draft.sharing.get(alias)
    if known is not None:
        return known
    if not is_key(alias):
        return frozenset()
    found = set(draft.with_alias(alias))
    if alias.namespace is KeyNamespace.SMBIOS_UUID and alias.value.count("-") == 4:
        found.update(draft.with_alias(Alias(alias.namespace, swapped_smbios(alias.value))))
    draft.sharing[alias] = frozenset(found)
    return draft.sharing[alias]


def _peers(draft: Draft, record: Record, strength: KeyStrength) -> dict[int, Alias]:
    """Other living records that share a key of this strength, each with the first such key."""
    found: dict[int, Alias] = {}
    if record.gone:
        return found
    for alias in record.aliases:
        if alias.namespace.strength is strength:
            for index in sorted(_sharing(draft, alias) - {record.index}):
                found.setdefault(index, alias)
    return found


# -- one thing -------------------------------------------------------------------------------------------------


def _merge(draft: Draft, record: Record) -> None:
    """Show the record by the oldest record that it is the same as."""
    same = _component(draft, record)
    canonical = min(same)
    for index in sorted(same):
        _show_by(draft, draft.record(index), canonical)
    for index in draft.group_of(record.entity or record.index) - same:
        _show_by(draft, draft.record(index), min(_component(draft, draft.record(index))))


def _component(draft: Draft, record: Record) -> set[int]:
    """All records that are one thing with this one, itself included. A gone record keeps its place."""
    found, todo = {record.index}, [record]
    while todo:
        here = todo.pop()
        for index in _same(draft, here) - _linked(draft, here, same=False):
            if index not in found:
                found.add(index)
                todo.append(draft.record(index))
    return found


def _same(draft: Draft, record: Record) -> set[int]:
    by_key = {
        index
        for index in _peers(draft, record, KeyStrength.CROSS_LAYER)
        if _may_be_same(draft.record(index), record) and not _ambiguous(draft, record, draft.record(index))
    }
    return _linked(draft, record, same=True) | by_key | _remembered(draft, record)


def _remembered(draft: Draft, record: Record) -> set[int]:
    """Records that were one thing with it when one of the two went, and still have a key in common."""
    keys = {_either_order(alias) for alias in _proofs(record)}
    return {
        index
        for index in draft.group_of(record.entity or record.index)
        if (record.gone or draft.record(index).gone)
        and keys & {_either_order(alias) for alias in _proofs(draft.record(index))}
    }


def _proofs(record: Record) -> list[Alias]:
    return [alias for alias in record.aliases if alias.namespace.strength is KeyStrength.CROSS_LAYER and is_key(alias)]


def _either_order(alias: Alias) -> Alias:
    """The same for both byte orders of an SMBIOS UUID."""
    if alias.namespace is not KeyNamespace.SMBIOS_UUID or alias.value.count("-") != 4:
        return alias
    return min(alias, replace(alias, value=swapped_smbios(alias.value)))


def _linked(draft: Draft, record: Record, *, same: bool) -> set[int]:
    """Other records that a person declared to be the same as this one (or not to be)."""
    links = [link for link in draft.links_naming(record) if link.same is same]
    return {end_ for link in links for end_ in _ends(draft, link)} - {record.index}


def _may_be_same(one: Record, other: Record) -> bool:
    return one.key.kind is other.key.kind and one.source != other.source and not one.gone


def _ambiguous(draft: Draft, record: Record, peer: Record) -> bool:
    """True when either source has more than one such thing with the shared keys: a duplicate, no proof."""

    def of_source(keys_of: Record, source: str) -> int:
        peers = _peers(draft, keys_of, KeyStrength.CROSS_LAYER)
        rows = [draft.record(index) for index in peers]
        return sum(row.source == source and row.key.kind is keys_of.key.kind for row in rows)

    return of_source(record, peer.source) > 1 or of_source(peer, record.source) > 1


def _ends(draft: Draft, link: Link) -> list[int]:
    """Record indexes of a link's ends; those that no source has shown yet are missing."""
    found = []
    for end_ in (link.left, link.right):
        source, _, rest = end_.partition("/")
        kind, _, native = rest.partition("/")
        if kind in EntityKind._value2member_map_:
            record = draft.find(source, NativeKey(EntityKind(kind), native))
            if record is not None:
                found.append(record.index)
    return found if len(found) == 2 else []


def _show_by(draft: Draft, record: Record, canonical: int) -> None:
    """Let the canonical entity show the record; placements that named the old entity name the new one."""
    old = record.entity or record.index
    if old == canonical:
        return
    draft.show_as(record, canonical)
    draft.touched.update((old, canonical))
    for upper in draft.uppers(record.index):
        entity = draft.entity_of(upper)
        placement = draft.placement(entity)
        if placement is not None and placement.host == old:
            draft.put_placement(replace(placement, host=canonical))
    moved, there = draft.placement(old), draft.placement(canonical)
    if old == record.index and moved is not None:
        draft.drop_placement(old)
        if there is None or (moved.open and not there.open):
            draft.put_placement(replace(moved, entity=canonical))


# -- one under the other ---------------------------------------------------------------------------------------


def _place(draft: Draft, record: Record) -> None:
    """The derived `runs_on` of a record: the one thing of the nearest layer that shares a strong key."""
    before = draft.claims(record.index)
    others = [claim for claim in before if claim.source != CORRELATION]
    derived = _derived(draft, record)
    if derived is not None:
        known = next((c for c in before if c.source == CORRELATION and c.lower == derived.lower), None)
        others.append(replace(derived, since=known.since) if known is not None else derived)
    if set(_lowers(before)) != set(_lowers(others)):
        draft.touched.add(draft.entity_of(record.index))
    draft.put_claims(record.index, others)


def _lowers(claims: Iterable[Claim]) -> list[int]:
    return [claim.lower for claim in claims if claim.source == CORRELATION]


def _derived(draft: Draft, record: Record) -> Claim | None:
    peers = _peers(draft, record, KeyStrength.CROSS_LAYER)
    for kind in UNDER.get(record.key.kind, ()):
        found = {i: alias for i, alias in peers.items() if draft.record(i).key.kind is kind}
        if len({draft.entity_of(index) for index in found}) == 1:
            index = min(found)
            namespace = found[index].namespace
            return Claim(
                source=CORRELATION,
                kind=RelationKind.RUNS_ON,
                upper=record.index,
                lower=index,
                since=draft.at,
                confidence=CONFIDENCE.get(namespace, 80),
                attributes={"key": namespace.value},
            )
    return None


# -- findings --------------------------------------------------------------------------------------------------


def _find_duplicates(draft: Draft, entity: int, records: list[Record], settle: SettleTimes) -> None:
    """Two things of one kind and source with the same key: cloned, or a vendor's default. A finding, no merge."""
    twins = sorted({twin for record in records for twin in _twins(draft, record)})
    names = ", ".join(draft.record(index).name for index in twins)
    _finding(
        draft,
        entity,
        ConditionKind.DUPLICATE_KEY,
        bool(twins),
        f"has a key that must be unique in common with {names}: they cannot be told apart in other layers",
        "give each its own SMBIOS UUID or MAC address (a clone keeps those of its original)",
        settle,
    )


def _twins(draft: Draft, record: Record) -> list[int]:
    peers = (draft.record(index) for index in _peers(draft, record, KeyStrength.CROSS_LAYER))
    return [peer.index for peer in peers if (peer.key.kind, peer.source) == (record.key.kind, record.source)]


def _propose(draft: Draft, entity: int, records: list[Record], settle: SettleTimes) -> None:
    """Weak keys that agree, when no strong key links: a proposal for a person."""
    if draft.record(entity).key.kind is EntityKind.VM:
        _propose_same(draft, entity, records, settle)
        return
    below = UNDER.get(draft.record(entity).key.kind, ())
    linked = any(claim.kind is RelationKind.RUNS_ON for record in records for claim in draft.claims(record.index))
    candidates = [] if linked or not below else sorted({i for r in records for i in _weak_peers(draft, r, below)})
    names = ", ".join(f"{draft.record(i).key.kind} {draft.record(i).name}" for i in candidates)
    _finding(
        draft,
        entity,
        ConditionKind.SAME_BY_WEAK_KEYS,
        bool(candidates),
        f"may run on {names}: only names or addresses agree, which proves nothing",
        "declare it, or let the node agent tell the SMBIOS UUID",
        settle,
    )


def _propose_same(draft: Draft, entity: int, records: list[Record], settle: SettleTimes) -> None:
    """A VM of which one source knows the name only, and another has one of that name."""
    candidates = sorted({i for record in records if not _proofs(record) for i in _namesakes(draft, record, entity)})
    names = ", ".join(f"{draft.record(i).name} of {draft.record(i).source}" for i in candidates)
    _finding(
        draft,
        entity,
        ConditionKind.SAME_BY_WEAK_KEYS,
        bool(candidates),
        f"may be the same as {names}: only the name agrees, which proves nothing",
        "declare it, or let the node agent tell the UUID of the domain",
        settle,
    )


def _namesakes(draft: Draft, record: Record, entity: int) -> list[int]:
    peers = _weak_peers(draft, record, (EntityKind.VM,))
    return [index for index in peers if draft.entity_of(index) != entity]


def _weak_peers(draft: Draft, record: Record, kinds: tuple[EntityKind, ...]) -> list[int]:
    peers = _peers(draft, record, KeyStrength.WEAK)
    return sorted(i for i in peers if draft.record(i).key.kind in kinds and draft.record(i).source != record.source)


def _finding(
    draft: Draft, entity: int, kind: ConditionKind, holds: bool, text: str, remedy: str, settle: SettleTimes
) -> None:
    if holds:
        begin(draft, source=CORRELATION, kind=kind, entity=entity, text=text, remedy=remedy, settle=settle)
        return
    for alarm in draft.alarms_of(entity):
        if alarm.condition is kind and alarm.source == CORRELATION:
            end(draft, alarm)
