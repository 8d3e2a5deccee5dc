"""`gateway where` and `gateway impact`: the two questions, with an exit status for scripts."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.markup import escape
from rich.tree import Tree

from gateway.app.client import ask
from gateway.app.console import console, table
from gateway.app.locate import locate, location_options

PLACED = frozenset({"placed", "spread", "moving"})
at_option = click.option("--at", help="Ask about a past time: 2026-01-31T03:00:00Z, or -2h.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the body of the REST answer.")


@click.command()
@click.argument("name")
@at_option
@json_option
@location_options
def where(name: str, at: str | None, as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """Where is NAME (a name, KIND:NAME, an index or an id), layer by layer down to the rack?

    \b
    Exit status: 0  it runs (on one host, on several, or moving right now)
                 1  it is stopped, its host is not heard of, or nothing is known of its place
                 2  there is no such thing, or the question could not be answered
    """
    answer = ask(locate(config, state_dir), f"/where/{quote(name, safe='')}", {"at": at})
    if as_json:
        click.echo(answer.text)
    else:
        _show_where(answer.body)
    sys.exit(0 if answer.body["status"] in PLACED else 1)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@at_option
@json_option
@location_options
def impact(names: tuple[str, ...], at: str | None, as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """What is affected when NAME... (hosts, nodes, VMs, racks) are lost or rebooted together?

    \b
    Exit status: 0  nothing that is known is affected (read the blind spots)
                 1  something is affected
                 2  there is no such thing, or the question could not be answered
    """
    answer = ask(locate(config, state_dir), "/impact", {"entity": names, "at": at})
    if as_json:
        click.echo(answer.text)
    else:
        _show_impact(answer.body)
    sys.exit(1 if answer.body["affected"] else 0)


def _show_where(body: Mapping[str, Any]) -> None:
    click.echo(body["said"])
    tree = Tree(_named(body["entity"]))
    _grow(tree, body["hops"], body["storage"], body["ends"])
    if tree.children:
        console().print(tree)
    for said in body["notes"]:
        click.echo(f"note: {said}")
    _show_alarms(body["alarms"])


def _grow(tree: Tree, hops: Iterable[Mapping[str, Any]], storage: Iterable[Mapping[str, Any]], ends: str) -> None:
    for hop in [*hops, *storage]:
        branch = tree.add(_hop(hop))
        for said in hop["notes"]:
            branch.add(escape(f"note: {said}"))
        _grow(branch, hop["below"], hop["storage"], hop["ends"])
    if ends:
        tree.add(escape(f"({ends})"))


def _hop(hop: Mapping[str, Any]) -> str:
    parts = [f"{hop['relation'].replace('_', ' ')} {_named(hop['entity'])}"]
    parts += [escape(hop["role"])] if hop["role"] else []
    parts += [hop["state"].replace("_", " ")] if hop["state"] != "stable" else []
    parts += [f"members {', '.join(escape(m['name']) for m in hop['members'])}"] if hop["members"] else []
    parts += [f"since {hop['since']}"] if hop["since"] else []
    parts += [f"read {age(hop['age_s'])} ago{', stale' if hop['stale'] else ''}"] if hop["age_s"] is not None else []
    parts += [f"source {escape(hop['source'])}"] if hop["source"] else []
    parts += [f"confidence {hop['confidence']} %"] if hop["confidence"] < 100 else []
    return "; ".join(parts)


def _named(entity: Mapping[str, Any]) -> str:
    return escape(f"{entity['name']} ({entity['kind']})")


def _show_alarms(alarms: Iterable[Mapping[str, Any]]) -> None:
    for alarm in alarms:
        click.echo(f"{alarm['severity']}: {alarm['text']}" + (f" -> {alarm['remedy']}" if alarm["remedy"] else ""))


def _show_impact(body: Mapping[str, Any]) -> None:
    click.echo(body["said"])
    if body["affected"]:
        rows = (
            (a["layer"], a["effect"], a["entity"]["name"], a["entity"]["kind"], _way(a), _sure(a))
            for a in body["affected"]
        )
        table("Affected", ("LAYER", "EFFECT", "NAME", "KIND", "BECAUSE", "DATA"), rows)
    for said in body["blind_spots"]:
        click.echo(f"blind spot: {said}")


def _way(affected: Mapping[str, Any]) -> str:
    return affected["reason"] or " > ".join(step["entity"]["name"] for step in affected["path"])


def _sure(affected: Mapping[str, Any]) -> str:
    known = "" if affected["certain"] else ", last known"
    stale = ", stale" if affected["stale"] else ""
    return f"{age(affected['age_s'])} old{known}{stale}" if affected["age_s"] is not None else known.lstrip(", ")


def age(seconds: float | None) -> str:
    """An age for people: 12 s, 5 min, 3 h, 2 d."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
