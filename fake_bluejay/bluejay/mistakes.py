"""Errors of Pydantic in words for people: the needed value, and the given one. Callers add the place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from fake_bluejay.core.suggest import Place, instead_of, unknown

_MOMENT = "a moment, e.g. 2026-01-01T00:00:30Z"

_NEEDED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "datetime_type": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_parsing": _MOMENT,
    "timezone_aware": "a moment with its time zone, e.g. 2026-01-01T00:00:30Z",
}
"""A type of error → the needed value, in words."""

WRONG_TYPES: Final = frozenset(_NEEDED)
"""The types of errors of a value that has another type than the needed one."""


def what_is_wrong(error: Any) -> str:
    """Return an error, one of `ValidationError.errors()`, in words, without its place."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "missing":
        return "missing"
    needed = _NEEDED.get(error["type"])
    said = f"{error['msg'][:1].lower()}{error['msg'][1:]}" if needed is None else f"{needed} is needed"
    return f"{said}, {instead_of(error['loc'], error['input'])}"


def first_mistake(errors: ValidationError, what: str = "") -> str:
    """Return the first error in words, with its place.

    Args:
        errors: The errors.
        what: A description of the data, e.g. ` of an agent`, to stand behind the place.
    """
    first = errors.errors()[0]
    return f"{_place(first)}{what}: {what_is_wrong(first)}"


def misfits(model: type[BaseModel], stored: Mapping[str, Any]) -> dict[Place, str]:
    """Return what is wrong with stored data that a model describes, by the place; empty if nothing is.

    A value must be of the type itself: `"5"` is no integer here, as it is in a request.
    """
    try:
        text = json.dumps(stored, allow_nan=False)
    except (TypeError, ValueError) as error:
        return {(): f"JSON is needed: {error}"}
    try:
        model.model_validate_json(text, strict=True)
    except ValidationError as error:
        return mistakes_by_place(error, stored)
    return {}


def mistakes_by_place(errors: ValidationError, data: Any) -> dict[Place, str]:
    """Return the first error of each field of an object in words, by its place in the object.

    Further errors of a field may only follow from the first: each of several models says why it does not fit.
    """
    found: dict[Any, tuple[Place, str]] = {}
    for error in errors.errors(include_url=False):
        found.setdefault(error["loc"][:1], (place_in(data, error), what_is_wrong(error)))
    return dict(found.values())


def place_in(data: Any, error: Any) -> Place:
    """Return the place of one of Pydantic's errors in the data, without the names of models and of validators in it."""
    place: list[str | int] = []
    for number, part in enumerate(error["loc"], 1):
        is_missing = error["type"] == "missing" and number == len(error["loc"])
        if isinstance(part, int) or (isinstance(data, dict) and (part in data or is_missing)):
            place.append(part)
            data = None if is_missing else data[part]
    return tuple(place)


def pydantics_messages(errors: ValidationError) -> list[str]:
    """Return each error in Pydantic's own words, with its place, for the answers of Bluejay's that list errors."""
    return [f"{_place(one)}: {one['msg']}" for one in errors.errors()]


def _place(error: Any) -> str:
    return ".".join(map(str, error["loc"]))


def unknown_name(model: type[BaseModel], place: tuple[str | int, ...], kind: str = "field") -> str:
    """Return a message about a name that is not one of a model's.

    Args:
        model: The model that has refused the data.
        place: The place of the name, as an error gives it.
        kind: The kind of name, unless the model has a `field_kind`.
    """
    kinds = (one.field_kind for one in _models_at(model, place[:-1]) if hasattr(one, "field_kind"))
    return unknown(next(kinds, kind), place[-1], names_at(model, place[:-1]))


def names_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """Return the names that a model allows at a place, which an error gives."""
    models = _models_at(model, place)
    return list(dict.fromkeys(field.alias or name for one in models for name, field in one.model_fields.items()))


def _models_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[type[BaseModel]]:
    models = list(models_in(model))
    for part in place:
        inner = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        if inner:
            models = [one for annotation in inner for one in models_in(annotation)]
        else:  # a number in a list, or the tag of one of several models
            models = [one for one in models if part in _tags(one)] or models
    return models


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ()


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation consists of; for a list, the model of its items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        root = annotation.model_fields.get("root")
        if root is None:
            yield annotation
        else:
            yield from models_in(root.annotation)
    for inner in get_args(annotation):
        yield from models_in(inner)
