"""The first that a receiver hears is that the gateway has started, and it hears it once."""

import asyncio

import pytest

from gateway.model.errors import DeliveryError
from gateway.model.notices import Notice, NoticeKind
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.announced import Announced
from tests.notifier.sinks.test_snmp import RAISED

START = Notice(NoticeKind.COLD_START, "1", 1)
BEAT = Notice(NoticeKind.HEARTBEAT, "2", 2)


class Console:
    name = "console"

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.down = False
        self.unseen: set[object] = set()

    def takes(self, kind) -> bool:
        return kind not in self.unseen

    async def deliver(self, event, snapshot) -> None:
        await self._hear(event.kind.value)

    async def tell(self, notice) -> None:
        await self._hear(notice.kind.value)

    async def _hear(self, word: str) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise DeliveryError("down")
        self.heard.append(word)

    async def close(self) -> None:
        pass


async def test_an_event_and_a_heartbeat_at_the_same_moment_come_after_one_start():
    console = Console()
    made = Announced(console, START)
    await asyncio.gather(made.deliver(RAISED, Snapshot()), made.tell(BEAT), made.announce())
    assert console.heard[0] == "cold_start"
    assert sorted(console.heard[1:]) == ["failure_raised", "heartbeat"]


async def test_a_start_that_could_not_be_told_is_told_before_what_comes_next():
    console = Console()
    made = Announced(console, START)
    console.down = True
    with pytest.raises(DeliveryError):
        await made.announce()
    assert not made.knows
    console.down = False
    await made.deliver(RAISED, Snapshot())
    assert (console.heard, made.knows) == (["cold_start", "failure_raised"], True)


async def test_who_knows_already_is_not_told():
    console = Console()
    await Announced(console, None).tell(BEAT)
    assert console.heard == ["heartbeat"]


async def test_a_start_that_the_receiver_does_not_take_is_not_told_and_keeps_nothing_back():
    console = Console()
    console.unseen = {NoticeKind.COLD_START}
    made = Announced(console, START)
    await made.deliver(RAISED, Snapshot())
    assert (console.heard, made.knows) == (["failure_raised"], True)
