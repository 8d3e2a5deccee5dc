"""A host with fifty VMs is lost: what a receiver is told of it, from the source to the sink."""

import asyncio
import contextlib
from pathlib import Path

from gateway.collectors.simulated.host_deeds import fail
from gateway.model.events import Cause, Event
from gateway.model.notices import Notice
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.storm import StormTerms
from gateway.notifier.terms import Terms
from tests.benchmarks.estates import LoadedEstate

TERMS = Terms(storm=StormTerms(per_cause=20, at_most=2_000, window_s=1.0))


class Console:
    name = "console"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.notices: list[Notice] = []

    def takes(self, kind: object) -> bool:
        return True

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        self.events.append(event)

    async def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    async def close(self) -> None:
        pass


async def test_twenty_failovers_are_told_one_by_one_and_the_others_in_a_summary(tmp_path: Path):
    estate, console = LoadedEstate(tmp_path, 4), Console()
    logged: list[Event] = []
    host = estate.simulation.world.hosts[0]
    for beat in fail(estate.simulation.world, host, lasting=True):
        for look in beat.looks:
            logged += estate.see(look)
    house = Dispatcher(estate.database.outbox, estate.reconciler, estate.clock, idle_s=0.1)
    tasks = [asyncio.create_task(house.run()), asyncio.create_task(house.serve(console, TERMS))]
    async with asyncio.timeout(30):
        while not console.notices:  # noqa: ASYNC110 - a list is no event
            await asyncio.sleep(0.05)
    for task in reversed(tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    (done,) = estate.database.administration.deliveries()
    house.close()
    estate.close()
    told = [event for event in logged if event.notify]
    vms = [event for event in told if event.cause is Cause.FAILOVER and event.entity.kind.value == "vm"]
    (summary,) = console.notices
    assert len(vms) > 45
    assert summary.count == len(vms) - 20
    assert [event for event in console.events if event in vms] == vms[:20]
    assert len(console.events) + summary.count == len(told)
    assert (summary.first, summary.last) == (vms[20].seq, vms[-1].seq)
    assert (done.pending, done.summarised, done.delivered) == (0, summary.count, len(console.events))
