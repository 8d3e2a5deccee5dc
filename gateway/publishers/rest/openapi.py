"""The OpenAPI 3.1 document: FastAPI's, completed with the security scheme and the one shape of all errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.publishers.rest.access import OPEN_PATHS
from gateway.publishers.rest.problems import MEDIA_TYPE, FieldProblem, Problem

DESCRIPTION = """\
One topology of HA clusters, hypervisors and containers: what runs where, what moved, what fails, and what a loss
affects.

* Every answer is of one revision, named in the header `X-Topology-Revision`.
* `at` asks about the past; `known_at` about what was known then.
* Lists are paged by `cursor`; a page never shifts while the topology changes.
* Errors are problem+json (RFC 9457).
"""
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})


def document(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            summary=app.summary,
            description=DESCRIPTION,
            routes=app.routes,
            license_info=app.license_info,
        )
        app.openapi_schema = _complete(made)
    return app.openapi_schema


def _complete(made: dict[str, Any]) -> dict[str, Any]:
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["FieldProblem"] = _schema(FieldProblem)
    schemas["Problem"] = _schema(Problem)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`gateway token create` makes one."}
    }
    components["responses"] = {
        "Problem": {
            "description": "What went wrong (RFC 9457)",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
    made["security"] = [{"token": []}]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete_operation(path, operation)
    return made


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    if path in OPEN_PATHS:
        operation["security"] = []


def _schema(model: type[Problem] | type[FieldProblem]) -> dict[str, Any]:
    made = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    made.pop("$defs", None)
    return made
