"""`gateway notifications` and `gateway test-notification`: how receivers are doing, and what they missed."""

from pathlib import Path
from typing import Any

import click

from gateway.app.client import Client, ask, asked, connected
from gateway.app.commands_ask import json_option
from gateway.app.console import note, table
from gateway.app.locate import Located, configured, locate, location_options
from gateway.config.configuration import read_toml
from gateway.model.errors import GatewayError
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings

COLUMNS = (
    "RECEIVER", "TO", "PENDING", "DELIVERED", "SUMMARISED", "FILTERED", "MISSED", "REPLAYING", "LAST DELIVERED",
    "NEXT TRY",
)  # fmt: skip

_USUAL = {key: SnmpTrapSettings.model_fields[key].default for key in ("port", "version")}


@click.group(short_help="How receivers are doing; send again what they missed.")
def notifications() -> None:
    """How receivers of notifications are doing, what they missed, and sending it again."""


@notifications.command(name="list", short_help="Receivers, or what one of them missed.")
@click.argument("name", required=False, metavar="[RECEIVER]")
@click.option("--receiver", help="The same as RECEIVER.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many, oldest first.")
@json_option
@location_options
def list_(
    name: str | None, receiver: str | None, limit: int, as_json: bool, config: Path | None, state_dir: Path | None
) -> None:
    """List the receivers with what waits for each; with RECEIVER what was given up for it."""
    located, receiver = locate(config, state_dir), name or receiver
    path = "/receivers" if receiver is None else f"/receivers/{receiver}/missed"
    answer = ask(located, path, {"limit": limit} if receiver is not None else None)
    if as_json:
        click.echo(answer.text)
    elif receiver is None:
        written = _written(configured(config) if state_dir is None else None)
        table("Receivers", COLUMNS, (_row(each, written) for each in answer.body["items"]), below=1)
    else:
        columns = ("NUMBER", "AT", "KIND", "ENTITY", "GIVEN UP", "STATE")
        table(f"Missed by {receiver}", columns, map(_missed_row, answer.body["items"]), below=1)


@notifications.command(short_help="Send again what was given up.")
@click.option("--receiver", help="Only for this one; without: for all.")
@click.option("--since", help="All since then that its filters let through, given up or not: a time, or -1h.")
@location_options
def replay(receiver: str | None, since: str | None, config: Path | None, state_dir: Path | None) -> None:
    """Send again what was given up, with the ids that it had. New notifications go before it."""
    for name, waiting in asked(_replay(locate(config, state_dir), receiver, since)):
        if since is None:
            note(f"receiver {name}: {waiting} notifications are sent again")
        else:
            note(f"receiver {name}: up to {waiting} notifications are sent again, those that its filters let through")


@click.command(name="test-notification", short_help="Send a test notification.")
@click.argument("receiver", required=False)
@location_options
def test_notification(receiver: str | None, config: Path | None, state_dir: Path | None) -> None:
    """Send a topologyTest to RECEIVER, or to all. A receiver of informs must acknowledge it.

    Exit status: 0 all were sent (and acknowledged); 2 one was not.
    """
    failed = asked(_test(locate(config, state_dir), receiver))
    if failed:
        raise GatewayError("\n  ".join(["a test notification was not delivered:", *failed]))


async def _replay(located: Located, receiver: str | None, since: str | None) -> list[tuple[str, int]]:
    async with connected(located) as client:
        names = [receiver] if receiver is not None else await _names(client)
        query = {"since": since} if since is not None else {}
        return [(name, (await client.post(f"/receivers/{name}/replay", query)).body["waiting"]) for name in names]


async def _test(located: Located, receiver: str | None) -> list[str]:
    failed = []
    async with connected(located, must_run=True) as client:
        for name in [receiver] if receiver is not None else await _names(client):
            try:
                tested = (await client.post(f"/receivers/{name}/test")).body
            except GatewayError as error:
                failed.append(str(error))
            else:
                end = "sent, and the receiver has acknowledged it" if tested["acknowledged"] else "sent"
                note(f"receiver {name}: a test notification was {end}")
    return failed


async def _names(client: Client) -> list[str]:
    items = (await client.get("/receivers")).body["items"]
    return [each["name"] for each in items if each["delivery"] is not None]


def _written(config: Path | None) -> dict[str, dict[str, Any]]:
    """Receivers as the configuration writes them, unchecked: their secrets need not be at hand."""
    tables = read_toml(config).get("receivers") if config is not None else None
    return {name: each for name, each in tables.items() if isinstance(each, dict)} if isinstance(tables, dict) else {}


def _row(each: dict[str, Any], written: dict[str, dict[str, Any]]) -> tuple[object, ...]:
    """`written`: for those of whom is told how they are doing only, as no gateway runs."""
    given, doing = each["settings"] or {**_USUAL, **written.get(each["name"], {})}, each["delivery"]
    way = "inform" if given.get("inform") else "trap"
    to = f"{given['host']}:{given['port']} v{given['version']} {way}" if "host" in given else given.get("kind", "")
    if doing is None:
        return (each["name"], to, "not served", *[""] * 7, "")
    counted = (doing[key] for key in ("pending", "delivered", "summarised", "filtered", "missed", "replaying"))
    return (each["name"], to, *counted, doing["delivered_at"], doing["next_try_at"], doing["last_error"])


def _missed_row(each: dict[str, Any]) -> tuple[object, ...]:
    event, state = each["event"], "is sent again" if each["replaying"] else "given up"
    return event["seq"], event["at"], event["kind"], event["entity"]["name"], each["at"], state, each["error"]
