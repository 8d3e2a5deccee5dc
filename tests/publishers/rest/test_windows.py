"""Planned windows over REST: declared by administrators, shown to readers, refused with words."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.engine.reconciler import Reconciler
from gateway.engine.windows import PlannedWindows
from gateway.model.conditions import SettleTimes
from gateway.model.errors import StoreUnavailable
from gateway.model.events import EventKind
from gateway.model.ports import EventFilter
from gateway.model.windows import Window, WindowWish


@pytest.fixture
async def windows(gateway) -> AsyncIterator[PlannedWindows]:
    reconciler = Reconciler(gateway.database.repository, SettleTimes(), gateway.clock.now)
    reconciler.load()
    reconciler.listen(lambda snapshot, events: setattr(gateway, "snapshot", snapshot))
    gateway.snapshot = reconciler.snapshot
    yield PlannedWindows(reconciler)
    await reconciler.close()


@pytest.fixture
async def admin(gateway, windows) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.client("admin", windows=windows) as client:
        yield client


WANTED = {
    "name": "kernel update",
    "entities": ["physical_host:alpha"],
    "ends_at": "+2h",
    "reason": "CHG-1",
    "by": "mallory",
}


async def test_a_declared_window_is_listed_and_was_declared_by_the_token(gateway, admin):
    made = await admin.post("/api/v1/windows", json=WANTED)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["declared_by"]) == ("active", "admin")
    listed = (await admin.get("/api/v1/windows")).json()["items"]
    assert [(each["index"], each["name"], each["entities"][0]["name"]) for each in listed] == [
        (1, "kernel update", "alpha")
    ]
    (event,) = gateway.database.history.events(EventFilter(kinds=frozenset({EventKind.WINDOW_STARTED})))
    assert event.id == made.json()["event_id"]


async def test_what_a_window_covers_says_so(admin):
    await admin.post("/api/v1/windows", json=WANTED)
    for path in (
        "/api/v1/entities/physical_host:alpha",
        "/api/v1/where/ha_resource:vip",
        "/api/v1/impact/physical_host:alpha",
    ):
        answer = await admin.get(path)
        assert [window["name"] for window in answer.json()["windows"]] == ["kernel update"], path
    assert (await admin.get("/api/v1/entities/physical_host:beta")).json()["windows"] == []


async def test_one_window_lists_exactly_what_says_that_it_is_covered(admin):
    await admin.post("/api/v1/windows", json=WANTED)
    covered = {each["index"] for each in (await admin.get("/api/v1/windows/1")).json()["covers"]}
    entities = (await admin.get("/api/v1/entities", params={"limit": 1000})).json()["items"]
    answers = {each["index"]: (await admin.get(f"/api/v1/entities/{each['index']}")).json() for each in entities}
    assert covered == {index for index, answer in answers.items() if answer["windows"]}
    assert {"alpha", "vm1", "vip", "shop"} <= {answers[index]["name"] for index in covered}
    assert "vm2" not in {answers[index]["name"] for index in covered}
    assert (await admin.get("/api/v1/windows/2")).status_code == 404


async def test_a_window_that_is_deleted_is_over(gateway, admin):
    await admin.post("/api/v1/windows", json=WANTED)
    ended = await admin.delete("/api/v1/windows/1")
    assert (ended.status_code, ended.json()["state"]) == (200, "ended")
    assert (await admin.get("/api/v1/windows")).json()["items"] == []
    again = await admin.delete("/api/v1/windows/1")
    assert again.status_code == 404
    assert "gateway window list" in again.json()["detail"]
    kinds = [event.kind for event in gateway.database.history.events(EventFilter())]
    assert kinds[-2:] == [EventKind.WINDOW_STARTED, EventKind.WINDOW_ENDED]


async def test_the_past_has_the_windows_of_then(gateway, admin):
    await admin.post("/api/v1/windows", json=WANTED)
    gateway.clock.advance(60)
    await admin.delete("/api/v1/windows/1")
    gateway.clock.advance(60)
    then = (await admin.get("/api/v1/windows", params={"at": "-90s"})).json()["items"]
    assert [(window["index"], window["state"]) for window in then] == [(1, "active")]
    covered = (await admin.get("/api/v1/entities/physical_host:alpha", params={"at": "-90s"})).json()["windows"]
    assert [window["index"] for window in covered] == [1]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, 422, "has passed"),
        ({"ends_at": "tomorrow"}, 422, "ends_at: write 2026-11-21T03:00:00Z"),
        ({"starts_at": "+3h", "ends_at": "+400d"}, 422, "a year at the most"),
        ({"entities": ["nosuch"]}, 404, "nosuch"),
        ({"entities": []}, 422, "entities"),
        ({"untill": "2h"}, 422, "untill"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_is_wrong(admin, change, status, said):
    refused = await admin.post("/api/v1/windows", json={**WANTED, **change})
    assert refused.status_code == status
    assert said in refused.json()["detail"]
    assert (await admin.get("/api/v1/windows")).json()["items"] == []


async def test_who_may_only_read_changes_nothing(gateway, windows):
    async with gateway.client("read", windows=windows) as client:
        assert (await client.post("/api/v1/windows", json=WANTED)).status_code == 403
        assert (await client.delete("/api/v1/windows/1")).status_code == 403
        assert (await client.get("/api/v1/windows")).status_code == 200


class Refusing:
    """Windows over a database that takes nothing."""

    async def declare(self, wish: WindowWish) -> Window:
        raise StoreUnavailable("disk full")

    async def close(self, index: int) -> Window:
        raise StoreUnavailable("disk full")


async def test_a_change_that_the_database_did_not_take_says_to_look_before_it_is_repeated(gateway):
    async with gateway.client("admin", windows=Refusing()) as client:
        answer = await client.post("/api/v1/windows", json=WANTED)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Look at the list before you repeat it" in answer.json()["detail"]
