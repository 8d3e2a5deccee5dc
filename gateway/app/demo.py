"""The demo: a simulated estate, its own trap receiver, and what happens, told as it happens."""

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from gateway.app.places import socket_path
from gateway.app.runtime import Runtime
from gateway.app.settings_classes import PluginClasses
from gateway.app.trap_receiver import Trap, TrapReceiver
from gateway.config.configuration import Configuration, build
from gateway.model.entities import EntityKind
from gateway.model.events import Event
from gateway.model.snapshot import Snapshot
from gateway.schema.snmp.tables import WHERE_TABLE

Say = Callable[[str], None]
Announce = Callable[[dict[str, Any], str], None]
FIRST_READ_S = 30.0
"""Longest that the announcement waits for the first view of the estate."""
USER = "demo"
TOKEN = "demo"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Made anew for each demo; shown to the person who started it."""

    community: str = field(default_factory=lambda: secrets.token_hex(6))
    trap_community: str = field(default_factory=lambda: secrets.token_hex(6))
    auth_password: str = field(default_factory=lambda: secrets.token_hex(8))
    priv_password: str = field(default_factory=lambda: secrets.token_hex(8))


def estate(hosts: int, seed: int) -> dict[str, Any]:
    """The table of a simulated source that has something to tell within a minute."""
    return {"kind": "simulated", "hosts": hosts, "vms_per_host": 10, "seed": seed, "events_per_minute": 10}


def demo_configuration(
    state_dir: Path, source: dict[str, Any], credentials: Credentials, traps: tuple[str, int]
) -> Configuration:
    """Everything on loopback, on free ports."""
    document: dict[str, Any] = {
        "gateway": {"state_dir": str(state_dir), "instance": "demo", "log_level": "WARNING"},
        "sources": {"estate": source},
        "publishers": {
            "rest": {"listen": "127.0.0.1:0"},
            "snmp": {
                "listen": ["127.0.0.1:0"],
                "communities": {"demo": {"community": credentials.community}},
                "users": {USER: {**_v3(credentials)}},
            },
        },
        "receivers": {
            "demo": {
                "kind": "snmp",
                "host": traps[0],
                "port": traps[1],
                "version": "2c",
                "community": credentials.trap_community,
            }
        },
    }
    return build(document, PluginClasses(), {}, origin="the demo's configuration", base=state_dir)


def _v3(credentials: Credentials) -> dict[str, str]:
    return {
        "auth": "SHA-256",
        "auth_password": credentials.auth_password,
        "priv": "AES",
        "priv_password": credentials.priv_password,
    }


class Demo:
    """One demo in one state folder; `source` is the table of its source."""

    def __init__(self, state_dir: Path, source: dict[str, Any], tell: Say, announce: Announce) -> None:
        """
        `tell`: a line for a person as things happen. `announce`: once, when the estate was read: addresses and
        credentials, and a VM to ask about, as `vm:NAME`.
        """
        self._state_dir = state_dir
        self._source = source
        self._tell = tell
        self._announce = announce
        self._credentials = Credentials()
        self._seen = asyncio.Event()
        self._announced = False
        self._early: list[str] = []
        self._example = ""

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        receiver = TrapReceiver(self._credentials.trap_community, self._on_trap)
        try:
            made = demo_configuration(self._state_dir, self._source, self._credentials, receiver.address)
            self._traps = receiver.address
            await Runtime(made, on_ready=self._on_ready, listeners=(self._on_revision,)).run()
        finally:
            receiver.close()

    async def _on_ready(self, runtime: Runtime) -> None:
        token = await asyncio.to_thread(fresh_token, runtime)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._seen.wait(), FIRST_READ_S)
        self._announce(facts(runtime, self._credentials, token, self._traps), self._example)
        self._announced = True
        for line in self._early:
            self._tell(line)

    def _on_revision(self, snapshot: Snapshot, events: tuple[Event, ...]) -> None:
        if not self._seen.is_set() and (found := next(snapshot.all_entities(kind=EntityKind.VM), None)) is not None:
            self._example = f"{found.kind.value}:{found.name}"
            self._seen.set()
        for event in events:
            if event.notify:
                self._say(event_line(event))

    def _on_trap(self, trap: Trap) -> None:
        self._say(trap_line(trap))

    def _say(self, line: str) -> None:
        """Tell it, after the announcement."""
        if self._announced:
            self._tell(line)
        else:
            self._early.append(line)


def fresh_token(runtime: Runtime) -> str:
    """A token that may read; the one of an earlier demo in the same state folder is revoked. Blocking."""
    administration = runtime.database.administration
    administration.revoke_token(TOKEN)
    return administration.create_token(TOKEN, "read", runtime.clock.now())


def facts(runtime: Runtime, credentials: Credentials, token: str, traps: tuple[str, int]) -> dict[str, Any]:
    """What somebody needs who wants to ask the demo: the one line of `gateway demo --json`."""
    address, port = runtime.publishing.snmp_addresses[0]
    return {
        "snmp": {
            "address": address,
            "port": port,
            "community": credentials.community,
            "v3": {"user": USER, **_v3(credentials)},
        },
        "rest": {"url": runtime.publishing.rest_addresses[0], "token": token},
        "socket": str(socket_path(runtime.state_dir)),
        "trap_receiver": {"address": traps[0], "port": traps[1], "community": credentials.trap_community},
        "state_dir": str(runtime.state_dir),
        "pid": os.getpid(),
    }


def introduction(known: dict[str, Any], example: str, command: str) -> str:
    """
    What a person can try. `example`: a VM of the estate, as `vm:NAME` (guest OS and node may have the same name);
    `command`: how this program is called.
    """
    walked = ".".join(map(str, WHERE_TABLE.oid))
    snmp, rest = known["snmp"], known["rest"]
    v3 = snmp["v3"]
    agent = f"{snmp['address']}:{snmp['port']}"
    state = f"--state-dir {quote(known['state_dir'])}"
    return f"""\
