"""The sections of a declared file: which keys each has, and what they mean. The format: docs/declared.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml.nodes import Node

from gateway.collectors.declared.document import Reader, is_text, spot
from gateway.collectors.declared.facts import Facts, Note, Pair, Reference, Thing, Tie
from gateway.collectors.declared.keys import KEYS, LISTS
from gateway.collectors.declared.problems import Spot
from gateway.model.entities import Alias, EntityKind, Value
from gateway.model.relations import RelationKind

HARDWARE_KEYS = ("uuid", "smbios_uuid", "serial", "macs", "addresses", "host_names")
VM_KEYS = ("uuid", "smbios_uuid", "macs", "addresses", "host_names")
NOTES = ("contact", "runbook")
"""Attributes that anything may have."""
MODES = ("RWO", "RWX", "ROX", "local")


@dataclass(frozen=True, slots=True)
class Below:
    """A key that names what the thing is on or in. `many`: a list of names; `attributes`: of the relation."""

    relation: RelationKind
    kinds: tuple[EntityKind, ...]
    many: bool = False
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """One list of things. `users`: the key that lists what depends on the thing, and how."""

    kind: EntityKind
    keys: tuple[str, ...] = ()
    below: tuple[tuple[str, Below], ...] = ()
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    users: tuple[str, RelationKind] | None = None


_SITE = Below(RelationKind.PART_OF, (EntityKind.SITE,))
_MACHINE = Below(RelationKind.RUNS_ON, (EntityKind.PHYSICAL_HOST,))
SECTIONS: dict[str, Section] = {
    "sites": Section(EntityKind.SITE),
    "racks": Section(EntityKind.RACK, below=(("site", _SITE),)),
    "physical_hosts": Section(
        EntityKind.PHYSICAL_HOST,
        HARDWARE_KEYS,
        (("rack", Below(RelationKind.PART_OF, (EntityKind.RACK,))), ("site", _SITE)),
    ),
    "hypervisors": Section(EntityKind.HYPERVISOR, HARDWARE_KEYS, (("host", _MACHINE),)),
    "vms": Section(
        EntityKind.VM,
        VM_KEYS,
        (("host", Below(RelationKind.RUNS_ON, (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST))),),
    ),
    "services": Section(
        EntityKind.SERVICE,
        below=(
            ("depends_on", Below(RelationKind.DEPENDS_ON, (EntityKind.SERVICE,), True, {"member": False})),
            ("members", Below(RelationKind.DEPENDS_ON, (), many=True)),
        ),
        words=(("redundancy", ("all", "any")),),
    ),
    "storage_pools": Section(EntityKind.STORAGE_POOL, users=("used_by", RelationKind.USES_STORAGE)),
    "redundancy_groups": Section(EntityKind.REPLICATION_GROUP, users=("members", RelationKind.MEMBER_OF)),
}
_TOP = frozenset({*SECTIONS, "notes", "same", "apart"})


def read_facts(root: Node | None, reader: Reader) -> Facts:
    """The facts of a document; problems are noted in the reader."""
    facts = Facts()
    if root is None:
        return facts
    top = reader.mapping(root, "", _TOP, frozenset())
    for name, section in SECTIONS.items():
        if name in top:
            for path, item in reader.items(top[name], name):
                _read_thing(reader, facts, section, item, path)
    if "notes" in top:
        for path, item in reader.items(top["notes"], "notes"):
            _read_note(reader, facts, item, path)
    for name, same in (("same", True), ("apart", False)):
        if name in top:
            for path, item in reader.items(top[name], name):
                _read_pair(reader, facts, item, path, same)
    return facts


def _read_thing(reader: Reader, facts: Facts, section: Section, item: Node, path: str) -> None:
    words, below = dict(section.words), dict(section.below)
    users = {section.users[0]} if section.users else set()
    known = frozenset({"name", *NOTES, *section.keys, *words, *below, *users})
    given = reader.mapping(item, path, known, frozenset({"name"}))
    name = _name(reader, given, path)
    if name is None:
        return
    attributes = _attributes(reader, given, path)
    for key, allowed in words.items():
        value = reader.choice(given[key], f"{path}.{key}", allowed) if key in given else allowed[0]
        if value is not None:
            attributes[key] = value
    here = spot(given["name"], f"{path}.name")
    facts.things.append(Thing(section.kind, name, here, _aliases(reader, section, given, path), attributes))
    me = Reference(f"{section.kind}/{name}", here)
    for key, one in below.items():
        if key in given:
            lowers = _references(reader, given[key], f"{path}.{key}", one)
            facts.ties.extend(Tie(one.relation, me, lower, dict(one.attributes)) for lower in lowers)
    if section.users and section.users[0] in given:
        _read_users(reader, facts, section.users[1], given[section.users[0]], f"{path}.{section.users[0]}", me)


def _name(reader: Reader, given: Mapping[str, Node], path: str) -> str | None:
    name = reader.text(given["name"], f"{path}.name") if "name" in given else None
    if name is not None and "/" in name:
        reader.problem(spot(given["name"], f"{path}.name"), "must have no '/'. Choose another name.")
        return None
    return name


def _attributes(reader: Reader, given: Mapping[str, Node], path: str) -> dict[str, Value]:
    texts = {key: reader.text(given[key], f"{path}.{key}") for key in NOTES if key in given}
    return {key: text for key, text in texts.items() if text is not None}


def _aliases(reader: Reader, section: Section, given: Mapping[str, Node], path: str) -> tuple[Alias, ...]:
    found: list[Alias] = []
    for key in section.keys:
        if key not in given:
            continue
        here = f"{path}.{key}"
        nodes = list(reader.items(given[key], here)) if key in LISTS else [(here, given[key])]
        for where, node in nodes:
            alias = _alias(reader, key, node, where)
            if alias is not None:
                found.append(alias)
    return tuple(dict.fromkeys(found))


def _alias(reader: Reader, key: str, node: Node, path: str) -> Alias | None:
    namespace, canonical, expected = KEYS[key]
    text = reader.text(node, path)
    if text is None:
        return None
    value = canonical(text)
    if value is None:
        reader.problem(spot(node, path), f"{text!r} is not {expected}. Correct it.")
        return None
    return Alias(namespace, value)


def _references(reader: Reader, node: Node, path: str, below: Below) -> list[Reference]:
    if not below.many:
        one = _reference(reader, node, path, below.kinds)
        return [one] if one is not None else []
    found = (_reference(reader, item, where, below.kinds) for where, item in reader.items(node, path))
    return [one for one in found if one is not None]


def _reference(reader: Reader, node: Node, path: str, kinds: tuple[EntityKind, ...] = ()) -> Reference | None:
    text = reader.text(node, path)
    return Reference(text, spot(node, path), kinds) if text is not None else None


def _read_users(reader: Reader, facts: Facts, relation: RelationKind, node: Node, path: str, me: Reference) -> None:
    """What uses a storage pool (with its mode), or is member of a redundancy group."""
    for where, item in reader.items(node, path):
        attributes: dict[str, Value] = {}
        named, at = item, where
        if relation is RelationKind.USES_STORAGE and not is_text(item):
            given = reader.mapping(item, where, frozenset({"entity", "mode"}), frozenset({"entity"}))
            if "entity" not in given:
                continue
            named, at = given["entity"], f"{where}.entity"
            mode = reader.choice(given["mode"], f"{where}.mode", MODES) if "mode" in given else None
            attributes = {"mode": mode} if mode is not None else {}
        upper = _reference(reader, named, at)
        if upper is not None:
            facts.ties.append(Tie(relation, upper, me, attributes))


def _read_note(reader: Reader, facts: Facts, item: Node, path: str) -> None:
    given = reader.mapping(item, path, frozenset({"entity", *NOTES}), frozenset({"entity"}))
    of = _reference(reader, given["entity"], f"{path}.entity") if "entity" in given else None
    if of is not None:
        facts.notes.append(Note(of, _attributes(reader, given, path)))


def _read_pair(reader: Reader, facts: Facts, item: Node, path: str, same: bool) -> None:
    ends = [_reference(reader, node, where) for where, node in reader.items(item, path)]
    here: Spot = spot(item, path)
    if len(ends) != 2:
        reader.problem(here, f"must name two things, not {len(ends)}. Write [first, second].")
    elif ends[0] is not None and ends[1] is not None:
        facts.pairs.append(Pair(ends[0], ends[1], same))
