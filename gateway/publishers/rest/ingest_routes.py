"""POST /ingest/SOURCE: agents push a reason to look now, and evidence."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect

from gateway.publishers.rest import models as m
from gateway.publishers.rest.problems import Refused

LARGEST_BYTES = 1 << 20
"""Of one document. Agents keep to it by themselves."""
SLOWEST_S = 10.0

Ingest = Mapping[str, Callable[[bytes], None]]
"""By source: takes a document at once, or raises IngestError. May change while the application runs."""


def ingest_routes(ingest: Ingest) -> APIRouter:
    """What agents may do."""
    router = APIRouter(tags=["ingest"])

    @router.post(
        "/ingest/{source}",
        status_code=HTTPStatus.ACCEPTED,
        summary="Push a document of a source's agent",
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": f"At most {LARGEST_BYTES} bytes, in the format of the source's agent.",
                "content": {"application/json": {"schema": {}}, "application/octet-stream": {"schema": {}}},
            }
        },
    )
    async def post_ingest(request: Request, source: Annotated[str, Path(max_length=255)]) -> m.Accepted:
        take = ingest.get(source)
        if take is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"no configured source {source[:80]!r} takes pushed documents")
        take(await _body(request))
        return m.Accepted(source=source, accepted=True)

    return router


async def _body(request: Request) -> bytes:
    """The whole body, if it is not too large and comes in time."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and len(told) < 20 and int(told) > LARGEST_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {SLOWEST_S:.0f} s") from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "the connection closed in the middle of the body") from None
    return bytes(body)


def _too_large() -> Refused:
    limit = f"the body is larger than {LARGEST_BYTES // 1024} KiB; send one document at a time"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit, {"Connection": "close"})
