"""A REST application over a real database that holds the estate of three hosts."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.model.changes import Changes
from gateway.model.entities import EntityRef
from gateway.model.events import Cause, Event, EventKind
from gateway.model.snapshot import Snapshot
from gateway.publishers.rest import create_app
from gateway.store.database import Database, open_database
from gateway.support.clock import FakeClock
from tests.topology.estate import T0, Estate, three_hosts, uuid


@dataclass
class Gateway:
    """What stands around the application: database, topology, clock, tokens, wake-ups."""

    database: Database
    clock: FakeClock
    estate: Estate
    snapshot: Snapshot
    tokens: dict[str, str]
    ingested: list[bytes] = field(default_factory=list)
    ingest: dict[str, Callable[[bytes], None]] = field(default_factory=dict)
    waiting: list[asyncio.Queue[int]] = field(default_factory=list)
    events: int = 0

    async def subscribe(self) -> AsyncIterator[int]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        self.waiting.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.waiting.remove(queue)

    def commit(self, *events: Event) -> None:
        """One more revision, with these events."""
        revision = self.snapshot.revision + 1
        changes = Changes(
            revision=revision,
            at=self.clock.now(),
            next_index=self.snapshot.next_index,
            next_alarm=self.snapshot.next_alarm,
            events=events,
        )
        self.database.repository.commit(changes)
        self.snapshot = replace(self.snapshot, revision=revision, at=self.clock.now())
        for queue in self.waiting:
            queue.put_nowait(revision)

    def relocation(self, name: str = "ha_resource:vip", **fields: object) -> Event:
        """vip moves from n1 to n2."""
        self.events += 1
        event = Event(
            id=uuid(800_000 + self.events),
            at=self.clock.now(),
            kind=EventKind.RELOCATION,
            entity=self.ref(name),
            source="c1",
            old_host=self.ref("ha_node:n1"),
            new_host=self.ref("ha_node:n2"),
            cause=Cause.ADMINISTRATOR,
            planned=True,
        )
        return replace(event, **fields)  # type: ignore[arg-type]

    def ref(self, name: str) -> EntityRef:
        return self.snapshot.ref(self.estate.index(name))

    def app(self, **options: object) -> FastAPI:
        settings = {
            "subscribe": self.subscribe,
            "ingest": self.ingest,
            "clock": self.clock,
            "version": "9.9",
            **options,
        }
        return create_app(self, self.database.history, self.database.administration, **settings)  # type: ignore[arg-type]

    def client(self, role: str | None = "read", **options: object) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        transport = httpx.ASGITransport(self.app(**options))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


Prepared = tuple[Path, dict[str, str]]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A database file with the estate in it, and the tokens by role; each test gets a copy."""
    path = tmp_path_factory.mktemp("rest") / "topology.db"
    database = open_database(f"sqlite:///{path}", now=lambda: T0)
    database.repository.commit(_estate().changes())
    roles = ("read", "admin", "ingest:c1")
    tokens = {role: database.administration.create_token(role, role, T0) for role in roles}
    database.backup(path.with_name("copy.db"))
    database.close()
    return path.with_name("copy.db"), tokens


def _estate() -> Estate:
    estate = three_hosts()
    estate.alarm("ha_resource:vip")
    return estate


@pytest.fixture
def gateway(tmp_path: Path, prepared: Prepared) -> Iterator[Gateway]:
    """Ten seconds after the estate's revision 1."""
    file, tokens = prepared
    shutil.copy(file, tmp_path / "topology.db")
    clock = FakeClock(T0)
    clock.advance(10)
    database = open_database(f"sqlite:///{tmp_path / 'topology.db'}", upgrade=False, now=clock.now)
    estate = _estate()
    gateway = Gateway(database, clock, estate, estate.snapshot(revision=1), tokens)
    gateway.ingest["c1"] = gateway.ingested.append
    yield gateway
    database.close()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.client() as client:
        yield client
