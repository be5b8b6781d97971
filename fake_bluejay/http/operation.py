"""An operation of Bluejay's: its parameters, its models, and the function that answers it, as in FastAPI."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Scope

from fake_bluejay.core.errors import Conflict, DomainError, Foreign, NotFound, Refused
from fake_bluejay.core.readings import BadKeyAndBadBody, BearerKey, ForeignResource, MissingKey, Readings, UnknownKey
from fake_bluejay.core.resources import Entity
from fake_bluejay.core.world import World
from fake_bluejay.http.errors import NOTHING, Invalid, json_error, missing, read_body, validated
from fake_bluejay.http.journal import Answer
from fake_bluejay.http.stubs import WITHOUT_BODY

STATE = "fake_bluejay"
"""The key under which a request's scope carries its `ApiCall`."""

OWN_WORLD = "fake_bluejay.own_world"
"""The key under which a request's scope carries the name of the organisation whose own world it is for, if any."""

RequestHeaders = Mapping[bytes, bytes]
"""The headers, by lower-case name: the first, if there are several of one name."""
Unwritable = Callable[[Collection[int]], Collection[int]]

_REQUIRED: Any = object()


class AnsweredEarly(Exception):
    """A request that is answered before its operation sees it."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Parameter:
    """A parameter of a request: its type, and the default if it may be left out."""

    def __init__(self, type: Any, default: Any = _REQUIRED, *, many: bool = False) -> None:
        self.type = type
        self.default = default
        self.many = many
        """True if a request may give it several times; the value is then a list."""

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.type)

    def build(self) -> None:
        """Build the adapter at once, and not at the first use."""
        self._adapter  # noqa: B018

    @property
    def required(self) -> bool:
        """True if a request without it is refused."""
        return self.default is _REQUIRED

    def read(self, where: str, name: str, given: Mapping[str, Any], errors: list[dict[str, Any]]) -> Any:
        """Return the value in a request. Problems are added to `errors`."""
        if name not in given:
            if self.required:
                errors.append(missing(where, name))
            return self.default
        return validated(self._adapter, given[name], (where, name), errors)


class ApiCall:
    """A request on its way to an operation, which answers it under the world's lock, and its answer."""

    __slots__ = (
        "answer", "content", "headers", "organisation", "parameters", "request", "scope", "unwritable", "world",
    )  # fmt: skip

    answer: Answer
    """The application's answer, once there is one."""
    organisation: str
    """The caller's. This field and the next two are set once the request is found to be valid."""
    parameters: dict[str, Any]
    """The parameters in the path and in the query, by name."""
    request: Any
    """The body as the operation's model; None if the operation takes none."""

    def __init__(
        self,
        world: World,
        scope: Scope,
        headers: RequestHeaders,
        content: bytes = b"",
        unwritable: Unwritable | None = None,
    ) -> None:
        self.world = world
        self.scope = scope
        self.headers = headers
        self.content = content
        """The body, as it was sent."""
        self.unwritable = unwritable
        """Given the ids to be marked, returns those whose control objects a fault keeps from being written."""

    async def record(self, message: Message) -> None:
        """Keep the answer of an application that sends it in messages, as an ASGI `send`."""
        if message["type"] == "http.response.start":
            self.answer = Answer(message["status"], list(message["headers"]), b"")
        else:
            self.answer.content += message.get("body", b"")

    def require(self, resource: str, id: object) -> Entity:
        """Return an entity that the caller can see, by the name of its resource. Raises `NotFound`.

        The id may be written in any way that `Ids.read` reads.
        """
        return self.world.resources.require(resource, id, self.organisation)

    def require_all(self, resource: str, ids: Iterable[object]) -> list[Entity]:
        """Return the entities of these ids, each once. Raises `NotFound` if the caller cannot see one of them."""
        return list(dict.fromkeys(self.require(resource, id) for id in ids))

    @property
    def origin(self) -> str:
        """The scheme and the host that the request was sent to, as `https://api.getbluejay.ai`."""
        return f"{self.scope.get('scheme', 'http')}://{self.header(b'host')}"

    def own_url(self, path: str) -> str:
        """Return the URL of a path of the fake's own, which is served without a key in the same world."""
        world = self.scope.get(OWN_WORLD)
        return f"{self.origin}{path}" + ("" if world is None else f"?{urlencode({'organisation': world})}")

    def header(self, name: bytes) -> str:
        """Return a header by its name in lower case; empty if there is none."""
        return self.headers.get(name, b"").decode("latin-1")


