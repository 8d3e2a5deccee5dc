"""What a notification costs to encode, and how many a second reach ten receivers from a real database."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.model.changes import Changes
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.notifier.storm import StormTerms
from gateway.notifier.terms import Terms
from gateway.schema.snmp.affected import affected_address
from gateway.schema.snmp.engine import SnmpEngine, new_engine_id
from gateway.schema.snmp.notifications import RELOCATION as RELOCATION_TYPE
from gateway.schema.snmp.notifications import encoded_varbinds
from gateway.store.database import Database, open_database
from gateway.support.clock import SystemClock
from gateway.wire.notifications import encode_notification
from gateway.wire.pdu import PduType
from gateway.wire.usm import AuthoritativeEngine
from tests.benchmarks.goal import report
from tests.notifier.sinks.test_snmp import ENGINE_ID, ESTATE, RELOCATION, V2, V3
from tests.store.estate import T0, first_revision, moved

pytestmark = pytest.mark.benchmark

ENCODE_GOAL_US = 50.0
RATE_GOAL = 1_000.0
RECEIVERS = 10
EVENTS = 500
DISTANCE_S = 0.05


def test_a_v3_trap_is_encoded_in_50_microseconds():
    settings = SnmpTrapSettings.model_validate({"kind": "snmp", "host": "console", **V3})
    user = settings.credentials().keys("trapper").localize(ENGINE_ID)
    usm = AuthoritativeEngine(ENGINE_ID, 5, (user,), first_salt=1)

    def encode(number: int) -> bytes:
        varbinds = encoded_varbinds(RELOCATION)
        affected_address(RELOCATION, ESTATE)
        pdu = encode_notification(PduType.TRAP, number, 100, RELOCATION_TYPE.oid, varbinds)
        return usm.seal_notification(user.name, user.level, pdu, number, 60)

    took = []
    for _ in range(10):
        begun = time.process_time()
        for number in range(1_000):
            encode(number)
        took.append((time.process_time() - begun) * 1e6 / 1_000)
    print(f"\na relocation as v3 trap, SHA-256 and AES, {len(encode(1))} octets: CPU us, best of 10 x 1,000")
    report("trap encode v3", min(took), ENCODE_GOAL_US, " us")


@pytest.mark.parametrize("way", ["v3 trap", "v2c inform"])
def test_ten_receivers_are_told_a_thousand_a_second(tmp_path: Path, way: str):
    database = logged(tmp_path)
    given = {**V2, "inform": True, "timeout_s": 5} if way == "v2c inform" else V3
    with consoles(RECEIVERS, answering="inform" in way) as ports:
        took_s = asyncio.run(tell(database, given, ports))
    position = {each.receiver: each.delivered for each in database.administration.deliveries()}
    assert set(position.values()) == {EVENTS}
    database.close()
    rate = RECEIVERS * EVENTS / took_s
    print(f"\n{way}, {RECEIVERS} receivers, {EVENTS} events each, from SQLite until every position is written")
    report(f"notifications a second ({way})", rate, RATE_GOAL, at_least=True)


def test_a_distant_receiver_is_told_once_a_round_trip(tmp_path: Path):
    """One inform is on its way at a time: with two, the loss of the first would turn the order around."""
    database = logged(tmp_path)
    with consoles(RECEIVERS, answering=True, after_s=DISTANCE_S) as ports:
        took_s = asyncio.run(tell(database, {**V2, "inform": True, "timeout_s": 5}, ports))
    database.close()
    print(f"\nv2c inform, {RECEIVERS} receivers at once, an acknowledgement takes {DISTANCE_S * 1000:.0f} ms")
    report("informs a second to each", EVENTS / took_s, 0.7 / DISTANCE_S, at_least=True)


def logged(folder: Path) -> Database:
    database = open_database(f"sqlite:///{folder / 'topology.db'}")
    for number in range(RECEIVERS):
        database.outbox.begin(f"console-{number}")
    database.repository.commit(first_revision())
    events = tuple(replace(moved(T0, number), id=RELOCATION.id[:-5] + f"{number:05d}") for number in range(EVENTS))
    database.repository.commit(Changes(2, T0 + 1, 11, 1, events=events))
    return database


class Topology:
    snapshot: Snapshot = ESTATE


async def tell(database: Database, given: dict[str, object], ports: list[int]) -> float:
    """Seconds until all is delivered and written."""
    clock = SystemClock()
    engine = SnmpEngine(new_engine_id(bytes(12)), 1, clock.monotonic())
    house = Dispatcher(database.outbox, Topology(), clock)
    terms = Terms(storm=StormTerms(0, 0), give_up_after_s=1e9)
    sinks = []
    for number, port in enumerate(ports):
        settings = SnmpTrapSettings.model_validate({"kind": "snmp", "host": "127.0.0.1", "port": port, **given})
        sinks.append(SnmpTrapSink(f"console-{number}", settings, engine, clock))
    begun = time.perf_counter()
    tasks = [asyncio.create_task(house.run()), *(asyncio.create_task(house.serve(each, terms)) for each in sinks)]
    while any(house.counts[each.name].delivered < EVENTS for each in sinks):  # noqa: ASYNC110 - counters are no event
        await asyncio.sleep(0.005)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks[1:], return_exceptions=True)
    took = time.perf_counter() - begun
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    house.close()
    return took


@contextmanager
def consoles(number: int, *, answering: bool, after_s: float = 0.0) -> Iterator[list[int]]:
    """So many receivers on loopback; with `answering` each acknowledges an inform, `after_s` later."""
    opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(number)]
    for each in opened:
        each.bind(("127.0.0.1", 0))
        each.settimeout(0.2)
    stopped = threading.Event()

    def serve(each: socket.socket) -> None:
        while not stopped.is_set():
            try:
                data, sender = each.recvfrom(65_535)
            except TimeoutError:
                continue
            if answering:
                time.sleep(after_s)
                each.sendto(acknowledged(data), sender)

    threads = [threading.Thread(target=serve, args=[each], daemon=True) for each in opened]
    for thread in threads:
        thread.start()
    try:
        yield [each.getsockname()[1] for each in opened]
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
        for each in opened:
            each.close()


def acknowledged(data: bytes) -> bytes:
    """The Response is the inform with another tag (RFC 3416 section 4.2.7): after version and community."""
    at = 4 + 3 + 2 + len(str(V2["community"]))
    assert data[at] == PduType.INFORM
    return data[:at] + bytes((PduType.RESPONSE,)) + data[at + 1 :]
