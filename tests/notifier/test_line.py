"""A line: what has a root, the ends of alarms, pauses, and what a storm held when the gateway was killed."""

from dataclasses import replace

import pytest

from gateway.model.changes import Changes
from gateway.model.conditions import ConditionKind, Severity
from gateway.model.errors import DeliveryError
from gateway.model.events import Event, EventKind, Traits
from gateway.model.notices import Notice
from gateway.notifier.selection import Selection
from gateway.support.backoff import Backoff
from gateway.support.clock import FakeClock
from tests.notifier.test_dispatcher import Log, Receiver, dispatcher, log, running, until
from tests.store.estate import SECOND, T0, moved

__all__ = ["log"]
HQ = Traits((), ("hq",))
BRANCH = Traits((), ("branch",))


def failure(number: int, **changes) -> Event:
    """A failure; it has a root when `caused_by` says so."""
    plain = {"kind": EventKind.FAILURE_RAISED, "condition": ConditionKind.BLOCKED, "old_host": None, "new_host": None}
    made = moved(T0, number, **{**plain, "cause": None, "severity": Severity.CRITICAL, "traits": HQ, **changes})
    return replace(made, notify=not made.caused_by)


def end_of(raised: Event, number: int) -> Event:
    ended = {"kind": EventKind.FAILURE_CLEARED, "caused_by": raised.caused_by, "ends": raised.id, "traits": None}
    return failure(number, **ended)


def written(log: Log, *events: Event) -> None:
    log.revision += 1
    log.database.repository.commit(Changes(log.revision, T0 + log.revision, 11, 1, events=events))


def a_host_and_what_followed(traits: Traits = HQ) -> tuple[Event, ...]:
    """A root (1) and what follows from it (2), with the end of that (3) and of the root (4)."""
    root = failure(1, traits=traits)
    follows = failure(2, caused_by=root.id)
    return root, follows, end_of(follows, 3), end_of(root, 4)


async def told(log: Log, events: tuple[Event, ...], **terms) -> list[int]:
    nms = Receiver("nms")
    written(log, *events)
    async with running(dispatcher(log, nms, **terms)):
        await until(lambda: log.delivery("nms").position == len(events))
    return nms.got


async def test_what_has_a_root_is_told_to_nobody_who_is_told_of_the_root(log: Log):
    assert await told(log, a_host_and_what_followed()) == [1, 4]


async def test_what_has_a_root_is_told_to_who_asks_for_it(log: Log):
    assert await told(log, a_host_and_what_followed(), selection=Selection(consequences=True)) == [1, 2, 3, 4]


async def test_what_has_a_root_is_told_to_who_is_not_told_of_the_root_and_so_is_its_end(log: Log):
    events = a_host_and_what_followed(BRANCH)
    assert await told(log, events, selection=Selection(sites=frozenset({"hq"}))) == [2, 3]


async def test_the_end_of_an_alarm_goes_to_whom_its_beginning_went_though_the_thing_is_elsewhere_now(log: Log):
    here, there = failure(1), failure(2, traits=BRANCH)
    events = (here, there, end_of(there, 3), end_of(here, 4))
    assert await told(log, events, selection=Selection(sites=frozenset({"hq"}))) == [1, 4]


async def test_a_receiver_that_was_reached_otherwise_is_tried_again_at_once(log: Log):
    nms = Receiver("nms", DeliveryError("no answer"))
    log.write(1)
    house = dispatcher(log, nms, patience=Backoff(first_s=600.0, longest_s=600.0))
    async with running(house):
        await until(lambda: nms.tries == 1 and house.dispatcher.line("nms").next_try_at > T0)
        nms.error = None
        house.dispatcher.line("nms").reached()
        await until(lambda: nms.got == [1])
        await until(lambda: log.waiting("nms") == 0)
        assert house.dispatcher.line("nms").next_try_at == 0


async def test_what_still_waits_is_not_sent_twice_when_all_since_then_is_asked_for_again(log: Log):
    nms = Receiver("nms")
    log.write(2)
    async with running(dispatcher(log, nms)):
        await until(lambda: log.delivery("nms").position == 2)
    nms.error = DeliveryError("no answer")
    log.write(3)
    house = dispatcher(log, nms)
    async with running(house):
        await until(lambda: nms.tries > 2)
        log.database.outbox.replay("nms", T0, since=T0)
        nms.error = None
        await until(lambda: log.delivery("nms").replaying == 0)
    assert nms.got == [1, 2, 3, 4, 5, 1, 2]


