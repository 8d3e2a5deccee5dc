"""Declared facts as an Observation: names become keys; what another source knows is stood for, and linked to it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.collectors.declared.document import Reader
from gateway.collectors.declared.facts import Facts, Note, Pair, Reference, Thing
from gateway.collectors.declared.problems import meant
from gateway.model.entities import DECLARED, EntityKind, NativeKey, Value
from gateway.model.observations import Link, Observation, ObservedEntity, ObservedRelation, Whole


def to_observation(facts: Facts, source: str, at: int, reader: Reader) -> Observation:
    """
    The whole file as one observation; problems (unknown names, rings) are noted in the reader.

    A reference to SOURCE/KIND/NATIVE becomes a record of its own, a stand-in, with a link that says that it is the
    same thing. As long as no source shows that thing, the stand-in is all that is known of it: state unknown.
    """
    names = _Names(facts.things, source, reader)
    relations: dict[tuple[object, ...], ObservedRelation] = {}
    for tie in facts.ties:
        upper, lower = names.key(tie.upper), names.key(tie.lower)
        if upper is None or lower is None:
            continue
        if upper == lower:
            reader.problem(tie.lower.spot, f"{lower.native!r} would depend on itself. Remove it.")
            continue
        relations.setdefault(
            (tie.kind, upper, lower), ObservedRelation(tie.kind, upper, lower, attributes=tie.attributes)
        )
    _find_rings(facts, names, reader)
    noted = _noted(facts.notes, names)
    pairs = [link for pair in facts.pairs if (link := _link(pair, names, reader)) is not None]
    entities = [_declared(thing, noted) for thing in facts.things] + [one.entity(noted) for one in names.stand_ins()]
    links = sorted({*(one.link for one in names.stand_ins()), *pairs})
    return Observation(source, at, Whole(), tuple(entities), tuple(relations.values()), links=tuple(links))


def _declared(thing: Thing, noted: Mapping[NativeKey, Mapping[str, Value]]) -> ObservedEntity:
    key = NativeKey(thing.kind, thing.name)
    attributes = {**thing.attributes, **noted.get(key, {})}
    return ObservedEntity(key, thing.name, DECLARED, aliases=thing.aliases, attributes=attributes)


@dataclass(frozen=True, slots=True)
class _StandIn:
    """What stands for a record of another source."""

    key: NativeKey
    name: str
    link: Link

    def entity(self, noted: Mapping[NativeKey, Mapping[str, Value]]) -> ObservedEntity:
        return ObservedEntity(self.key, self.name, attributes=noted.get(self.key, {}))


class _Names:
    """What the references of a file mean."""

    def __init__(self, things: list[Thing], source: str, reader: Reader) -> None:
        self._source = source
        self._reader = reader
        self._kinds: defaultdict[str, dict[EntityKind, Thing]] = defaultdict(dict)
        self._stand_ins: dict[NativeKey, _StandIn] = {}
        self._said: set[Reference] = set()
        for thing in things:
            first = self._kinds[thing.name].setdefault(thing.kind, thing)
            if first is not thing:
                text = f"{thing.kind} {thing.name!r} is declared in line {first.spot.line} already"
                reader.problem(thing.spot, f"{text}. Remove one of the two.")

    def stand_ins(self) -> list[_StandIn]:
        return list(self._stand_ins.values())

    def key(self, reference: Reference) -> NativeKey | None:
        """The record that a reference names, made when it stands for another source's; None: noted as a problem."""
        parts = reference.text.split("/", 2)
        if len(parts) == 3:
            return self._foreign(reference, *parts)
        kinds = reference.kinds or tuple(EntityKind)
        if len(parts) == 2:
            if parts[0] not in EntityKind._value2member_map_:
                self._wrong(reference, f"{parts[0]!r} is no kind. {meant(parts[0], EntityKind)}")
                return None
            kinds = tuple(kind for kind in kinds if kind == parts[0])
        found = [kind for kind in kinds if kind in self._kinds.get(parts[-1], {})]
        if len(found) == 1:
            return NativeKey(found[0], parts[-1])
        if found:
            choices = " or ".join(f"{kind}/{parts[-1]}" for kind in found)
            self._wrong(reference, f"{parts[-1]!r} is more than one thing. Write {choices}.")
        else:
            self._unknown(reference, parts[-1], kinds)
        return None

    def end(self, reference: Reference) -> str | None:
        """A link's end, SOURCE/KIND/NATIVE; nothing is made for it."""
        parts = reference.text.split("/", 2)
        if len(parts) == 3:
            return reference.text if self._is_foreign(reference, parts[0], parts[1]) else None
        key = self.key(reference)
        return f"{self._source}/{key.kind}/{key.native}" if key is not None else None

    def _foreign(self, reference: Reference, source: str, kind: str, native: str) -> NativeKey | None:
        if not self._is_foreign(reference, source, kind):
            return None
        key = NativeKey(EntityKind(kind), reference.text)
        if reference.kinds and key.kind not in reference.kinds:
            wanted = " or ".join(reference.kinds)
            self._wrong(reference, f"is a {kind}. Name a {wanted}.")
            return None
        link = Link(f"{self._source}/{kind}/{reference.text}", reference.text, same=True)
        self._stand_ins.setdefault(key, _StandIn(key, native, link))
        return key

    def _is_foreign(self, reference: Reference, source: str, kind: str) -> bool:
        if kind not in EntityKind._value2member_map_:
            self._wrong(reference, f"{kind!r} is no kind. {meant(kind, EntityKind)} Write SOURCE/KIND/NATIVE.")
        elif source == self._source:
            self._wrong(reference, f"{source!r} is this file itself. Write just the name.")
        elif not source or reference.text.endswith("/"):
            self._wrong(reference, "is incomplete. Write SOURCE/KIND/NATIVE.")
        else:
            return True
        return False

    def _unknown(self, reference: Reference, name: str, kinds: tuple[EntityKind, ...]) -> None:
        known = [name for name, of in self._kinds.items() if any(kind in of for kind in kinds)]
        what = " or ".join(reference.kinds) or "thing"
        hint = meant(name, known) or "Declare it, or write SOURCE/KIND/NATIVE of the source that knows it."
        self._wrong(reference, f"no {what} {name!r} is declared. {hint}")

    def _wrong(self, reference: Reference, text: str) -> None:
        if reference not in self._said:
            self._said.add(reference)
            self._reader.problem(reference.spot, text)


