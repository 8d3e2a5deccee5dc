"""Retention: old history is deleted by and by, a few minutes after the start and then every hour."""

import asyncio
import logging
from collections.abc import Callable

from gateway.store.database import Database
from gateway.store.retention import prune
from gateway.support.clock import Clock

logger = logging.getLogger(__name__)

FIRST_S = 300.0
EVERY_S = 3600.0
DAY_US = 86_400 * 1_000_000


async def retain(database: Database, clock: Clock, days: int, deleted: Callable[[], None]) -> None:
    """Delete what ended more than `days` ago, and say so, until cancelled. Raises StoreError; supervise it."""
    await asyncio.sleep(FIRST_S)
    while True:
        pruned = await asyncio.to_thread(prune, database, clock.now(), days * DAY_US)
        if pruned.total:
            deleted()
            logger.info("retention: deleted %d rows that ended more than %d days ago", pruned.total, days)
        await asyncio.sleep(EVERY_S)
