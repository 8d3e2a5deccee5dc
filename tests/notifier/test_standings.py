"""How a receiver stands is known at any moment: what waits for it, what was sent, and what it has not got."""

import asyncio
import dataclasses

from gateway.model.errors import DeliveryError
from gateway.model.standings import ReceiverHealth
from gateway.notifier.ahead import Ahead
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.selection import Selection
from gateway.notifier.storm import StormTerms
from gateway.notifier.terms import Terms
from gateway.support.clock import FakeClock
from tests.notifier.test_dispatcher import House, Log, Receiver, Topology, dispatcher, log, running, until
from tests.store.estate import SECOND, T0, moved

__all__ = ["log"]


def standing(house: House, name: str = "nms"):
    return house.dispatcher.line(name)


def heard(house: House, *numbers: int) -> None:
    """As the engine tells the dispatcher."""
    house.dispatcher.heard([dataclasses.replace(moved(T0, number), seq=number) for number in numbers])


def test_what_is_heard_of_while_the_log_is_counted_is_counted_once():
    ahead = Ahead()
    ahead.hear([7, 8])
    ahead.counted(3, 7)  # 7 is among the three
    assert ahead.waiting == 4
    ahead.hear([9])
    ahead.done(2)
    assert ahead.waiting == 3


def test_what_is_read_before_it_is_heard_of_is_never_counted_below_zero():
    ahead = Ahead()
    ahead.counted(0, 0)
    ahead.done(1)
    assert ahead.waiting == 0
    ahead.hear([1])
    assert ahead.waiting == 0
    ahead.hear([2])
    assert ahead.waiting == 1


async def test_a_receiver_that_is_down_is_failing_and_all_that_comes_waits(log: Log):
    down = Receiver("nms", DeliveryError("no route to host"))
    log.write(5)
    house = dispatcher(log, down)
    async with running(house):
        await until(lambda: down.tries >= 2)
        assert (standing(house).health, standing(house).ahead.waiting) == (ReceiverHealth.FAILING, 5)
        log.write(2)
        heard(house, 6, 7)
        assert standing(house).ahead.waiting == 7
        down.error = None
        await until(lambda: standing(house).ahead.waiting == 0)
        assert standing(house).health is ReceiverHealth.OK
    counts = house.counts["nms"]
    assert (counts.sent, counts.delivered, counts.last) == (7, 7, 7)
    assert counts.retried == counts.failed > 0


async def test_where_a_receiver_stands_is_known_while_it_is_told_of_the_start(log: Log):
    log.write(3)
    told = asyncio.Event()
    house, nms = Dispatcher(log.database.outbox, Topology(), FakeClock(T0)), Receiver("nms")
    serving = asyncio.create_task(house.serve(nms, Terms(), told.wait))
    await until(lambda: (line := house.line("nms")) is not None and line.ahead.waiting == 3)
    assert nms.got == []
    told.set()
    await until(lambda: nms.got == [1, 2, 3])
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    house.close()


async def test_a_receiver_that_got_nothing_yet_is_idle(log: Log):
    house = dispatcher(log, Receiver("nms"))
    async with running(house):
        await until(lambda: standing(house) is not None)
        assert standing(house).health is ReceiverHealth.IDLE


async def test_what_is_not_for_it_and_what_is_told_in_a_summary_waits_no_longer(log: Log):
    clock = FakeClock(T0)
    nms = Receiver("nms")
    log.write(4)
    house = dispatcher(log, nms, clock=clock, storm=StormTerms(per_cause=0, at_most=2), idle_s=0.05)
    async with running(house):
        await until(lambda: len(nms.got) == 2 and standing(house).ahead.waiting == 2)
        clock.advance(11)
        await until(lambda: len(nms.told) == 1 and standing(house).ahead.waiting == 0)
    assert house.counts["nms"].summarised == 2
    other = dispatcher(log, Receiver("noc"), selection=Selection(sites=frozenset({"nowhere"})))
    async with running(other):
        await until(lambda: other.counts["noc"].left_out == 4 and standing(other, "noc").ahead.waiting == 0)


async def test_what_was_given_up_is_known_until_it_was_sent_again(log: Log):
    down = Receiver("nms", DeliveryError("no route to host"))
    log.write(3)
    house = dispatcher(log, down, give_up_attempts=1)
    async with running(house):
        await until(lambda: house.dispatcher.given_up.counts.get("nms") == (3, 0))
        assert [each.event.seq for each in house.dispatcher.given_up.newest] == [1, 2, 3]
        assert standing(house).health is ReceiverHealth.GIVING_UP
        down.error = None
        log.database.outbox.replay("nms", T0 + SECOND)
        house.wake()
        await until(lambda: down.got == [1, 2, 3])
        await until(lambda: house.dispatcher.given_up.newest == ())
        assert standing(house).health is ReceiverHealth.OK