async def test_of_all_since_a_time_a_receiver_gets_what_its_filters_take(log: Log):
    nms, critical = Receiver("nms"), Selection(least=Severity.CRITICAL, kinds=frozenset({EventKind.FAILURE_RAISED}))
    written(log, failure(1, severity=Severity.MINOR), moved(T0, 2), failure(3), failure(4, traits=BRANCH))
    async with running(dispatcher(log, nms, selection=replace(critical, sites=frozenset({"hq"})))):
        await until(lambda: log.delivery("nms").position == 4)
        assert log.database.outbox.replay("nms", T0, since=T0) == 4
        await until(lambda: log.delivery("nms").replaying == 0)
    assert nms.got == [3, 3]


async def test_what_was_given_up_is_sent_again_though_the_filters_are_others_now(log: Log):
    nms = Receiver("nms", DeliveryError("no answer"))
    written(log, failure(1))
    async with running(dispatcher(log, nms, give_up_attempts=1)):
        await until(lambda: log.delivery("nms").missed == 1)
    nms.error = None
    log.database.outbox.replay("nms", T0, since=T0)
    async with running(dispatcher(log, nms, selection=Selection(sites=frozenset({"elsewhere"})))):
        await until(lambda: log.delivery("nms").replaying == 0)
    assert nms.got == [1]


async def test_what_became_too_old_in_a_pause_is_tried_once_more_and_so_is_all_behind_it(log: Log):
    nms, clock = Receiver("nms", DeliveryError("no answer")), FakeClock(T0)
    house = dispatcher(log, nms, clock=clock, give_up_after_s=60.0, patience=Backoff(first_s=600.0, longest_s=600.0))
    log.write(1)
    clock.advance(61)
    async with running(house):
        await until(lambda: log.delivery("nms").missed == 1)  # from now on it is known not to answer
        written(log, *(replace(moved(T0, 10 + n), at=clock.now()) for n in range(3)))
        house.wake()
        await until(lambda: nms.tries == 2 and house.dispatcher.line("nms").next_try_at > T0)
        clock.advance(61)
        nms.error = None
        house.dispatcher.line("nms").reached()
        await until(lambda: log.delivery("nms").position == 4)
    assert nms.got == [2, 3, 4]
    assert log.delivery("nms").missed == 1


@pytest.mark.parametrize("how", ["it was reached", "the pause is over", "neither"])
async def test_what_is_too_old_when_it_comes_is_tried_unless_one_was_given_up_just_now(log: Log, how: str):
    nms, clock = Receiver("nms", DeliveryError("no answer")), FakeClock(T0 + 3600 * SECOND)
    house = dispatcher(log, nms, clock=clock, give_up_after_s=60.0, patience=Backoff(first_s=600.0, longest_s=600.0))
    log.write(1)
    async with running(house):
        await until(lambda: log.delivery("nms").missed == 1)
        nms.error = None
        if how == "it was reached":
            house.dispatcher.line("nms").reached()
        elif how == "the pause is over":
            clock.advance(800)
        log.write(2)
        house.wake()
        await until(lambda: log.delivery("nms").position == 3)
    assert nms.got == ([] if how == "neither" else [2, 3])


class DeafToTheSecondSummary(Receiver):
    async def tell(self, notice: Notice) -> None:
        if self.told:
            raise DeliveryError("no answer")
        self.told.append(notice)


async def test_of_two_summaries_the_second_still_waits_when_the_first_was_told(log: Log):
    nms, clock = DeafToTheSecondSummary("nms"), FakeClock(T0)
    log.write(21, caused_by="one")
    log.write(21, caused_by="other")
    house = dispatcher(log, nms, clock=clock, idle_s=0.05)
    async with running(house):
        await until(lambda: len(nms.got) == 40)
        clock.advance(11)
        await until(lambda: bool(log.delivery("nms").last_error))
        log.database.outbox.replay("nms", T0, since=T0)
        assert (log.delivery("nms").position, log.delivery("nms").replaying) == (41, 41)


async def test_what_a_storm_held_when_the_gateway_was_killed_is_told_late_and_nothing_of_it_is_lost(log: Log):
    nms, clock = Receiver("nms"), FakeClock(T0)
    log.write(25, caused_by="the root")
    log.write(2)
    house = dispatcher(log, nms, clock=clock)
    async with running(house):
        await until(lambda: nms.got[-2:] == [26, 27])
        await until(lambda: log.delivery("nms").position == 20)
        assert (log.waiting("nms"), house.dispatcher.line("nms").ahead.waiting) == (7, 27 - 20 - 2)
    async with running(dispatcher(log, nms, clock=clock)):
        await until(lambda: log.delivery("nms").position == 27)
    assert nms.got == [*range(1, 21), 26, 27, *range(21, 28)]
