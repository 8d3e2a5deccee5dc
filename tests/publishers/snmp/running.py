"""A running agent: in a thread of its own, so that tests may wait for net-snmp's tools; or as a program."""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.model.snapshot import Snapshot
from gateway.model.standings import Standings
from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.schema.snmp.engine import SnmpEngine, new_engine_id
from gateway.support.clock import SystemClock
from tests.publishers.snmp import estate

ENGINE_ID = new_engine_id(bytes(range(1, 13)))
USERS = {
    "plain": {},
    "authuser": {"auth": "SHA", "auth_password": "authpass1234", "priv": "AES", "priv_password": "privpass1234"},
    "old": {
        "allow_weak": True,
        "auth": "MD5",
        "auth_password": "authpass1234",
        "priv": "DES",
        "priv_password": "privpass1234",
    },
    "signer": {"auth": "SHA-256", "auth_password": "authpass1234"},
    "sha224": {"auth": "SHA-224", "auth_password": "authpass1234", "priv": "AES", "priv_password": "privpass1234"},
    "sha384": {"auth": "SHA-384", "auth_password": "authpass1234", "priv": "AES", "priv_password": "privpass1234"},
    "sha512": {"auth": "SHA-512", "auth_password": "authpass1234", "priv": "AES-256", "priv_password": "privpass1234"},
    "blumenthal": {"auth": "SHA", "auth_password": "authpass1234", "priv": "AES-256", "priv_password": "privpass1234"},
    "reeder": {"auth": "SHA", "auth_password": "authpass1234", "priv": "AES-256-C", "priv_password": "privpass1234"},
}
SETTINGS: dict[str, Any] = {
    "listen": ["127.0.0.1:0"],
    "contact": "ops@example.org",
    "name": "gateway-under-test",
    "location": "rack 7",
    "communities": {
        "all": {"community": "public"},
        "elsewhere": {"community": "notfromhere", "allow": ["192.0.2.0/24"]},
        "systemonly": {"community": "systemonly", "view": "system"},
    },
    "users": USERS,
    "views": {"system": {"include": ["1.3.6.1.2.1.1"], "exclude": ["1.3.6.1.2.1.1.6"]}},
}


class Holder:
    """CurrentTopology of a test."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


def make(holder: Holder, settings: dict[str, Any] | None = None, standings: Standings | None = None) -> SnmpPublisher:
    clock = SystemClock()
    engine = SnmpEngine(ENGINE_ID, 3, clock.monotonic())
    given = SnmpSettings.model_validate(settings or SETTINGS)
    return SnmpPublisher(given, holder, engine, clock, "test", standings=standings)


@contextmanager
def running(
    holder: Holder, settings: dict[str, Any] | None = None, standings: Standings | None = None
) -> Iterator[SnmpPublisher]:
    """An agent that answers until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> tuple[SnmpPublisher, asyncio.Task[None]]:
        publisher = make(holder, settings, standings)
        task = asyncio.create_task(publisher.run())
        await publisher.ready()
        return publisher, task

    async def end(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    publisher, task = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield publisher
    finally:
        asyncio.run_coroutine_threadsafe(end(task), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(entities: int) -> None:
    publisher = make(Holder(estate.snapshot(entities)))
    task = asyncio.create_task(publisher.run())
    await publisher.ready()
    print(publisher.addresses[0][1], flush=True)
    await task


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=10_000)
    asyncio.run(_serve(parser.parse_args().entities))