class Operation:
    """An operation, which is answered under the world's lock.

    Args:
        method: The method.
        path: The path, with its parameters in braces.
        answer: Returns a response, or what `returns` describes, for an `ApiCall`. An `HTTPException` becomes its
            answer, and a `DomainError` the one that `answer_to` says.
        returns: The type of the answer's body.
        takes: The model of the request's body by the default readings, or a union of models; None without a body.
        takes_under: Choice of a reading → the model of the body instead. The first choice that is made counts.
        path_types: The types of parameters in the path that are no strings.
        query: The parameters in the query.
        needs_key: False if requests need no key; then their organisation is empty.
        status: The status of the answer; with one such as 204 it has no body.
        reads_bytes: True if `answer` reads `ApiCall.content` itself, and not JSON by a model.
        default_body: The body of requests that leave it out.
    """

    def __init__(
        self,
        method: str,
        path: str,
        answer: Callable[[ApiCall], Any],
        *,
        returns: Any,
        takes: Any = None,
        takes_under: Mapping[StrEnum, Any] | None = None,
        path_types: Mapping[str, Any] | None = None,
        query: Mapping[str, Parameter] | None = None,
        needs_key: bool = True,
        status: int = 200,
        reads_bytes: bool = False,
        default_body: Mapping[str, Any] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.answer = answer
        self.takes = takes
        self.takes_under = dict(takes_under or {})
        self._requests: dict[StrEnum | None, TypeAdapter[Any]] = {}
        self.returns = returns
        self.in_path = {name: Parameter((path_types or {}).get(name, str)) for name in re.findall(r"{(\w+)}", path)}
        self.in_query = dict(query or {})
        self.needs_key = needs_key
        self.status = status
        self.reads_bytes = reads_bytes
        self.default_body = default_body

    def moved_to(self, path: str) -> Operation:
        """Return the same operation at another path, which has the same parameters."""
        moved = copy.copy(self)
        moved.path = path
        assert re.findall(r"{(\w+)}", path) == list(self.in_path), f"{path} has other parameters than {self.path}"
        return moved

    # Adapters are made on first use: an application has many operations, a test uses few.
    def request(self, readings: Readings) -> TypeAdapter[Any]:
        """Return the adapter of the body by these readings."""
        choice = next(filter(readings.chosen, self.takes_under), None)
        if (adapter := self._requests.get(choice)) is None:
            takes = self.takes if choice is None else self.takes_under[choice]
            adapter = self._requests[choice] = TypeAdapter(takes)
        return adapter

    @cached_property
    def _response(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.returns)

    def respond(self, call: ApiCall) -> Answer:
        """Return the answer to a request."""
        world = call.world
        try:
            body = read_body(call.headers.get(b"content-type"), call.content) if self.takes else None
            with world.lock:
                self._read(call, body)
                return self._render(self.answer(call))
        except Invalid as invalid:
            response = invalid.response()
        except AnsweredEarly as refused:
            response = refused.response
        except DomainError as error:
            response = answer_to(error, world.readings)
        except HTTPException as error:
            response = json_error(error.status_code, error.detail)
        return Answer.of(response)

    def _read(self, call: ApiCall, body: Any) -> None:
        """Validate a request; all problems are reported together, in FastAPI's order."""
        errors: list[dict[str, Any]] = []
        parameters: dict[str, Any] = {}
        for name, parameter in self.in_path.items():
            parameters[name] = parameter.read("path", name, call.scope["path_params"], errors)
        if self.in_query:
            pairs = parse_qsl(call.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
            given: dict[str, Any] = dict(pairs)
            for name, parameter in self.in_query.items():
                if parameter.many and name in given:
                    given[name] = [value for key, value in pairs if key == name]
                parameters[name] = parameter.read("query", name, given, errors)
        organisation = _organisation(call.world, call.headers, errors) if self.needs_key else ""
        call.parameters, call.request = parameters, None
        if self.takes is not None:
            if body is NOTHING:
                body = self.default_body or NOTHING
            if body is NOTHING:
                errors.append(missing("body"))
            else:
                call.request = validated(self.request(call.world.readings), body, ("body",), errors)
        if errors:
            raise Invalid(errors)
        if isinstance(organisation, AnsweredEarly):
            raise organisation
        call.organisation = organisation

    def _render(self, answer: Any) -> Answer:
        if isinstance(answer, Response):
            return Answer.of(answer)
        if self.status in WITHOUT_BODY:
            return Answer(self.status, [(b"content-type", b"application/json")], b"")
        if isinstance(answer, BaseModel):  # the adapter would do as well, and slower
            content = answer.__pydantic_serializer__.to_json(answer)
        else:
            content = self._response.dump_json(self._response.validate_python(answer))
        headers = [(b"content-length", b"%d" % len(content)), (b"content-type", b"application/json")]
        return Answer(self.status, headers, content)


_STATUSES: dict[type[DomainError], int] = {NotFound: 404, Foreign: 404, Conflict: 409, Refused: 400}


def answer_to(error: DomainError, readings: Readings) -> Response:
    """Return the answer to a request that a rule forbids; for another organisation's entity, a reading decides."""
    if isinstance(error, Foreign):
        reading = getattr(readings, f"foreign_{error.kind.replace(' ', '_')}", readings.foreign_other)
        if reading is ForeignResource.FORBIDDEN:
            # The wording is nowhere documented: ours, and nothing for a client to rely on.
            return json_error(403, f"{error.detail.removesuffix(' not found')} is not in your organization")
    return json_error(_STATUSES[type(error)], error.detail)


def key_in(headers: RequestHeaders, readings: Readings) -> str | None:
    """Return the API key that a request has; None without one."""
    key = headers.get(b"x-api-key")
    if key is None and readings.bearer_key is BearerKey.SERVES:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        key = token.strip() if scheme.lower() == b"bearer" else None
    return None if key is None else key.decode("latin-1")


def _organisation(world: World, headers: RequestHeaders, errors: list[dict[str, Any]]) -> str | AnsweredEarly:
    """Return the caller's organisation, or the refusal that is due if the request is otherwise valid.

    Args:
        world: The world with the organisations' keys and the readings.
        headers: The request's.
        errors: The request's errors so far; a missing key is added to them if the readings say so.

    Raises:
        AnsweredEarly: The key is bad, and a reading says that it is looked at before the rest.
    """
    readings = world.readings
    if (key := key_in(headers, readings)) is not None:
        organisation = world.organisation_of(key)
        if organisation is not None:
            return organisation
        refused = AnsweredEarly(_REFUSALS[readings.unknown_key]("Invalid API key"))
    else:
        if readings.missing_key is MissingKey.UNPROCESSABLE:
            errors.append(missing("header", str(readings.missing_key_name)))
            return ""
        refused = AnsweredEarly(_REFUSALS[readings.missing_key]("Missing API key"))
    if readings.bad_key_and_bad_body is BadKeyAndBadBody.KEY_FIRST:
        raise refused
    return refused


# The wording is nowhere documented: ours, and nothing for a client to rely on.
_REFUSALS: dict[str, Callable[[str], Response]] = {
    UnknownKey.UNAUTHORIZED_DETAIL: lambda detail: json_error(401, detail),
    UnknownKey.UNAUTHORIZED_ERROR_AND_DETAIL: lambda detail: JSONResponse(
        {"error": "Unauthorized", "detail": detail}, status_code=401
    ),
    UnknownKey.FORBIDDEN: lambda detail: json_error(403, detail),
}
"""The answers to a bad key, missing or unknown: both readings have these choices by the same names."""
