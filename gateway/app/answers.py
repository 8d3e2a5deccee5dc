"""Answers as text: the trees of `gateway where` and `gateway impact`, from the body of the REST answer. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.markup import escape
from rich.tree import Tree

Body = Mapping[str, Any]
SHOWN = 20
"""Affected entities of one kind that are shown below one other; the rest is counted."""


# -- where -----------------------------------------------------------------------------------------------------


def where_tree(body: Body) -> Tree | None:
    """The chain below an entity, each hop with since, age, source and confidence; None when nothing is known."""
    tree = Tree(named(body["entity"]))
    _grow(tree, body)
    return tree if tree.children else None


def _grow(tree: Tree, step: Body) -> None:
    for hop in [*step.get("hops", ()), *step.get("below", ()), *step["machines"], *step["storage"]]:
        branch = tree.add(_hop(hop))
        for said in hop["notes"]:
            branch.add(escape(f"note: {said}"))
        _grow(branch, hop)
    if step["ends"]:
        tree.add(escape(f"({step['ends']})"))


def _hop(hop: Body) -> str:
    parts = [f"{_words(hop['relation'])} {named(hop['entity'])}"]
    parts += [escape(hop["role"])] if hop["role"] else []
    parts += [_words(hop["state"])] if hop["state"] != "stable" else []
    parts += [f"members {', '.join(escape(m['name']) for m in hop['members'])}"] if hop["members"] else []
    parts += [f"since {hop['since']}"] if hop["since"] else []
    parts += [f"read {age(hop['age_s'])} ago{', stale' if hop['stale'] else ''}"] if hop["age_s"] is not None else []
    parts += [f"source {escape(hop['source'])}"] if hop["source"] else []
    parts += [f"confidence {hop['confidence']} %"] if hop["confidence"] < 100 else []
    return "; ".join(parts)


# -- impact ----------------------------------------------------------------------------------------------------


def impact_lines(body: Body) -> Iterator[str]:
    """What an impact amounts to: how many of each kind, and the votes that clusters lose."""
    for effect in ("lost", "degraded"):
        counted = [f"{count[effect]} {count['kind']}" for count in body["counts"] if count[effect]]
        if counted:
            yield f"{effect}: {', '.join(counted)}"
    for votes in body["quorums"]:
        majority = "quorum stays" if votes["majority"] else "no majority"
        left = f"{votes['remain']} of {votes['votes']} remain: {majority}"
        note = f" ({votes['note']})" if votes["note"] else ""
        yield f"quorum: {votes['cluster']['name']} loses {_counted(votes['lost'], 'vote')}, {left}{note}"


def impact_trees(body: Body) -> Iterator[Tree]:
    """For each of the lost what it takes along, and what that takes along: each affected entity once."""
    known = {entity["index"] for entity in (*body["lost"], *(one["entity"] for one in body["affected"]))}
    above: dict[int, list[Body]] = {}
    for one in body["affected"]:
        nearest = next(step["entity"]["index"] for step in one["path"] if step["entity"]["index"] in known)
        above.setdefault(nearest, []).append(one)
    for root in body["lost"]:
        tree = Tree(named(root))
        _spread(tree, root["index"], above)
        if tree.children:
            yield tree
    if body["omitted"]:
        yield Tree(f"and {body['omitted']} more that are affected; the REST answer gives all with a higher limit")


def _spread(tree: Tree, index: int, above: Mapping[int, list[Body]]) -> None:
    shown: Counter[str] = Counter()
    for one in above.get(index, ()):
        kind = one["entity"]["kind"]
        shown[kind] += 1
        if shown[kind] <= SHOWN:
            _spread(tree.add(_affected(one, index)), one["entity"]["index"], above)
    for kind, number in shown.items():
        if number > SHOWN:
            tree.add(f"and {number - SHOWN} more {kind}, with what depends on them (--json lists all)")


def _affected(one: Body, below: int) -> str:
    """`below`: what it is shown under; what lies between was left out of the answer."""
    first = one["path"][0]
    in_part = one["effect"] == "degraded" or one["parts"] > 1 or first["entity"]["index"] != below
    how = one["reason"] if in_part or first["relation"] == "managed_by" else _how(first["relation"])
    parts = (f"{_plain(one['entity'])}: {one['effect']}", _verdict(one), how, _doubt(one))
    return escape("; ".join(filter(None, parts)))


def _verdict(one: Body) -> str:
    """`restarts on n2 (c1: restarted by manager)`."""
    where = f" on {one['destination']['name']}" if one["destination"] else ""
    who = f"{one['manager']['name']}: " if one["manager"] else ""
    return f"{one['verdict']}{where} ({who}{_words(one['verdict_reason'])})"


def _how(relation: str) -> str:
    """The relation to what is above it in the tree, when it is not the usual one."""
    return "" if relation == "runs_on" else _words(relation)


def _doubt(one: Body) -> str:
    doubt = "last known or moving" if one["path"][0]["relation"] == "runs_on" else "if quorum is lost"
    known = [] if one["certain"] else [doubt]
    stale = [f"stale, read {age(one['age_s'])} ago" if one["age_s"] is not None else "stale"] if one["stale"] else []
    return ", ".join([*known, *stale])


# -- both ------------------------------------------------------------------------------------------------------


def alarm_lines(alarms: Iterable[Body]) -> Iterator[str]:
    """Raised alarms, each with what to do."""
    for alarm in alarms:
        planned = ", planned" if alarm["planned"] else ""
        yield f"{alarm['severity']}{planned}: {alarm['text']}" + (f" -> {alarm['remedy']}" if alarm["remedy"] else "")


def window_lines(windows: Iterable[Body]) -> Iterator[str]:
    """The planned windows that cover what was asked about."""
    for window in windows:
        reason = f": {window['reason']}" if window["reason"] else ""
        until = f"{window['ends_at'][:19]}Z"  # UTC; to the second
        yield f'planned: in the window "{window["name"]}" until {until}{reason}'


def named(entity: Body) -> str:
    """`NAME (KIND)`, as markup."""
    return escape(_plain(entity))


def age(seconds: float | None) -> str:
    """An age for people: 12 s, 5 min, 3 h, 2 d."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _plain(entity: Body) -> str:
    return f"{entity['name']} ({entity['kind']})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _words(term: str) -> str:
    return term.replace("_", " ")
