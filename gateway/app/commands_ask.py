"""`gateway where` and `gateway impact`: the two questions, with an exit status for scripts."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.app.answers import alarm_lines, impact_lines, impact_trees, where_tree, window_lines
from gateway.app.client import ask
from gateway.app.console import console
from gateway.app.locate import locate, location_options

PLACED = frozenset({"placed", "spread", "moving"})
_INK = {"green": "green", "amber": "yellow", "red": "red"}
at_option = click.option(
    "--at", help="Ask about a past time: 2026-01-31T03:00:00Z, or -1h (an hour ago; also 30m, 2d12h)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the body of the REST answer.")


@click.command(short_help="Where something is, layer by layer.")
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


@click.command(short_help="What is affected when things are lost together.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@at_option
@json_option
@location_options
def impact(names: tuple[str, ...], at: str | None, as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """What is affected when NAME... (hosts, nodes, VMs, pools, racks) are lost together, and what becomes of it?

    The verdict is about a reboot: machines come back, and what starts with them. GREEN: nothing is disrupted; AMBER:
    what is comes back by itself, or is not known to; RED: something is lost.

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
    tree = where_tree(body)
    if tree is not None:
        console().print(tree)
    for said in body["notes"]:
        click.echo(f"note: {said}")
    for line in window_lines(body["windows"]):
        click.echo(line)
    for line in alarm_lines(body["alarms"]):
        click.echo(line)


def _show_impact(body: Mapping[str, Any]) -> None:
    click.echo(body["said"])
    click.secho(body["outlook"], fg=_INK[body["colour"]])
    for line in window_lines(body["windows"]):
        click.echo(line)
    for line in impact_lines(body):
        click.echo(line)
    for tree in impact_trees(body):
        console().print(tree)
    for said in body["blind_spots"]:
        click.echo(f"blind spot: {said}")
