"""
The guard: the outermost shell. No error leaves without a log entry or with its internals; nothing is cached; HEAD is
answered as GET without its content (RFC 9110 9.3.2).
"""

import logging
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.publishers.rest.problems import problem

logger = logging.getLogger(__name__)

UNSAID = "the gateway failed to answer; its log says why"
ENDLESS = "/api/v1/events/stream"
"""Has no end: HEAD of it would never be answered in full."""


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        headless = scope["method"] == "HEAD" and scope["path"] != ENDLESS
        asked = {**scope, "method": "GET"} if headless else scope

        async def careful_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            elif headless:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(asked, receive, careful_send)
        except Exception:
            logger.exception("rest: %s %s failed", scope["method"], scope["path"])
            if started:
                raise
            response = problem(HTTPStatus.INTERNAL_SERVER_ERROR, UNSAID, scope["path"])
            await response(scope, receive, careful_send)
