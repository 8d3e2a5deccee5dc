"""Who may ask what, and how every refusal and failure looks."""

import logging

import httpx
import pytest

from gateway.model.errors import IngestError, StoreUnavailable
from gateway.publishers.rest.access import CACHED_S, allows, trusting
from gateway.publishers.rest.ingest_routes import LARGEST_BYTES

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
READS = ("/api/v1/entities", "/api/v1/where/vip", "/api/v1/events", "/api/v1/openapi.json", "/nowhere", "/metrics")


def is_problem(response: httpx.Response, status: int) -> dict:
    body = response.json()
    assert response.status_code == status, body
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert (body["status"], body["type"]) == (status, "about:blank")
    assert body["title"]
    return body


@pytest.mark.parametrize("path", READS)
async def test_nothing_is_told_without_a_token(gateway, path):
    async with gateway.client(None) as client:
        response = await client.get(path)
    is_problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "vip" not in response.json()["detail"]


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer x", "Basic dTpw", "Bearer " + "x" * 5000, "Bearer \xff"]
)
async def test_a_wrong_token_is_refused(gateway, value):
    async with gateway.client(None) as client:
        is_problem(await client.get("/api/v1/entities", headers={"Authorization": value.encode("latin-1")}), 401)


async def test_health_needs_no_token_and_metrics_only_when_they_are_not_open(gateway):
    def render() -> tuple[bytes, str]:
        return b"up 1\n", CONTENT_TYPE

    async with gateway.client(None, metrics=render, open_metrics=True) as client:
        assert (await client.get("/healthz")).json() == {"alive": True, "version": "9.9"}
        assert (await client.get("/metrics")).text == "up 1\n"
    async with gateway.client(None, metrics=render) as client:
        is_problem(await client.get("/metrics"), 401)
    async with gateway.client("read", metrics=render) as client:
        assert (await client.get("/metrics")).headers["content-type"] == CONTENT_TYPE


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("read", "/api/v1/entities", True),
        ("read", "/ingest/c1", False),
        ("admin", "/ingest/c1", True),
        ("admin", "/api/v1/entities", True),
        ("ingest:c1", "/ingest/c1", True),
        ("ingest:c1", "/ingest/c2", False),
        ("ingest:c1", "/ingest/c1/", False),
        ("ingest:c1", "/api/v1/entities", False),
        ("ingest:c1", "/metrics", False),
        ("ingest:", "/ingest/", False),
        ("", "/api/v1/entities", False),
    ],
)
def test_each_role_may_do_its_own_and_no_more(role, path, allowed):
    assert allows(role, path) is allowed


async def test_an_ingest_token_can_post_and_nothing_else(gateway):
    async with gateway.client("ingest:c1") as client:
        assert (await client.post("/ingest/c1", content=b"<doc/>")).json() == {"source": "c1", "accepted": True}
        is_problem(await client.get("/api/v1/entities"), 403)
        is_problem(await client.post("/ingest/c2", content=b"x"), 403)
    assert gateway.ingested == [b"<doc/>"]


async def test_a_token_that_only_reads_cannot_post(gateway):
    async with gateway.client("read") as client:
        is_problem(await client.post("/ingest/c1", content=b"x"), 403)
    assert gateway.ingested == []


