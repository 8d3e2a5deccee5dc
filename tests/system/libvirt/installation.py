"""A gateway that follows the libvirt lab over TCP, and an snmptrapd beside it, both in the lab's network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.lab.libvirt import LibvirtLab
from tests.lab.snmptrapd import Snmptrapd
from tests.system.gateway_process import GatewayProcess, Place
from tests.system.setups import free_port

SOURCE = "fleet"
COMMUNITY = "traps-for-tests"
SETTLE_S = {"crashed": 2, "paused_io_error": 5, "placement_conflict": 5, "stale_disconnect": 5, "finding": 3}
"""The product's times, shortened: longer than the lab needs for what must not be told."""
KEEPALIVE_S, KEEPALIVE_COUNT = 1, 3


@dataclass(slots=True)
class Installation:
    """A gateway that runs beside a lab, and its trap receiver."""

    lab: LibvirtLab
    gateway: GatewayProcess
    receiver: Snmptrapd


@contextlib.contextmanager
def installed(lab: LibvirtLab, *, settle: Mapping[str, float] | None = None, more: str = "") -> Iterator[Installation]:
    """
    The gateway running, ready for questions and with every host read; on leaving nothing of it is left.

    Args:
        settle: `[settle]`, in seconds; default: `SETTLE_S`.
        more: TOML put behind the source's own keys.
    """
    gateway = GatewayProcess(Place(lab.enter_network))
    with contextlib.ExitStack() as undo:
        undo.callback(gateway.remove)
        receiver = undo.enter_context(Snmptrapd(community=COMMUNITY, enter=lab.enter_network()))
        gateway.configure(_configuration(lab, receiver, SETTLE_S if settle is None else settle, more))
        gateway.start()
        gateway.await_sources()
        yield Installation(lab, gateway, receiver)
        gateway.stop()


def _configuration(lab: LibvirtLab, receiver: Snmptrapd, settle: Mapping[str, float], more: str) -> str:
    hosts = "\n".join(f'{host} = "{lab.uri(host)}"' for host in lab.hosts)
    times = "\n".join(f"{name} = {seconds}" for name, seconds in settle.items())
    return f"""
[sources.{SOURCE}]
kind = "libvirt"
keepalive_s = {KEEPALIVE_S}
keepalive_count = {KEEPALIVE_COUNT}
{more}

[sources.{SOURCE}.hosts]
{hosts}

[settle]
{times}

[publishers.snmp]
listen = ["127.0.0.1:{free_port()}"]

[publishers.rest]
listen = "127.0.0.1:{free_port()}"

[receivers.console]
kind = "snmp"
host = "127.0.0.1"
port = {receiver.port}
version = "2c"
community = "{COMMUNITY}"
"""
