"""The client of the command line: asks the running gateway over its UNIX socket, else the database in its place."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from gateway.app.console import note
from gateway.app.locate import Located
from gateway.model.errors import GatewayError

Params = Mapping[str, str | int | Sequence[str] | None]
T = TypeVar("T")
_PARAMETER = re.compile(r"\bquery\.(\w+)")
API = "/api/v1"
DEADLINE_S = 30.0
POST_DEADLINE_S = 3_600.0
"""What is done may take long: a receiver that does not answer is waited for as its settings say."""


class Refused(GatewayError):
    """The gateway answered that it cannot; the message is its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the REST application: its body as it came, and read."""

    text: str
    body: Any


class Client:
    """Asks one REST application."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """
        GET `/api/v1` + path; parameters that are None are left out.

        Raises:
            Refused: any status but 200, with the problem's own words.
        """
        given = {key: value for key, value in (params or {}).items() if value is not None}
        try:
            response = await self._http.get(API + path, params=given)
        except httpx.HTTPError as error:
            raise Refused(f"the gateway did not answer: {error or type(error).__name__}. Is it stopping?") from error
        if response.status_code != 200:
            raise Refused(_detail(response))
        return Answer(response.text, response.json())

    async def post(self, path: str, params: Params | None = None, body: Mapping[str, Any] | None = None) -> Answer:
        """
        POST `/api/v1` + path, with a body as JSON or without.

        Raises:
            Refused: any status above 299, with the problem's own words.
        """
        return await self._change("POST", path, params, body)

    async def delete(self, path: str) -> Answer:
        """
        DELETE `/api/v1` + path.

        Raises:
            Refused: any status above 299, with the problem's own words.
        """
        return await self._change("DELETE", path, None, None)

    async def _change(self, method: str, path: str, params: Params | None, body: Mapping[str, Any] | None) -> Answer:
        try:
            response = await self._http.request(
                method, API + path, params=params or {}, json=body, timeout=POST_DEADLINE_S
            )
        except httpx.HTTPError as error:
            raise Refused(f"the gateway did not answer: {error or type(error).__name__}. Is it stopping?") from error
        if response.status_code > 299:
            raise Refused(_detail(response))
        return Answer(response.text, response.json())

    async def stream(self, path: str, params: Params | None = None) -> AsyncIterator[str]:
        """
        The data of each Server-Sent Event of `/api/v1` + path, until the gateway ends it.

        Raises:
            Refused: it cannot be followed.
        """
        given = {key: value for key, value in (params or {}).items() if value is not None}
        timeout = httpx.Timeout(DEADLINE_S, read=None)
        try:
            async with self._http.stream("GET", API + path, params=given, timeout=timeout) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise Refused(_detail(response))
                async for data in _events(response.aiter_lines()):
                    yield data
        except httpx.HTTPError as error:
            raise Refused(f"the gateway ended the stream: {error or type(error).__name__}.") from error


@asynccontextmanager
async def connected(located: Located, *, must_run: bool = False) -> AsyncIterator[Client]:
    """
    A client of the gateway that runs in the state folder; when none does, of its database (said on standard error).

    Raises:
        GatewayError: neither can be reached, or none runs and `must_run`.
    """
    if runs(located.socket):
        transport = httpx.AsyncHTTPTransport(uds=str(located.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=DEADLINE_S) as http:
            yield Client(http)
        return
    if must_run:
        raise Refused(f"no gateway runs in {located.state_dir}. Start it: gateway run")
    note(f"gateway: none runs in {located.state_dir}; this is what its database holds")
    from gateway.app.offline import offline_application

    with offline_application(located) as application:
        transport_here = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport_here, base_url="http://gateway", timeout=DEADLINE_S) as http:
            yield Client(http)


def runs(path: Path) -> bool:
    """True when a gateway answers at the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise Refused(f"{path}: permission denied. Run this as the gateway's user, or as root.") from error
        except OSError:
            return False
    return True


def asked(question: Coroutine[Any, Any, T]) -> T:
    """Run one question to its end."""
    return asyncio.run(question)


def ask(located: Located, path: str, params: Params | None = None) -> Answer:
    """One GET, to the running gateway or to the database."""

    async def question() -> Answer:
        async with connected(located) as client:
            return await client.get(path, params)

    return asked(question())


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The data of each event (HTML standard, section 9.2.6)."""
    data: list[str] = []
    async for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _option(parameter: re.Match[str]) -> str:
    """What REST calls `query.at` is `--at` of a command."""
    return f"--{parameter[1].replace('_', '-')}"


def _detail(response: httpx.Response) -> str:
    try:
        return _PARAMETER.sub(_option, str(response.json()["detail"]))
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"the gateway answered {response.status_code} {response.reason_phrase}"
