"""Access: who may ask what. Bearer tokens by role; the UNIX socket is trusted; nothing else is open but health."""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.model.errors import StoreError
from gateway.model.ports import Administration, Token
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.problems import DATABASE_SILENT, Refused, problem
from gateway.support.clock import Clock

TRUSTED = "gateway.trusted"
"""Key of an ASGI scope: the connection came over the UNIX socket (mode 0600). No client can set it."""
ACTOR = "gateway.actor"
"""Key of an ASGI scope: the name of the token that let the request in."""
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
INGEST = "/ingest/"
CACHED_S = 10.0
"""A revoked token works at most so much longer."""
_CACHED = 1_000
_LONGEST = 512

Authenticate = Callable[[str], Awaitable[Token | None]]


def trusting(app: ASGIApp) -> ASGIApp:
    """The application as it is served over the UNIX socket."""

    async def trusted(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, TRUSTED: True}, receive, send)

    return trusted


def actor(scope: Scope) -> str:
    """The name of the token that let the request in; empty: none was needed."""
    return str(scope.get(ACTOR, ""))


class TokenCache:
    """Remembers for some seconds what the database said of a token. Keeps hashes, never the token."""

    def __init__(self, administration: Administration, desk: Desk, clock: Clock) -> None:
        self._administration = administration
        self._desk = desk
        self._clock = clock
        self._known: dict[bytes, tuple[float, Token | None]] = {}

    async def __call__(self, secret: str) -> Token | None:
        if not secret or len(secret) > _LONGEST:
            return None
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        until, token = self._known.get(digest, (0.0, None))
        now = self._clock.now()
        if until <= self._clock.monotonic():
            token = await self._desk.ask(lambda: self._administration.authenticate(secret, now))
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[digest] = (self._clock.monotonic() + CACHED_S, token)
        if token is not None and token.expires_at is not None and token.expires_at <= now:
            return None
        return token


def allows(role: str, path: str, method: str = "GET") -> bool:
    """True when the role may do that: `ingest:SOURCE` may post to that source and nothing else, `read` only reads."""
    if role == "admin":
        return True
    if path.startswith(INGEST):
        source = path.removeprefix(INGEST)
        return bool(source) and role == f"ingest:{source}"
    return role == "read" and method in ("GET", "HEAD", "OPTIONS")


class Access:
    """ASGI middleware: lets through what may pass, and answers the rest with 401 or 403."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate, open_metrics: bool) -> None:
        self._app = app
        self._authenticate = authenticate
        self._open = OPEN_PATHS | {"/metrics"} if open_metrics else OPEN_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get(TRUSTED) is True or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        response = problem(refusal.status, refusal.detail, scope["path"], refusal.headers)
        await response(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Refused | None:
        secret = _bearer(scope)
        challenge = 'Bearer realm="gateway"'
        if secret is None:
            remedy = "this needs a token: send `Authorization: Bearer TOKEN`; `gateway token create` makes one"
            return Refused(HTTPStatus.UNAUTHORIZED, remedy, {"WWW-Authenticate": challenge})
        try:
            token = await self._authenticate(secret)
        except StoreError:
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_SILENT, {"Retry-After": "5"})
        except Refused as busy:
            return busy
        if token is None:
            invalid = f'{challenge}, error="invalid_token"'
            return Refused(
                HTTPStatus.UNAUTHORIZED, "the token is unknown or has expired", {"WWW-Authenticate": invalid}
            )
        if not allows(token.role, scope["path"], scope["method"]):
            return Refused(HTTPStatus.FORBIDDEN, f"a token of role {token.role!r} may not do this")
        scope[ACTOR] = token.name
        return None


def _bearer(scope: Scope) -> str | None:
    """The token of the Authorization header (RFC 6750 2.1)."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return str(secret.strip())
    return None