The demo runs: a simulated estate, state in {known["state_dir"]}, process {known["pid"]}. Ctrl-C ends it.

  SNMP   {agent}  community {snmp["community"]}
         v3 user {v3["user"]}  {v3["auth"]} {v3["auth_password"]}  {v3["priv"]} {v3["priv_password"]}
  REST   {rest["url"]}  token {rest["token"]}
  traps  arrive at this demo's own receiver, {known["trap_receiver"]["address"]}:{known["trap_receiver"]["port"]}

Try, in another terminal:

  snmpbulkwalk -v2c -c {snmp["community"]} {agent} {walked}
  snmpget -v3 -l authPriv -u {v3["user"]} -a {v3["auth"]} -A {v3["auth_password"]} -x {v3["priv"]} \
-X {v3["priv_password"]} {agent} 1.3.6.1.2.1.1.1.0
  curl -H 'Authorization: Bearer {rest["token"]}' '{rest["url"]}/api/v1/events'
  {command} where {example} {state}
  {command} impact {example} {state}
  {command} events --follow {state}
"""


def event_line(event: Event) -> str:
    """One event of the log, for a person."""
    what = f"{event.kind.value.replace('_', ' ')}: {event.entity.name} ({event.entity.kind.value})"
    if event.old_host is not None and event.new_host is not None:
        how = "live" if event.live else "restart"
        planned = "planned" if event.planned else "not planned"
        cause = event.cause.value.replace("_", " ") if event.cause is not None else "unknown"
        return f"{what} {event.old_host.name} -> {event.new_host.name}; {cause}, {planned}, {how}"
    return f"{event.kind.value.replace('_', ' ')}: {event.text}"


def trap_line(trap: Trap) -> str:
    """One trap that arrived, decoded."""
    shown = ("topoEventEntityName", "topoEventOldHostName", "topoEventNewHostName", "topoEventCause")
    more = ("topoEventPlanned", "topoEventArrival", "topoEventCondition", "topoEventSeverity", "topoEventCarried")
    parts = [f"{name.removeprefix('topoEvent')}={trap.objects[name]}" for name in shown + more if name in trap.objects]
    return " ".join(("  trap", trap.name, *parts))
