"""Whatever is sent, the answer is no fault of ours: a 500 fails these tests."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.model.errors import IngestError
from gateway.publishers.rest.parameters import parse_moment, read_cursor, write_cursor
from gateway.publishers.rest.problems import Refused
from tests.topology.estate import T0

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
READS = ("entities", "relations", "alarms", "events", "sources", "where/vip", "impact", "impact/n1", "entities/vip")
NAMES = ("kind", "name", "source", "state", "cursor", "limit", "at", "known_at", "upper", "lower", "active", "told")
NAMES += ("since", "until", "newest_first", "entity", "condition", "category", "x")
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ("vm", "-1h", "WzFd", "true", "0", "99999999999999999999", "*[", "#1", "2025-11-21T04:00:00Z", "ha_node:n1")
    ),
    st.integers().map(str),
)


async def ask(app, method: str, path: str, query: bytes = b"", headers=(), body: bytes = b"") -> tuple[int, bytes]:
    """One request below HTTP: any octets may be in it."""
    sent: list[dict] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("192.0.2.7", 1),
        "server": ("gateway", 80),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def app(gateway):
    return gateway.app()


def bearer(gateway, role: str = "admin") -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {gateway.tokens[role]}".encode())]


def check(status: int, body: bytes) -> None:
    assert status < 500, body
    if status >= 400:
        assert json.loads(body)["status"] == status


@FUZZ
@given(path=st.sampled_from(READS), query=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4))
async def test_any_values_of_the_parameters(gateway, app, path, query):
    encoded = urlencode(query, errors="surrogatepass").encode()
    check(*await ask(app, "GET", f"/api/v1/{path}", encoded, bearer(gateway)))


@FUZZ
@given(query=st.binary(max_size=200))
async def test_any_octets_as_query(gateway, app, query):
    check(*await ask(app, "GET", "/api/v1/entities", query, bearer(gateway)))


@FUZZ
@given(
    method=st.sampled_from(("GET", "POST", "PUT", "HEAD", "OPTIONS", "X")),
    before=st.sampled_from(("/", "/api/v1/", "/api/v1/where/", "/api/v1/impact/", "/api/v1/entities/", "/ingest/")),
    path=st.text(max_size=60),
)
async def test_any_path_and_method(gateway, app, method, before, path):
    status, _ = await ask(app, method, before + path, b"", bearer(gateway))
    assert status < 500


@FUZZ
@example(value="²".encode("latin-1"), name=b"content-length")
@given(value=st.binary(max_size=200), name=st.sampled_from((b"authorization", b"content-length", b"host", b"x")))
async def test_any_header(gateway, app, name, value):
    check(*await ask(app, "GET", "/api/v1/sources", b"", [*bearer(gateway), (name, value)]))
    check(*await ask(app, "POST", "/ingest/c1", b"", [(name, value), *bearer(gateway)], b"x"))
    status, _ = await ask(app, "GET", "/api/v1/sources", b"", [(b"authorization", b"Bearer " + value)])
    assert status == 401


@FUZZ
@given(body=st.binary(max_size=2_000))
async def test_any_body_reaches_the_collector_as_it_is_or_is_refused(gateway, app, body):
    taken = []

    def take(document: bytes) -> None:
        taken.append(document)
        try:
            json.loads(document)
        except ValueError as error:
            raise IngestError("this is no JSON") from error

    gateway.ingest["c1"] = take
    status, answer = await ask(app, "POST", "/ingest/c1", b"", bearer(gateway, "ingest:c1"), body)
    check(status, answer)
    assert status in (202, 400)
    assert taken == [body]


@given(st.text(max_size=80))
def test_any_time_is_a_time_or_refused(text):
    try:
        at = parse_moment(text, T0)
    except Refused:
        return
    assert 0 <= at <= T0 + 5_000_000


@given(st.integers(0, 2**62), st.text(max_size=40))
def test_a_cursor_comes_back_as_it_was(index, text):
    assert read_cursor(write_cursor([index, text]), int, str) == [index, text]


@given(st.text(max_size=200))
def test_any_other_cursor_is_refused_or_has_the_shape(text):
    try:
        key = read_cursor(text, int, str)
    except Refused:
        return
    assert key is not None
    assert [type(part) for part in key] == [int, str]
