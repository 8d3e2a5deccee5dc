"""Problems: every error as problem+json (RFC 9457), one shape with no internals in it."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway.model.errors import (
    AmbiguousName,
    ConfigError,
    DeliveryError,
    GatewayError,
    IngestError,
    StoreError,
    UnknownEntity,
    UnknownReceiver,
    UnknownWindow,
    WindowError,
)

logger = logging.getLogger(__name__)

DATABASE_SILENT = "the database does not answer; what is asked about now still works (leave out at=)"
MEDIA_TYPE = "application/problem+json"
_SHOWN = 500
"""Characters of a detail at most: what a client sent is not sent back in full."""


class FieldProblem(BaseModel):
    """One parameter or field that is wrong."""

    where: str = Field(description="query, path or body, then the name", examples=["query.limit"])
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="about:blank: the status says it all", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="For a person: what is wrong and what to do")
    instance: str = Field(description="The path that was asked", examples=["/api/v1/where/web"])
    errors: list[FieldProblem] = Field(default=[], description="Each wrong parameter, when there are such")


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def problem(
    status: int,
    detail: str,
    instance: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] = (),
) -> JSONResponse:
    """One problem as a response."""
    body = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail[:_SHOWN],
        instance=instance[:_SHOWN],
        errors=list(errors),
    )
    return JSONResponse(body.model_dump(mode="json"), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error that a handler can raise."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(GatewayError, _gateway)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return problem(error.status, error.detail, request.scope["path"], error.headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "there is nothing at this path; /api/v1/openapi.json lists all paths"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("allow", "GET")
        detail = f"{request.method} is not possible here; possible: {allowed}"
    return problem(error.status_code, str(detail), request.scope["path"], error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [_field(details) for details in error.errors()[:20]]
    said = "; ".join(f"{one.where}: {one.message}" for one in errors)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, said, request.scope["path"], errors=errors)


async def _gateway(request: Request, error: Exception) -> JSONResponse:
    here: str = request.scope["path"]
    match error:
        case UnknownEntity() | UnknownReceiver() | UnknownWindow():
            return problem(HTTPStatus.NOT_FOUND, str(error), here)
        case AmbiguousName():
            return problem(HTTPStatus.CONFLICT, str(error), here)
        case ConfigError() | WindowError():
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), here)
        case DeliveryError():
            return problem(HTTPStatus.BAD_GATEWAY, str(error), here)
        case IngestError():
            return problem(HTTPStatus.BAD_REQUEST, str(error), here)
        case StoreError():
            logger.warning("rest: the database refused a question: %s", error)
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_SILENT, here, {"Retry-After": "5"})
    logger.error("rest: %s failed: %s", here, error, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway could not answer; its log says why", here)


def _field(details: Mapping[str, Any]) -> FieldProblem:
    where = ".".join(str(part) for part in details["loc"])
    message = str(details["msg"]).removeprefix("Value error, ")
    return FieldProblem(where=where[:100], message=message[:200])
