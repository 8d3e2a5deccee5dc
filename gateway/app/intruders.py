"""Intruders: the log and the receivers are told who asks the SNMP agent with wrong credentials, but not of each try."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

logger = logging.getLogger(__name__)

LOOK_S = 1.0
SILENCE_S = 60.0
"""At most one line for each address and reason, and one notification, in this time: whoever guesses must not be able to
flood log or consoles."""


async def watch(refused: Callable[[], Sequence[object]], tell: Callable[[str], Awaitable[None]]) -> None:
    """
    Tell at once when somebody is refused, then after a while of silence who was meanwhile, until cancelled.

    `refused`: who was since it was asked last, in words for people.
    """
    while True:
        await asyncio.sleep(LOOK_S)
        if found := refused():
            for each in found:
                logger.warning("snmp: %s", each)
            await tell("; ".join(map(str, found)))
            await asyncio.sleep(SILENCE_S)
