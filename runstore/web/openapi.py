"""The OpenAPI document, generated from the same tables as the parsing of requests."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from runstore.web.parameters import CURSOR, OF_FILTERS, PAGE, STATISTICS, Parameter

Schema = dict[str, Any]

_NULLABLE_TEXT = {"type": ["string", "null"]}

_RUN: Schema = {
    "type": "object",
    "description": "A run exactly as it was stored, of any generation of the API and any server.",
    "additionalProperties": True,
}

_LIST: Schema = {
    "type": "object",
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
        "first_id": _NULLABLE_TEXT,
        "last_id": _NULLABLE_TEXT,
        "has_more": {"type": "boolean"},
    },
    "required": ["object", "data", "first_id", "last_id", "has_more"],
}

_PAGE_OF_RUNS: Schema = {
    **_LIST,
    "properties": {**_LIST["properties"], "next": {**_NULLABLE_TEXT, "description": "The cursor of the next page."}},
    "required": [*_LIST["required"], "next"],
}

_STATISTICS: Schema = {
    "type": "object",
    "properties": {
        "object": {"const": "list"},
        "data": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}},
        },
        "has_more": {"type": "boolean"},
    },
    "required": ["object", "data", "has_more"],
}

_ERROR: Schema = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": _NULLABLE_TEXT,
                "code": {"type": "string"},
            },
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}

_REFUSALS = {
    "400": "A parameter cannot be used.",
    "401": "The key is missing or wrong.",
    "404": "The archive does not contain it.",
    "405": "The archive can only be read.",
    "414": "The URL is too long.",
    "421": "The server does not accept requests to this host name.",
    "431": "The request has too many headers.",
    "503": "The archive cannot be read at the moment, or the server has too many concurrent requests.",
    "504": "The database took too long.",
}


def document(root: str, *, with_key: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application that is mounted at *root*."""
    thread = _in_path("thread", "The id of a thread.")
    run = _in_path("run", "The id of a run.")
    security: list[dict[str, list[str]]] = [{"bearer": []}, {"api-key": []}] if with_key else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "runstore",
            "version": version("runstore"),
            "description": "The read API over an archive of assistant runs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root or "/"}],
        "security": security,
        "paths": {
            "/v1/threads/{thread}/runs": _get(
                "listThreadRuns", "List the runs of a thread.", "ThreadRuns", [thread, *_in_query(PAGE)]
            ),
            "/v1/threads/{thread}/runs/{run}": _get("getThreadRun", "Retrieve a run.", "Run", [thread, run]),
            "/v1/runs": _get(
                "listRuns",
                "List the runs that meet all filters.",
                "Runs",
                _in_query({**PAGE, "cursor": CURSOR, **OF_FILTERS}),
            ),
            "/v1/stats": _get(
                "getStatistics",
                "Count the runs that meet all filters, with their tokens, cost and durations, in total or by group.",
                "Statistics",
                _in_query({**STATISTICS, **OF_FILTERS}),
            ),
        },
        "components": {
            "schemas": {
                "Run": _RUN,
                "ThreadRuns": _LIST,
                "Runs": _PAGE_OF_RUNS,
                "Statistics": _STATISTICS,
                "Error": _ERROR,
            },
            "responses": {
                status: {"description": text, "content": _json("Error")} for status, text in _REFUSALS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
            },
        },
    }


def _get(name: str, text: str, schema: str, parameters: list[Schema]) -> Schema:
    known = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    known["description"] = "The ETag of a response that the client has stored."
    headers = {"ETag": {"description": "For a run, its digest.", "schema": {"type": "string"}}}
    responses: Schema = {
        "200": {"description": "As it is stored.", "headers": headers, "content": _json(schema)},
        "304": {"description": "The client already has the current response.", "headers": headers},
        **{status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS},
    }
    return {"get": {"operationId": name, "summary": text, "parameters": [*parameters, known], "responses": responses}}


def _json(schema: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _in_path(name: str, text: str) -> Schema:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _in_query(parameters: Mapping[str, Parameter]) -> list[Schema]:
    return [
        {
            "name": name,
            "in": "query",
            "description": parameter.help,
            "schema": parameter.schema
            if parameter.most == 1
            else {"type": "array", "items": parameter.schema, "maxItems": parameter.most},
        }
        for name, parameter in parameters.items()
    ]
