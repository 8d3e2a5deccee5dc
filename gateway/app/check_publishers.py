"""The check of the publishers: do agent and REST server answer, or could they?"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from gateway.app.client import Client, connected
from gateway.app.commands_database import opened
from gateway.app.console import counted
from gateway.app.findings import Finding, Outcome
from gateway.app.locate import Located
from gateway.app.publishing import engine_id_of
from gateway.app.snmp_probe import Who, ask, asking_address, who_may_ask
from gateway.app.snmp_secrets import how_to_ask, nobody_may_ask, with_local_user
from gateway.config.addresses import no_such_address, parse_address
from gateway.config.configuration import Configuration
from gateway.model.errors import ConfigError, GatewayError
from gateway.publishers.rest import RestSettings
from gateway.publishers.snmp import SnmpSettings
from gateway.publishers.snmp.access import usm_users
from gateway.support.tasks import side_by_side
from gateway.wire.ber import Oid

AT_ONCE = 8
"""So many ask the agent at a time, each as somebody else."""


async def check_publishers(configuration: Configuration, located: Located, running: bool) -> AsyncIterator[Finding]:
    """A running gateway is asked as each of those who may; where none runs, could it listen, and do keys fit?"""
    snmp, rest = configuration.publishers["snmp"], configuration.publishers["rest"]
    assert isinstance(snmp, SnmpSettings)
    assert isinstance(rest, RestSettings)
    for name, user in snmp.users.items():
        if user.auth_password is not None:
            said = f"user {name} has passwords. Keys would open this gateway only: gateway snmp user add {name}"
            yield Finding("snmp", Outcome.OK, said)
    if not running:
        for finding in await asyncio.to_thread(lambda: [*_keys(snmp, located)]):
            yield finding
        for finding in _addresses(snmp, rest):
            yield finding
        return
    async for finding in _agent(snmp, located.state_dir):
        yield finding
    async with connected(located, must_run=True) as client:
        yield await _rest(client)


async def _agent(settings: SnmpSettings, state_dir: Path) -> AsyncIterator[Finding]:
    """Ask the running agent as each of those who may."""
    if not settings.enabled:
        yield Finding("snmp", Outcome.SKIPPED, "is disabled")
        return
    configured = settings
    try:
        settings = with_local_user(settings, state_dir)
    except ConfigError as error:
        yield Finding("snmp", Outcome.FAILED, str(error))
        return
    for listen in settings.listen:
        if (address := parse_address(listen)).port == 0:
            yield Finding("snmp", Outcome.SKIPPED, f"{listen}: on a free port, which only the gateway's log names")
            continue
        if nobody_may_ask(configured):
            said = f"nobody is configured, so ask it: {how_to_ask(state_dir, address, settings)}"
            yield Finding("snmp", Outcome.OK, said)
        for finding in await side_by_side((_as(who, listen, settings.root) for who in who_may_ask(settings)), AT_ONCE):
            yield finding


async def _as(who: Who, listen: str, root: Oid) -> Finding:
    """Ask as one of them, if it may ask from here at all."""
    try:
        address = asking_address(listen)
        if not who.networks.allow(address):
            said = f"{listen} as {who.label}: may not ask from this machine, {address} (allow)"
            return Finding("snmp", Outcome.SKIPPED, said)
        answer = await ask(listen, who, root)
    except GatewayError as error:
        remedy = "Was publishers.snmp changed since the gateway was started? Restart it"
        if who.context:
            remedy = f"Is context = {who.context!r} the name of a hypervisor that is there now? {remedy}"
        return Finding("snmp", Outcome.FAILED, f"{error}. {remedy}")
    context = f" in the context {who.context}" if who.context else ""
    return Finding("snmp", Outcome.OK, f"{listen} answers {who.label}{context}: {answer}")


def _keys(snmp: SnmpSettings, located: Located) -> Iterator[Finding]:
    """No gateway runs: are the keys of users those of its engine?"""
    if not any(user.keys for user in snmp.users.values()):
        return
    try:
        with opened(located, upgrade=False) as database:
            usm_users(snmp, engine_id_of(database, located.instance))
    except GatewayError as error:
        yield Finding("snmp", Outcome.FAILED, f"{error}.")


async def _rest(client: Client) -> Finding:
    try:
        body = (await client.get("/sources")).body
    except GatewayError as error:
        return Finding("rest", Outcome.FAILED, str(error))
    bad = [source["name"] for source in body["items"] if source["state"] in ("failing", "stale")]
    if bad:
        return Finding(
            "running gateway", Outcome.WARNING, f"sources that do not answer: {', '.join(bad)}. See: gateway sources"
        )
    return Finding("running gateway", Outcome.OK, f"answers, {counted(len(body['items']), 'source')}")


def _addresses(snmp: SnmpSettings, rest: RestSettings) -> Iterator[Finding]:
    """No gateway runs: could it listen?"""
    for listen in snmp.listen if snmp.enabled else ():
        yield _free("snmp", parse_address(listen), socket.SOCK_DGRAM)
    if rest.enabled:
        try:
            rest.check_tls()
        except ConfigError as error:
            yield Finding("rest", Outcome.FAILED, str(error))
        yield _free("rest", (rest.address.host, rest.address.port), socket.SOCK_STREAM)


def _free(what: str, address: tuple[str, int], kind: socket.SocketKind) -> Finding:
    host, port = address
    listen = f"{host} port {port}"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as tried:
        if kind is socket.SOCK_STREAM:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address)
        except OSError as error:
            remedy = no_such_address(error) or "Choose another port, or stop what listens there (ss -lnp shows it)"
            if isinstance(error, PermissionError):
                remedy = "Give the service CAP_NET_BIND_SERVICE, or choose a port above 1023"
            return Finding(what, Outcome.FAILED, f"{listen}: {error.strerror}. {remedy}.")
    return Finding(what, Outcome.OK, f"{listen} is free; no gateway runs in this state folder")
