"""Offline: the REST application over what the database holds, for the command line when no gateway runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

import gateway
from gateway.app.locate import Located
from gateway.app.receiver_desk import StoredReceivers
from gateway.model.snapshot import Snapshot
from gateway.publishers.rest.access import trusting
from gateway.publishers.rest.application import create_app
from gateway.store.database import open_database
from gateway.support.clock import SystemClock


@dataclass(frozen=True, slots=True)
class StoredTopology:
    """The last committed topology."""

    snapshot: Snapshot


@contextmanager
def offline_application(located: Located) -> Iterator[ASGIApp]:
    """
    The REST application over an installation's database, which is only read.

    Raises:
        StoreError: there is no database, or it cannot be read.
    """
    database, clock = open_database(located.database, upgrade=False), SystemClock()
    try:
        application = create_app(
            StoredTopology(database.repository.load()),
            database.history,
            database.administration,
            subscribe=_never,
            ingest={},
            clock=clock,
            version=gateway.__version__,
            stale_intervals=located.settle.stale_intervals,
            receivers=StoredReceivers(database, {}, located.state_dir, clock),
        )
        yield trusting(application)
        application.state.desk.close()
    finally:
        database.close()


async def _never() -> AsyncIterator[object]:
    """Nothing is committed here."""
    return
    yield
