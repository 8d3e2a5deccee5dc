"""The desk: where questions about now get the current snapshot, and questions about then a thread with a deadline."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from gateway.model.errors import UnknownEntity
from gateway.model.ports import CurrentTopology, History, TopologyView
from gateway.publishers.rest.models import Page
from gateway.publishers.rest.parameters import in_words, parse_moment
from gateway.publishers.rest.problems import DATABASE_SILENT, Refused
from gateway.support.clock import Clock
from gateway.support.threads import pool
from gateway.topology.ages import STALE_INTERVALS

REVISION_HEADER = "X-Topology-Revision"
DEADLINE_S = 30.0
WAITING = 64
"""Questions to the database that may wait for their turn."""

Answer = TypeVar("Answer")


def written(request: Request, model: BaseModel, revision: int) -> Response:
    """The model as JSON, with its revision, and the next page in a Link header (RFC 8288)."""
    headers = {REVISION_HEADER: str(revision)}
    if isinstance(model, Page) and model.next is not None:
        url = request.url.include_query_params(cursor=model.next)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(model.model_dump_json(), headers=headers, media_type="application/json")


class Desk:
    """Answers questions; never lets one about the past delay one about now."""

    def __init__(
        self, topology: CurrentTopology, history: History, clock: Clock, stale_intervals: int = STALE_INTERVALS
    ) -> None:
        """`stale_intervals`: so many intervals of silence make data stale; may be changed at any time."""
        self.stale_intervals = stale_intervals
        self.topology = topology
        self.history = history
        self.clock = clock
        self._now = pool(4, "rest-now")
        self._past = pool(4, "rest-past")
        self._waiting = 0

    async def answer(
        self,
        request: Request,
        at: str | None,
        known_at: str | None,
        make: Callable[[TopologyView, int], BaseModel],
    ) -> Response:
        """
        `make(view, time)` of the topology that is asked about, as JSON; the headers name revision and next page.

        A large answer is rendered and written in the thread too: the loop serves others meanwhile.

        Raises:
            Refused: the times are wrong, or the database does not answer in time.
        """
        now = self.clock.now()
        if at is None:
            if known_at is not None:
                raise Refused(422, "query.known_at: needs query.at, the time that is asked about")
            snapshot = self.topology.snapshot
            return await self._in(self._now, lambda: written(request, make(snapshot, now), snapshot.revision))
        moment, known = self.moment(at), self.moment(known_at, "known_at")

        def then() -> Response:
            assert moment is not None
            view = self.history.at(moment, known)
            return written(request, make(view, moment), view.revision)

        return await self.ask(then, of=moment)

    def moment(self, text: str | None, parameter: str = "at") -> int | None:
        """
        The time that a parameter gives; None when it is left out.

        Raises:
            Refused: it is no time.
        """
        return parse_moment(text, self.clock.now(), parameter) if text is not None else None

    def view(self, at: int | None, known_at: int | None = None) -> TopologyView:
        """The topology of that time; None: of now. May block, but for now."""
        return self.topology.snapshot if at is None else self.history.at(at, known_at)

    async def ask(self, question: Callable[[], Answer], *, of: int | None = None) -> Answer:
        """
        A blocking question to the database, in a thread. `of`: the past time that it is about.

        Raises:
            UnknownEntity: nothing has that name; says so when the history begins only after `of`.
            Refused: 503; it does not answer in time, or too many questions wait already.
        """
        if self._waiting >= WAITING:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many questions wait for the database", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            return await self._in(self._past, lambda: self._told_of(of, question))
        finally:
            self._waiting -= 1

    def _told_of(self, of: int | None, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except UnknownEntity as error:
            begins = self.history.begins_at()
            if of is None or begins is None or of >= begins:
                raise
            said = (
                f"nothing is known at {in_words(of)}: the history begins at {in_words(begins)}. Ask about a later time."
            )
            raise UnknownEntity(said) from error

    async def _in(self, threads: ThreadPoolExecutor, question: Callable[[], Answer]) -> Answer:
        running = asyncio.get_running_loop().run_in_executor(threads, question)
        try:
            async with asyncio.timeout(DEADLINE_S):  # wait_for of Python 3.11 may swallow a cancellation
                return await running
        except TimeoutError:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_SILENT, {"Retry-After": "5"}) from None

    def close(self) -> None:
        """Take no more questions."""
        self._now.shutdown(wait=False, cancel_futures=True)
        self._past.shutdown(wait=False, cancel_futures=True)
