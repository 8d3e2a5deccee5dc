"""The OpenAPI document: version 3.1, complete, and true to what is answered."""

import pytest

from gateway.model.entities import EntityKind

METHODS = {"get", "post"}


@pytest.fixture
async def document(client) -> dict:
    response = await client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    return response.json()


def operations(document: dict):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, operation


def references(part: object):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


async def test_it_is_of_version_3_1_and_names_every_path(document):
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/v1/entities",
        "/api/v1/entities/{entity}",
        "/api/v1/entities/{entity}/history",
        "/api/v1/relations",
        "/api/v1/alarms",
        "/api/v1/sources",
        "/api/v1/events",
        "/api/v1/events/stream",
        "/api/v1/events/{event_id}",
        "/api/v1/where/{name}",
        "/api/v1/impact",
        "/api/v1/impact/{name}",
        "/api/v1/windows",
        "/api/v1/windows/{index}",
        "/ingest/{source}",
        "/healthz",
        "/readyz",
    }


async def test_metrics_are_described_when_they_are_served(gateway):
    async with gateway.client(metrics=lambda: (b"", "text/plain")) as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]["/metrics"]["get"]
    assert list(described["responses"]["200"]["content"]) == ["text/plain"]


async def test_every_operation_has_an_id_of_its_own_a_summary_and_a_typed_answer(document):
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, operation in operations(document):
        assert operation["summary"], path
        success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(success) == 1, path
        for content in success[0]["content"].values():
            assert content["schema"], path


async def test_every_error_is_described_as_the_one_problem(document):
    for path, operation in operations(document):
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, path
        assert "422" not in operation["responses"]
    content = document["components"]["responses"]["Problem"]["content"]
    assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert set(document["components"]["schemas"]["Problem"]["properties"]) >= {"type", "title", "status", "detail"}


async def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert found
    for reference in found:
        part = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


async def test_kinds_are_enumerations(document):
    assert document["components"]["schemas"]["EntityKind"]["enum"] == [kind.value for kind in EntityKind]


async def test_all_but_health_needs_the_token(document):
    assert document["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "description": "`gateway token create` makes one.",
    }
    assert document["security"] == [{"token": []}]
    assert {path for path, operation in operations(document) if operation.get("security") == []} == {
        "/healthz",
        "/readyz",
    }


async def test_answers_have_exactly_the_described_fields(client, document, gateway):
    gateway.commit(gateway.relocation())
    schemas = document["components"]["schemas"]

    def compare(schema: dict, value: object, where: str) -> None:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in schema:
            options = [option for option in schema["anyOf"] if (option.get("type") == "null") == (value is None)]
            schema = options[0]
            if "$ref" in schema:
                schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        if isinstance(value, dict) and "properties" in schema:
            assert set(value) == set(schema["properties"]) == set(schema["required"]), where
            for name, inner in value.items():
                compare(schema["properties"][name], inner, f"{where}.{name}")
        elif isinstance(value, list):
            for inner in value:
                compare(schema["items"], inner, f"{where}[]")
        elif "enum" in schema:
            assert value in schema["enum"], where

    asked = {
        "entities": "entities",
        "relations": "relations",
        "alarms": "alarms",
        "sources": "sources",
        "events": "events",
        "where/{name}": "where/shop",
        "impact/{name}": "impact/n1",
        "entities/{entity}": "entities/vip",
    }
    for template, path in asked.items():
        described = document["paths"][f"/api/v1/{template}"]["get"]["responses"]["200"]["content"]["application/json"]
        compare(described["schema"], (await client.get(f"/api/v1/{path}")).json(), path)
