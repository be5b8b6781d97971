"""FastAPI's reading of a request before an endpoint sees it, and its words for errors.

Source of every behavior here: FastAPI 0.165 with Pydantic 2.14, which a test runs beside this and compares byte for
byte. Pydantic does the validating; this file reads the body, puts the errors in FastAPI's order, and renders them.
"""

from __future__ import annotations

import email.message
import functools
import json
import sys
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

Model = TypeVar("Model")

_FEWEST_DIGITS: Final = sys.int_info.str_digits_check_threshold
"""The number of digits that Python always reads. Pydantic's parser knows no limit, or not the one that is set."""
NOTHING: Final = object()
"""The body of a request that has none."""


class Invalid(Exception):
    """A request that does not validate: all its errors, in the order FastAPI lists them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors

    def response(self) -> Response:
        """Return the 422, or the 500 of FastAPI when it cannot render its own errors (NaN, lone surrogates)."""
        try:
            return JSONResponse({"detail": _jsonable(self.errors)}, status_code=422)
        except (ValueError, RecursionError):
            return PlainTextResponse("Internal Server Error", status_code=500)


def missing(*loc: str) -> dict[str, Any]:
    """Return the error for a required value that is missing."""
    return {"type": "missing", "loc": loc, "msg": "Field required", "input": None}


def read_body(content_type: bytes | None, body: bytes) -> Any:
    """Return the body as FastAPI hands it to validation: parsed if declared as JSON, else the bytes, or `NOTHING`.

    Raises `Invalid` for JSON that does not parse, and `HTTPException` 400 for a body that breaks the parser otherwise.
    """
    if not body:
        return NOTHING
    if not _is_json(content_type):
        return body
    if len(body) <= _FEWEST_DIGITS:
        try:
            return from_json(body)  # costs a tenth of `json`, which reads what this refuses, and words the errors
        except ValueError:
            pass
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise Invalid(
            [
                {
                    "type": "json_invalid",
                    "loc": ("body", error.pos),
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": error.msg},
                }
            ]
        ) from None
    except Exception:  # FastAPI answers this for every failure: not UTF-8, too deep, a number with too many digits
        raise HTTPException(400, "There was an error parsing the body") from None


def validated(
    adapter: TypeAdapter[Model], value: Any, loc: tuple[str, ...], errors: list[dict[str, Any]]
) -> Model | None:
    """Return a value as the type of the adapter; None if it is invalid.

    The problems are added to `errors`, each with its place below `loc`.
    """
    try:
        valid: Model = adapter.validator.validate_python(value, from_attributes=True)  # the adapter's own costs more
        return valid
    except ValidationError as error:
        found: list[Any] = error.errors(include_url=False)
        errors += [{**one, "loc": (*loc, *one["loc"])} for one in found]
        return None


def json_error(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error in the form that FastAPI gives an `HTTPException`."""
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)


@functools.lru_cache(maxsize=64)
def _is_json(content_type: bytes | None) -> bool:
    if not content_type:
        return False
    message = email.message.Message()
    message["content-type"] = content_type.decode("latin-1")
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def _jsonable(value: Any) -> Any:
    """Return a part of an error as FastAPI's encoder does: bytes become text, and keys that start `_sa` vanish."""
    if isinstance(value, dict):
        return {
            key: _jsonable(item) for key, item in value.items() if not (isinstance(key, str) and key.startswith("_sa"))
        }
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value
