"""Intruders: receivers are told when somebody asks the SNMP agent with wrong credentials, but not of each try."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_S = 1.0
SILENCE_S = 60.0
"""At most one notification in this time: whoever guesses must not be able to flood the consoles."""


async def watch(failures: Callable[[], int], tell: Callable[[], Awaitable[None]]) -> None:
    """Tell at once when the failures become more, then after a while of silence if there were more, until cancelled."""
    told = failures()
    while True:
        await asyncio.sleep(LOOK_S)
        if failures() != told:
            told = failures()
            await tell()
            await asyncio.sleep(SILENCE_S)
