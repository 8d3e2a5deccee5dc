"""Turns: a few at a time, and nobody waits for what hangs."""

import asyncio

from gateway.collectors.libvirt.turns import Turns


async def test_so_many_have_a_turn_at_a_time_and_all_come_to_theirs() -> None:
    turns, now, most, done = Turns(at_once=3), 0, 0, 0

    async def one() -> None:
        nonlocal now, most, done
        async with turns.turn():
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0.01)
            now -= 1
        done += 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert (most, now, done) == (3, 0, 20)


async def test_one_that_hangs_loses_its_turn_and_gives_back_no_second_one() -> None:
    turns = Turns(at_once=1, longest_s=0.05)
    go_on, running = asyncio.Event(), 0

    async def hang() -> None:
        async with turns.turn():
            await go_on.wait()

    async def count() -> int:
        nonlocal running
        async with turns.turn():
            running += 1
            most = running
            await asyncio.sleep(0.01)
            running -= 1
            return most

    hanging = asyncio.create_task(hang())
    async with asyncio.timeout(2):
        assert await count() == 1
        go_on.set()
        await hanging
        assert max(await asyncio.gather(*(count() for _ in range(5)))) == 1


async def test_a_turn_that_fails_or_is_cancelled_is_given_back() -> None:
    turns = Turns(at_once=1)
    for _ in range(3):
        async with asyncio.timeout(1):
            try:
                async with turns.turn():
                    raise LookupError
            except LookupError:
                pass
    async with asyncio.timeout(1), turns.turn():
        pass
