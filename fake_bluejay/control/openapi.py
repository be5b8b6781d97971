"""The OpenAPI document of the control API, made of the table of operations and the models that validate requests."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from fake_bluejay import __version__
from fake_bluejay.control import models
from fake_bluejay.control.operations import OPERATIONS, ControlOperation
from fake_bluejay.core.events import KINDS

_REF = "#/components/schemas/{model}"

_ORGANISATION = {
    "name": "organisation",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "The organisation whose world is meant. If it shares its world, only its test results can be listed,"
    " added, read, changed, removed and, on a standalone server, reset; all else is refused.",
}


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document as data that JSON can carry.

    Every caller gets the same object, so copy it before changing it.
    """
    takes = [(operation.takes, "validation") for operation in OPERATIONS if operation.takes is not None]
    answers: list[tuple[Any, TypeAdapter[Any]]] = [(one, TypeAdapter(one.gives)) for one in OPERATIONS]
    answers.append((None, TypeAdapter(models.Message)))
    _, schemas = models_json_schema(takes, ref_template=_REF)  # type: ignore[arg-type]
    answer_of, answer_schemas = TypeAdapter.json_schemas(
        [(one, "serialization", adapter) for one, adapter in answers], ref_template=_REF
    )
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/_fake/{operation.path}", {})[operation.method.lower()] = _operation(
            operation, answer_of[operation, "serialization"]
        )
    paths["/_fake/events"] = {"get": _events()}
    paths["/_fake/save"] = {"post": _save()}
    for methods in paths.values():
        for described in methods.values():
            described.setdefault("parameters", []).append(_ORGANISATION)
    return {
        "openapi": "3.1.0",
        "info": {"title": "fake Bluejay: control API", "version": __version__},
        "paths": paths,
        "components": {"schemas": {**answer_schemas.get("$defs", {}), **schemas.get("$defs", {})}},
    }


def _operation(operation: ControlOperation, answer: Any) -> dict[str, Any]:
    text = " ".join((operation.answer.__doc__ or "").split())
    described: dict[str, Any] = {
        "operationId": operation.answer.__name__,
        "tags": ["control"],
        "summary": text.split(". ")[0].rstrip("."),
        "description": text,
        "responses": {
            str(operation.status): _content("Done", answer),
            "400": _content("The request is not valid", {"$ref": _REF.format(model="Message")}),
        },
    }
    parameters = []
    if "{name}" in operation.path:
        parameters.append({"name": "name", "in": "path", "required": True, "schema": {"type": "string"}})
    if "{id}" in operation.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": operation.id}})
    if parameters:
        described["responses"]["404"] = _content("There is no such object", {"$ref": _REF.format(model="Message")})
    for name, schema in operation.query.model_json_schema()["properties"].items():
        if name != "organisation":  # every operation has it
            parameters.append({"name": name, "in": "query", "required": False, "schema": schema})
    if parameters:
        described["parameters"] = parameters
    if operation.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=operation.takes.__name__)}}},
        }
    return described


def _save() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"saved": {"type": "string"}}, "required": ["saved"]}
    return {
        "operationId": "save",
        "tags": ["control"],
        "summary": "Write the world to the file that `serve --save FILE` named",
        "responses": {
            "200": _content("The file that was written", schema),
            "400": _content("There is no such file", {"$ref": _REF.format(model="Message")}),
        },
    }


def _content(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _events() -> dict[str, Any]:
    return {
        "operationId": "events",
        "tags": ["control"],
        "summary": "Every change, as server-sent events",
        "description": f"Events: {', '.join(KINDS)}, for each resource `agent-added`, `agent-changed`, `agent-removed`,"
        " and `resync` when changes were missed: then read the present state anew.",
        "parameters": [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "Go on after this event.",
            }
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": _content("The request is not valid", {"$ref": _REF.format(model="Message")}),
            "503": _content("Too many streams are open", {"$ref": _REF.format(model="Message")}),
        },
    }