async def test_the_unix_socket_is_trusted_and_a_client_cannot_say_it_came_that_way(gateway):
    transport = httpx.ASGITransport(trusting(gateway.app()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/api/v1/where/vip")).status_code == 200
    async with gateway.client(None) as client:
        headers = {"gateway.trusted": "true", "X-Forwarded-For": "127.0.0.1"}
        is_problem(await client.get("/api/v1/where/vip", headers=headers), 401)


async def test_a_revoked_token_works_no_longer_than_the_cache_keeps_it(gateway):
    async with gateway.client("read") as client:
        assert (await client.get("/api/v1/sources")).status_code == 200
        gateway.database.administration.revoke_token("read")
        assert (await client.get("/api/v1/sources")).status_code == 200
        gateway.clock.advance(CACHED_S)
        is_problem(await client.get("/api/v1/sources"), 401)


async def test_a_token_that_expires_is_refused_at_once_though_it_is_cached(gateway):
    until = gateway.clock.now() + 3_000_000
    gateway.tokens["short"] = gateway.database.administration.create_token("short", "read", gateway.clock.now(), until)
    async with gateway.client("short") as client:
        assert (await client.get("/api/v1/sources")).status_code == 200
        gateway.clock.advance(3)
        is_problem(await client.get("/api/v1/sources"), 401)


async def test_the_secret_is_in_no_log_and_no_answer(gateway, caplog):
    secret = "cgw_very-secret-token"
    with caplog.at_level(logging.DEBUG):
        async with gateway.client(None) as client:
            response = await client.get("/api/v1/entities", headers={"Authorization": f"Bearer {secret}"})
    assert secret not in caplog.text
    assert secret not in response.text


# -- pushed documents ------------------------------------------------------------------------------------------


async def test_an_unknown_source_is_not_found(gateway):
    async with gateway.client("admin") as client:
        assert "'c9'" in is_problem(await client.post("/ingest/c9", content=b"x"), 404)["detail"]


async def test_a_document_that_the_collector_refuses_is_a_bad_request_in_its_words(gateway):
    def refuse(document: bytes) -> None:
        raise IngestError("line 1: this is no alert")

    gateway.ingest["c1"] = refuse
    async with gateway.client("ingest:c1") as client:
        assert is_problem(await client.post("/ingest/c1", content=b"x"), 400)["detail"] == "line 1: this is no alert"


async def test_a_document_of_the_largest_size_is_taken_and_one_more_octet_is_not(gateway):
    async def in_pieces(size: int):
        for start in range(0, size, 50_000):
            yield b"x" * min(50_000, size - start)

    async with gateway.client("ingest:c1") as client:
        assert (await client.post("/ingest/c1", content=b"x" * LARGEST_BYTES)).status_code == 202
        is_problem(await client.post("/ingest/c1", content=b"x" * (LARGEST_BYTES + 1)), 413)
        is_problem(await client.post("/ingest/c1", content=in_pieces(LARGEST_BYTES + 1)), 413)
    assert [len(document) for document in gateway.ingested] == [LARGEST_BYTES]


# -- problems --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/entities/nobody", 404),
        ("GET", "/api/v1/entities/99999", 404),
        ("GET", "/api/v1/entities/99999/history", 404),
        ("GET", "/api/v1/where/nobody", 404),
        ("GET", "/api/v1/events/nobody", 404),
        ("GET", "/api/v1/impact", 422),
        ("GET", "/api/v1/entities?limit=0", 422),
        ("GET", "/api/v1/entities?limit=x", 422),
        ("GET", "/api/v1/entities?kind=spaceship", 422),
        ("GET", "/api/v1/entities?cursor=%F0%9F%92%A5", 422),
        ("GET", "/api/v1/entities?cursor=WzFd", 200),
        ("GET", "/api/v1/entities?cursor=WyJhIl0", 422),
        ("GET", "/api/v1/relations?cursor=WzFd", 422),
        ("POST", "/api/v1/entities", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/ingest/c1", 405),
    ],
)
async def test_every_error_has_one_shape(gateway, method, path, status):
    async with gateway.client("admin") as client:
        response = await client.request(method, path)
    if status == 200:
        assert response.status_code == 200
        return
    body = is_problem(response, status)
    assert body["instance"] == path.partition("?")[0]
    assert body["detail"]


async def test_wrong_parameters_are_named_one_by_one(client):
    body = is_problem(await client.get("/api/v1/entities?limit=x&state=odd"), 422)
    assert [error["where"] for error in body["errors"]] == ["query.state.0", "query.limit"]
    assert "running" in body["errors"][0]["message"]


async def test_a_token_that_may_read_changes_nothing(client):
    for method in ("POST", "PUT", "DELETE"):
        response = await client.request(method, "/api/v1/receivers/noc")
        assert response.status_code == 403


async def test_a_method_that_is_not_possible_names_those_that_are(gateway):
    async with gateway.client("admin") as client:
        response = await client.post("/api/v1/entities")
        assert response.headers["allow"] == "GET"
        assert response.json()["detail"] == "POST is not possible here; possible: GET"


async def test_a_fault_of_ours_is_logged_and_tells_nothing_of_its_insides(gateway, caplog):
    def burst(document: bytes) -> None:
        raise RuntimeError("password=hunter2 in /etc/secret")

    gateway.ingest["c1"] = burst
    async with gateway.client("admin") as client:
        response = await client.post("/ingest/c1", content=b"x")
    body = is_problem(response, 500)
    assert "hunter2" not in response.text
    assert body["detail"] == "the gateway failed to answer; its log says why"
    assert "Traceback" in caplog.text


async def test_a_silent_database_stops_questions_about_then_but_not_about_now(gateway):
    async with gateway.client("read") as client:
        assert (await client.get("/api/v1/where/vip")).status_code == 200

        class Gone:
            def __getattr__(self, name: str) -> object:
                raise StoreUnavailable("postgresql://gateway:secret@db: connection refused")

        client._transport.app.state.desk.history = Gone()
        assert (await client.get("/api/v1/where/vip")).status_code == 200
        response = await client.get("/api/v1/where/vip", params={"at": "-5s"})
        body = is_problem(response, 503)
        assert response.headers["retry-after"] == "5"
        assert "secret" not in body["detail"]
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, False)


async def test_ready_when_the_database_answers_and_a_topology_is_there(gateway):
    async with gateway.client(None) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"ready": True, "reasons": [], "revision": 1, "database": True, "sources": {"ok": 3}},
        )
        gateway.snapshot = gateway.estate.snapshot(revision=0)
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["reasons"]) == (
            503,
            ["no topology yet: no source has been read"],
        )


async def test_it_is_not_ready_while_a_source_was_not_read_for_the_first_time(gateway):
    awaited = ["kvm", "c1"]
    async with gateway.client(None, awaited=lambda: awaited) as client:
        response = await client.get("/readyz")
        reasons = ["sources that are read for the first time: c1, kvm"]
        assert (response.status_code, response.json()["reasons"]) == (503, reasons)
        awaited[:] = [f"s{number:02}" for number in range(12)]
        assert "s09 and 2 more" in (await client.get("/readyz")).json()["reasons"][0]
        awaited.clear()
        assert (await client.get("/readyz")).status_code == 200


async def test_answers_may_not_be_cached_or_guessed_at(client):
    headers = (await client.get("/api/v1/entities")).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
