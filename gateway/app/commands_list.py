"""`gateway events`, `gateway sources` and `gateway alarms`: the log, who is read, and what is wrong."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from gateway.app.answers import age
from gateway.app.client import Client, Params, ask, asked, connected
from gateway.app.commands_ask import json_option
from gateway.app.console import table
from gateway.app.locate import Located, locate, location_options
from gateway.model.conditions import ConditionKind, alarm_detail
from gateway.model.events import RELOCATIONS, EventKind

USUAL_LIMIT = 100


@click.command(short_help="The log: relocations, failures and findings.")
@click.option("--since", help="Only from this time on: 2026-01-31T03:00:00Z, or -1h (an hour ago; also 30m, 2d12h).")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in EventKind]),
    help="Only this kind; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1, 1000), help=f"How many, newest.  [default: {USUAL_LIMIT}]")
@click.option(
    "--follow",
    is_flag=True,
    help="Go on with each new event, one a line, until interrupted; with --since or --limit after those before.",
)
@json_option
@location_options
def events(
    since: str | None,
    kinds: tuple[str, ...],
    limit: int | None,
    follow: bool,
    as_json: bool,
    config: Path | None,
    state_dir: Path | None,
) -> None:
    """The event log: relocations, failures and findings as they began and ended."""
    located = locate(config, state_dir)
    wanted = {"since": since, "kind": kinds or None, "limit": limit or USUAL_LIMIT, "newest_first": "true"}
    if follow:
        with suppress(KeyboardInterrupt):
            asked(_follow(located, wanted if since or limit else None, kinds, as_json))
        return
    answer = ask(located, "/events", wanted)
    if as_json:
        click.echo(answer.text)
        return
    rows = reversed(answer.body["items"])
    columns = ("AT", "KIND", "NAME", "FROM", "TO", "CAUSE", "PLANNED", "LIVE", "TOLD")
    table("Events", columns, (_row(event) for event in rows))


@click.command()
@json_option
@location_options
def sources(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """The sources: how each is doing, and how old its data are."""
    answer = ask(locate(config, state_dir), "/sources")
    if as_json:
        click.echo(answer.text)
        return
    columns = ("NAME", "KIND", "STATE", "LAST READ", "READS", "FAILURES", "LAST ERROR")
    table("Sources", columns, (source_row(source) for source in answer.body["items"]))


@click.command()
@json_option
@location_options
def alarms(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """The alarms that are raised now, each with what to do."""
    answer = ask(locate(config, state_dir), "/alarms")
    if as_json:
        click.echo(answer.text)
        return
    rows = (
        (
            a["severity"] + (", planned" if a["planned"] else ""),
            a["condition"],
            a["entity"]["kind"] if a["entity"] else "",
            _named(a["entity"], a["key"]),
            a["raised_at"],
            a["text"],
            a["remedy"],
        )
        for a in answer.body["items"]
    )
    table("Alarms", ("SEVERITY", "CONDITION", "KIND", "NAME", "SINCE"), rows, below=2)


async def _follow(located: Located, before: Params | None, kinds: tuple[str, ...], as_json: bool) -> None:
    """Each event from now on; `before`: the parameters of those that are shown first."""
    async with connected(located, must_run=True) as client:
        after = None
        if before is not None:
            after = await _newest(client)
            found = (await client.get("/events", before)).body["items"]
            for event in reversed(found):
                if event["seq"] <= after:
                    click.echo(json.dumps(event, ensure_ascii=False) if as_json else line(event))
        async for data in client.stream("/events/stream", {"kind": kinds or None, "after": after}):
            click.echo(data if as_json else line(json.loads(data)))


async def _newest(client: Client) -> int:
    """The number of the newest event, whatever it is; 0 when there is none."""
    found = (await client.get("/events", {"limit": 1, "newest_first": "true"})).body["items"]
    return found[0]["seq"] if found else 0


def line(event: Mapping[str, Any]) -> str:
    """One event in one line."""
    *said, planned, live, told = _row(event)
    if planned and not live and not event["kind"].startswith("window_"):
        said.append("planned")
    if planned and live:
        said += ["planned" if planned == "yes" else "not planned", "live" if live == "yes" else "restarted"]
    return "  ".join(cell for cell in (*said, told) if cell)


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    old, new = event["old_host"], event["new_host"]
    told = "yes" if event["told"] else "log only"
    why = event["cause"] or event["condition"] or ""
    moved = event["kind"] in RELOCATIONS
    return (
        event["at"],
        event["kind"],
        _named(event["entity"], event["alarm_key"]),
        *_ends(old, new),
        why if new else f"{why} {event['text']}".strip(),
        ("yes" if event["planned"] else "no") if moved or event["planned"] else "",
        ("yes" if event["live"] else "no") if moved else "",
        told,
    )


def _ends(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[str, str]:
    """From where to where; pools of one name, one on each host, by what their source calls them."""
    name = "native" if old and new and old["name"] == new["name"] else "name"
    return (str(old[name]) if old else "", str(new[name]) if new else "")


def _named(entity: Mapping[str, Any] | None, alarm_key: str | None) -> str:
    """Its name; of an alarm of a source that is about one part of it: that part, and the source."""
    name = str(entity["name"]) if entity else ""
    key = alarm_key or ""
    part = alarm_detail(key) if key.startswith(f"{ConditionKind.SOURCE_STALE}:") else ""
    return f"{part} ({name})" if part and part != name else name


def source_row(source: Mapping[str, Any]) -> tuple[object, ...]:
    read = f"{age(source['age_s'])} ago" if source["age_s"] is not None else "never"
    silent = [scope for scope in source["scopes"] if scope["silent"]]
    return (
        source["name"],
        source["kind"],
        source["state"] + (f", {len(silent)} of {len(source['scopes'])} parts silent" if silent else ""),
        read,
        source["reads"],
        source["failures"],
        source["last_error"] or next((scope["error"] for scope in silent), ""),
    )
