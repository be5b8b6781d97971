"""The OpenAPI document of the modelled operations, derived from their declarations, in FastAPI's form."""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Final, cast

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from fake_bluejay import __version__
from fake_bluejay.bluejay.modules import operations
from fake_bluejay.bluejay.published import MODELLED_IN
from fake_bluejay.core.readings import Readings
from fake_bluejay.http.operation import Operation, Parameter
from fake_bluejay.http.stubs import WITHOUT_BODY

_Part = tuple[Operation, str]
"""An operation, and a part of it that has a schema: the name of a parameter, `request` or `response`."""
_Inputs = list[tuple[_Part, JsonSchemaMode, TypeAdapter[Any]]]

_KEY_HEADER = {"name": "X-API-Key", "in": "header", "required": True, "schema": {"type": "string"}}

# As FastAPI 0.165 describes its own errors.
_ERRORS: dict[str, Any] = {
    "HTTPValidationError": {
        "title": "HTTPValidationError",
        "type": "object",
        "properties": {
            "detail": {
                "title": "Detail",
                "type": "array",
                "items": {"$ref": "#/components/schemas/ValidationError"},
            }
        },
    },
    "ValidationError": {
        "title": "ValidationError",
        "type": "object",
        "properties": {
            "loc": {
                "title": "Location",
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "msg": {"title": "Message", "type": "string"},
            "type": {"title": "Error Type", "type": "string"},
            "input": {"title": "Input"},
            "ctx": {"title": "Context", "type": "object"},
        },
        "required": ["loc", "msg", "type"],
    },
}

_DEFAULTS: Final = Readings()


@functools.cache
def content() -> bytes:
    """Return the bytes of the document, as the server sends them."""
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


def document(readings: Readings = _DEFAULTS) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the modelled operations.

    Args:
        readings: The readings that requests are described by.
    """
    modelled = sorted(operations(), key=lambda one: (one.path, one.method))
    inputs: _Inputs = []
    for operation in modelled:
        inputs += _inputs(operation, readings)
    schemas, defined = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in modelled:
        own = {name: schema for ((of, name), _), schema in schemas.items() if of is operation}
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, own)
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "fake Bluejay",
            "description": "The part of the Bluejay API that this fake models.",
            "version": __version__,
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**defined.get("$defs", {}), **_ERRORS}.items())),
            "securitySchemes": {"apiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
        "security": [{"apiKeyAuth": []}],
    }
    return cast(dict[str, Any], _without_nulls(described))


def _without_nulls(value: Any) -> Any:
    """Return a value without nulls, such as null defaults, which FastAPI leaves out."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _inputs(operation: Operation, readings: Readings) -> _Inputs:
    """Return the parts of an operation that have a schema."""
    parameters = {**operation.in_path, **operation.in_query}
    inputs: _Inputs = [
        ((operation, name), "validation", TypeAdapter(parameter.type)) for name, parameter in parameters.items()
    ]
    if operation.takes is not None:
        inputs.append(((operation, "request"), "validation", operation.request(readings)))
    return [*inputs, ((operation, "response"), "serialization", TypeAdapter(operation.returns))]


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    name = operation.answer.__name__
    described: dict[str, Any] = {
        "tags": [MODELLED_IN[operation.path].replace("_", " ").title()],
        "summary": name.replace("_", " ").title(),
        "description": operation.answer.__doc__,
        "operationId": re.sub(r"\W", "_", f"{name}{operation.path}_{operation.method.lower()}"),
        "parameters": [
            *(_parameter("path", *each, schemas) for each in operation.in_path.items()),
            *(_parameter("query", *each, schemas) for each in operation.in_query.items()),
            *([_KEY_HEADER] if operation.needs_key else []),
        ],
    }
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": _json(schemas["request"])}
        if (default := operation.default_body) is not None:
            schema = {**schemas["request"], "default": operation.takes.model_validate(default).model_dump(mode="json")}
            described["requestBody"] = {"content": _json(schema)}
    successful: dict[str, Any] = {"description": "Successful Response"}
    if operation.status not in WITHOUT_BODY:
        successful["content"] = _json(schemas["response"])
    described["responses"] = {
        str(operation.status): successful,
        "422": {
            "description": "Validation Error",
            "content": _json({"$ref": "#/components/schemas/HTTPValidationError"}),
        },
    }
    return described


def _parameter(where: str, name: str, parameter: Parameter, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = schemas[name] if parameter.required else {**schemas[name], "default": parameter.default}
    return {"name": name, "in": where, "required": parameter.required, "schema": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
