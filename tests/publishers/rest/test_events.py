"""The event log over REST, and its stream."""

import asyncio
import json
import socket
import threading
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.model.conditions import Severity
from gateway.model.events import EventKind
from gateway.publishers.rest import stream
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.stream import EventTail
from tests.publishers.rest.test_server import running


async def get(client: httpx.AsyncClient, **params: object) -> dict:
    response = await client.get("/api/v1/events", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_log_is_read_in_either_direction_page_by_page(client, gateway):
    for _ in range(5):
        gateway.commit(gateway.relocation())
    first = await get(client, limit=2)
    assert [event["seq"] for event in first["items"]] == [1, 2]
    gateway.commit(gateway.relocation())
    rest = await get(client, cursor=first["next"])
    assert [event["seq"] for event in rest["items"]] == [3, 4, 5, 6]
    newest = await get(client, newest_first=True, limit=2)
    assert [event["seq"] for event in newest["items"]] == [6, 5]
    gateway.commit(gateway.relocation())
    older = await get(client, newest_first=True, limit=100, cursor=newest["next"])
    assert [event["seq"] for event in older["items"]] == [4, 3, 2, 1]
    assert older["next"] is None


async def test_an_event_names_what_moved_where_and_why(client, gateway):
    event = gateway.relocation(severity=Severity.WARNING)
    gateway.commit(event)
    shown = (await client.get(f"/api/v1/events/{event.id}")).json()
    assert (shown["kind"], shown["cause"], shown["planned"]) == ("relocation", "administrator", True)
    assert (shown["entity"]["name"], shown["old_host"]["name"], shown["new_host"]["name"]) == ("vip", "n1", "n2")
    assert shown["at"] == "2025-11-21T04:40:10Z"
    assert (shown["alarm_key"], shown["severity"], shown["caused_by"]) == (None, "warning", None)


async def test_the_log_is_filtered(client, gateway):
    gateway.commit(gateway.relocation(), gateway.relocation("ha_resource:db", kind=EventKind.ROLE_RELOCATION))
    gateway.clock.advance(60)
    gateway.commit(gateway.relocation(notify=False))

    async def seqs(**params: object) -> list[int]:
        return [event["seq"] for event in (await get(client, **params))["items"]]

    assert await seqs(kind="role_relocation") == [2]
    assert await seqs(kind=["role_relocation", "relocation"]) == [1, 2, 3]
    assert await seqs(entity="ha_resource:db") == [2]
    assert await seqs(entity=str(gateway.estate.index("ha_resource:vip"))) == [1, 3]
    assert await seqs(told="true") == [1, 2]
    assert await seqs(told="false") == [3]
    assert await seqs(since="-30s") == [3]
    assert await seqs(until="-30s") == [1, 2]


async def test_events_of_an_entity_that_is_gone_are_found_by_its_index(client, gateway):
    index = gateway.estate.index("ha_resource:vip")
    gateway.commit(gateway.relocation())
    gateway.estate.change("ha_resource:vip", gone=True)
    gateway.snapshot = gateway.estate.snapshot(revision=3)
    assert len((await get(client, entity=str(index)))["items"]) == 1


async def test_the_log_at_a_time_is_what_had_happened_by_then(client, gateway):
    first, second = gateway.relocation(), gateway.relocation("ha_resource:db")
    gateway.commit(first)
    gateway.clock.advance(60)
    gateway.commit(gateway.relocation("ha_resource:db", id=second.id))
    gateway.clock.advance(60)
    then = await get(client, at="2025-11-21T04:40:10Z")
    assert ([event["seq"] for event in then["items"]], then["at"]) == ([1], "2025-11-21T04:40:10Z")
    assert [event["seq"] for event in (await get(client, at="-60s", until="-60s"))["items"]] == [1]
    assert [event["seq"] for event in (await get(client, at="-60s", newest_first=True))["items"]] == [2, 1]
    assert [event["seq"] for event in (await get(client, at="-60s", entity="db"))["items"]] == [2]
    assert (await client.get(f"/api/v1/events/{second.id}", params={"at": "-60s"})).status_code == 200
    later = await client.get(f"/api/v1/events/{second.id}", params={"at": "-61s"})
    assert later.status_code == 404
    assert "happened at 2025-11-21T04:41:10+00:00, later than" in later.json()["detail"]


# -- the stream ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(client: httpx.AsyncClient, **headers: str):
    """The messages of a stream: dicts of its fields."""

    async def messages(lines):
        message: dict[str, str] = {}
        async for line in lines:
            name, _, value = line.partition(":")
            if not line and message:
                if "data" in message:
                    yield message
                message = {}
            elif name:
                message[name] = value.strip()

    async with client.stream("GET", "/api/v1/events/stream", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith((":", "retry"))
        yield messages(lines)


async def take(messages, count: int) -> list[dict[str, str]]:
    async with asyncio.timeout(10):
        return [await anext(messages) for _ in range(count)]


async def test_the_stream_replays_from_the_last_event_that_arrived_and_goes_on_live(gateway):
    for _ in range(3):
        gateway.commit(gateway.relocation())
    async with running(gateway) as client, listening(client, **{"Last-Event-ID": "1"}) as messages:
        replayed = await take(messages, 2)
        assert [message["id"] for message in replayed] == ["2", "3"]
        gateway.commit(gateway.relocation(), gateway.relocation())
        live = await take(messages, 2)
    assert [message["id"] for message in live] == ["4", "5"]
    assert live[0]["event"] == "relocation"
    assert json.loads(live[0]["data"])["new_host"]["name"] == "n2"


async def test_without_a_last_event_the_stream_begins_now(gateway):
    gateway.commit(gateway.relocation())
    async with running(gateway) as client, listening(client) as messages:
        await until(lambda: gateway.waiting)
        gateway.commit(gateway.relocation())
        assert [message["id"] for message in await take(messages, 1)] == ["2"]


async def test_a_long_absence_is_replayed_completely_and_in_order(gateway):
    gateway.commit(*(gateway.relocation() for _ in range(1_700)))
    async with running(gateway) as client, listening(client, **{"Last-Event-ID": "0"}) as messages:
        assert [int(message["id"]) for message in await take(messages, 1_700)] == list(range(1, 1_701))


async def test_every_listener_gets_every_event_once_though_commits_go_on(gateway):
    async with running(gateway) as client, listening(client) as one, listening(client, **{"Last-Event-ID": "0"}) as two:
        await until(lambda: gateway.waiting)
        for _ in range(40):
            gateway.commit(gateway.relocation())
            await asyncio.sleep(0)
        for messages in (one, two):
            assert [int(message["id"]) for message in await take(messages, 40)] == list(range(1, 41))


async def test_the_subscription_ends_with_the_last_listener(gateway):
    async with running(gateway) as client:
        async with listening(client):
            await until(lambda: gateway.waiting)
        await until(lambda: not gateway.waiting)


async def test_a_question_that_is_cancelled_just_as_its_answer_arrives_is_cancelled(gateway):
    desk = Desk(gateway, gateway.database.history, gateway.clock)
    answered = threading.Event()
    question = asyncio.create_task(desk.ask(answered.set))
    await asyncio.sleep(0)
    answered.wait(10)
    time.sleep(0.05)  # noqa: ASYNC251 - the loop must not take the answer before it is cancelled
    await asyncio.sleep(0)  # now the answer is there, and nobody has been told
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question


@pytest.mark.parametrize("value", ["x", "-1", "²", "9" * 30])
async def test_a_last_event_that_is_no_number_is_refused(client, value):
    response = await client.get("/api/v1/events/stream", headers={"Last-Event-ID": value.encode()})
    assert response.status_code == 422


async def test_a_listener_who_takes_nothing_costs_a_number_and_no_memory(gateway):
    """Behind by more than the tail keeps, it reads the log again where it stood."""
    desk = Desk(gateway, gateway.database.history, gateway.clock)
    tail = EventTail(desk, gateway.subscribe)
    gateway.commit(gateway.relocation())
    slow = tail.events(after=0)
    assert [event.seq for event in await anext(slow)] == [1]
    for _ in range(5):
        gateway.commit(*(gateway.relocation() for _ in range(500)))
    await until(lambda: tail._newest == 2_501)
    assert len(tail._tail) <= 2_000
    seen = [1]
    while seen[-1] < 2_501:
        seen += [event.seq for event in await anext(slow)]
    assert seen == list(range(1, 2_502))
    await slow.aclose()
    assert tail.clients == 0


async def test_a_listener_who_takes_nothing_is_cut_off_and_others_go_on(gateway, monkeypatch, caplog):
    monkeypatch.setattr(stream, "SEND_TIMEOUT_S", 0.5)
    for _ in range(12):
        gateway.commit(*(gateway.relocation(text="x" * 1_000) for _ in range(500)))
    async with running(gateway) as client:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", client.base_url.port))
        request = (
            f"GET /api/v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.tokens['read']}"
        )
        slow.sendall(request.encode() + b"\r\n\r\n")
        await until(lambda: gateway.waiting)
        await until(lambda: not gateway.waiting)
        async with listening(client, **{"Last-Event-ID": "5999"}) as messages:
            assert [message["id"] for message in await take(messages, 1)] == ["6000"]
        slow.close()
    assert "Traceback" not in caplog.text


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
