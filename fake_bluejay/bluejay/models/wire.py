"""The base of all shapes on the wire, and shapes that follow from others."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

Positive = Annotated[int, Field(gt=0)]
"""An integer above 0."""

DEPRECATED: Final = Field(json_schema_extra={"deprecated": True})
"""Marks a field as deprecated in the OpenAPI document. Reading one that Pydantic's own mark has would warn."""

PAGE: Final = {"total_count": int, "page": int, "page_size": int, "total_pages": int}
"""The fields of most pages, after the list."""


class Wire(BaseModel):
    """A shape on the wire. It is made ready when it is first used: there are many, and a test uses few."""

    model_config = ConfigDict(defer_build=True)


def shape(name: str, description: str, /, **fields: Any) -> type[Wire]:
    """Return a shape of an answer that only `Operations` fills, such as a list in an envelope.

    Args:
        name: The published name of the shape.
        description: Its description in the OpenAPI document.
        **fields: The fields, in order: each a type, or a type with a default.
    """
    return create_model(name, __base__=Wire, __doc__=description, **_with_defaults(fields))


def of_openapi(request: type[Wire], **fields: Any) -> type[Wire]:
    """Return a request as the OpenAPI describes it: with other types of some fields.

    Args:
        request: The request, as the documentation describes it.
        **fields: The fields that differ: each a type, or a type with a default.
    """
    description = f"{(request.__doc__ or '').rstrip('.')}, as the OpenAPI describes it."
    name = f"{request.__name__}OfOpenApi"
    return create_model(name, __base__=request, __doc__=description, **_with_defaults(fields))


def like(model: type[Wire], name: str, description: str, fields: str = "", /, **own: Any) -> type[Wire]:
    """Return a shape with fields of another one, each null unless it is given: a change of an entity, or an answer.

    Args:
        model: The other shape, which says the types.
        name: The published name of the new one.
        description: Its description in the OpenAPI document.
        fields: The names of its fields, in the published order; by default, those of the other shape.
        **own: The fields that the other shape does not have, or has otherwise: each a type, or a type with a default.
    """
    own = _with_defaults(own)
    names = fields.split() or model.model_fields
    kept: dict[str, Any] = {one: own.get(one) or (stored_type(model.model_fields[one]) | None, None) for one in names}
    return create_model(name, __base__=Wire, __doc__=description, **kept)


def stored(request: type[Wire], /, without: Container[str] = (), **fields: Any) -> type[Wire]:
    """Return the shape of an entity as it is stored: the fields of the request that creates it, none of them missing.

    Args:
        request: The request.
        without: The fields that are not stored as they are.
        **fields: The fields that are stored besides or otherwise: each a type, or a type with a default.
    """
    names = (name for name in request.model_fields if name not in without)
    kept = {name: stored_type(request.model_fields[name]) for name in names}
    return create_model(f"Stored{request.__name__}", __base__=Wire, **_with_defaults(kept | fields))


def stored_type(field: FieldInfo) -> Any:
    """Return the type of a field with its rules, without its aliases and its default."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _with_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    # An ellipsis says the same as `Field()`, but Pydantic 2.6 took it for the default of a type that has rules.
    return {name: one if isinstance(one, tuple) else (one, Field()) for name, one in fields.items()}