def _noted(notes: list[Note], names: _Names) -> dict[NativeKey, dict[str, Value]]:
    noted: dict[NativeKey, dict[str, Value]] = {}
    for note in notes:
        key = names.key(note.of)
        if key is not None:
            noted.setdefault(key, {}).update(note.attributes)
    return noted


def _link(pair: Pair, names: _Names, reader: Reader) -> Link | None:
    left, right = names.end(pair.left), names.end(pair.right)
    if left is None or right is None:
        return None
    kinds = {end.split("/", 2)[1] for end in (left, right)}
    if len(kinds) > 1:
        text = f"a {' and a '.join(sorted(kinds))} cannot be one thing. Name two things of one kind."
        reader.problem(pair.right.spot, text)
        return None
    return Link(left, right, pair.same)


def _find_rings(facts: Facts, names: _Names, reader: Reader) -> None:
    """Things that depend on themselves through others: said once, at the tie that closes the ring."""
    below: defaultdict[NativeKey, list[tuple[NativeKey, Reference]]] = defaultdict(list)
    for tie in facts.ties:
        upper, lower = names.key(tie.upper), names.key(tie.lower)
        if upper is not None and lower is not None and upper != lower:
            below[upper].append((lower, tie.lower))
    done: set[NativeKey] = set()
    for start in list(below):
        _walk(start, below, done, reader)


def _walk(
    start: NativeKey, below: Mapping[NativeKey, list[tuple[NativeKey, Reference]]], done: set[NativeKey], reader: Reader
) -> None:
    """Depth first, without recursion: a chain may be as long as the file."""
    if start in done:
        return
    path, todo = {start: None}, [iter(below.get(start, ()))]
    while todo:
        step = next(todo[-1], None)
        if step is None:
            todo.pop()
            done.add(path.popitem()[0])
            continue
        lower, reference = step
        if lower in path:
            ring = [key.native for key in path]
            ring = ring[ring.index(lower.native) :]
            reader.problem(reference.spot, f"closes a ring: {' > '.join([*ring, lower.native])}. Remove one of these.")
        elif lower not in done:
            path[lower] = None
            todo.append(iter(below.get(lower, ())))
