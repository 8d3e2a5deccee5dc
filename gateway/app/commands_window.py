"""`gateway window`: planned windows, declared, listed and ended."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gateway.app.client import Client, Refused, ask, asked, connected
from gateway.app.commands_ask import at_option, json_option
from gateway.app.console import note, table
from gateway.app.locate import Located, locate, location_options
from gateway.model.errors import UnknownWindow

COLUMNS = ("NUMBER", "NAME", "STATE", "FROM", "UNTIL", "COVERS", "BY", "RELOCATIONS", "FAILURES")
_OPTIONS = {"starts_at": "--from", "ends_at": "--until"}
"""What REST calls these."""


@click.group(short_help="Planned windows: what happens in them is planned.")
def window() -> None:
    """Planned windows: while one is open, what moves or fails of what it covers is told as planned."""


@window.command(name="open", short_help="Declare a window, now or for later.")
@click.argument("entities", nargs=-1, required=True, metavar="NAME...")
@click.option("--until", required=True, help="When it ends: 2026-01-31T05:00:00Z, or 2h30m after its start.")
@click.option("--from", "start", help="When it begins: a time, or 1h from now; without: now.")
@click.option("--name", required=True, help="What is done, for people.")
@click.option("--reason", default="", help="Why; a ticket, say.")
@json_option
@location_options
def open_(
    entities: tuple[str, ...],
    until: str,
    start: str | None,
    name: str,
    reason: str,
    as_json: bool,
    config: Path | None,
    state_dir: Path | None,
) -> None:
    """Declare a planned window on NAME... (hosts, nodes, VMs, clusters, racks, sites), with all that depends on them.

    Its start and its end are told, once each. What it covers is told as planned between them.
    """
    wanted = {"name": name, "entities": entities, "starts_at": start, "ends_at": until, "reason": reason}
    answer = asked(_declare(locate(config, state_dir), {**wanted, "by": _user()}))
    for said in answer["notes"]:
        note(f"note: {said}")
    if as_json:
        click.echo(answer["text"])
    else:
        table("Planned windows", COLUMNS, [_row(answer["body"])], below=1)


@window.command(name="list")
@at_option
@json_option
@location_options
def list_(at: str | None, as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """List the planned windows that have not ended."""
    answer = ask(locate(config, state_dir), "/windows", {"at": at})
    if as_json:
        click.echo(answer.text)
    else:
        table("Planned windows", COLUMNS, map(_row, answer.body["items"]), below=1)


@window.command(short_help="End a window now, or call it off.")
@click.argument("which", metavar="NUMBER|NAME")
@location_options
def close(which: str, config: Path | None, state_dir: Path | None) -> None:
    """End the window NUMBER (or the one of that name) now. One that has not begun is called off, and nobody is told."""
    ended = asked(_close(locate(config, state_dir), which))
    note(f'The planned window {ended["index"]}, "{ended["name"]}", is over.')


async def _declare(located: Located, wanted: Mapping[str, Any]) -> dict[str, Any]:
    async with connected(located, must_run=True) as client:
        try:
            answer = await client.post("/windows", body={key: each for key, each in wanted.items() if each is not None})
        except Refused as error:
            key, colon, said = str(error).partition(":")
            raise Refused(f"{_OPTIONS.get(key, key)}{colon}{said}") from error
    return {"text": answer.text, "body": answer.body, "notes": answer.body["notes"]}


async def _close(located: Located, which: str) -> Any:
    async with connected(located, must_run=True) as client:
        return (await client.delete(f"/windows/{await _number(client, which)}")).body


async def _number(client: Client, which: str) -> int:
    """The number of the window that is meant."""
    items = (await client.get("/windows")).body["items"]
    found = [each["index"] for each in items if which in (str(each["index"]), each["name"])]
    if len(found) == 1:
        return int(found[0])
    if not found:
        raise UnknownWindow(f"no planned window {which!r} is open. See: gateway window list")
    raise UnknownWindow(f"{len(found)} planned windows are called {which!r}: give the number of one, {found}.")


def _user() -> str:
    """Who types this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _row(each: Mapping[str, Any]) -> tuple[object, ...]:
    covers = ", ".join(f"{entity['name']} ({entity['kind']})" for entity in each["entities"])
    told = (each["relocations"], each["failures"])
    times = (each["starts_at"], each["ends_at"])
    return each["index"], each["name"], each["state"], *times, covers, each["declared_by"], *told, each["reason"]
