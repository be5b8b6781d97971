"""The worlds of one server: one that organisations share, and one each for organisations that asked for their own.

A request goes to the world of its key; a control request to that of `?organisation=NAME`, or of its key. So test suites
that run at the same time, each with a key, do not meet.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.suggest import check_known, unknown
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.http.journal import EXCHANGE, Answer, Exchange, masked, printable
from fake_bluejay.http.operation import OWN_WORLD
from fake_bluejay.server.access import AccessLog
from fake_bluejay.server.app import Surface, is_control
from fake_bluejay.server.gate import Gate
from fake_bluejay.server.protocol import CONNECTION, Connection
from fake_bluejay.server.timekeeper import Timekeeper
from fake_bluejay.state.loaded_seed import MOST_WORLDS
from fake_bluejay.state.snapshot import ORGANISATION, dump, restore

_BRING_KEYS = (("POST", "organisations"), ("PUT", "state"), ("POST", "reset"))
"""The control requests after which a world may have other organisations."""


class _Tenant:
    """A world of the server, with its surface, its timekeeper, and the keys that lead to it."""

    def __init__(self, service: Service, reset: Callable[[], None], name: str | None = None, key: str = "") -> None:
        self.surface = Surface(service, reset)
        self.faults = service.armed.faults
        self.timekeeper = Timekeeper(service.world)
        service.world.on_attempt = self.timekeeper.look_soon
        self.name = name
        """The organisation whose own world it is; None for the shared world."""
        self.key = key
        """The key that always leads here; empty for the shared world."""
        self.leading: set[bytes] = set()
        """The keys that lead here now."""
        self.begun_with = self.organisations()
        """The organisations that a reset restores."""

    def organisations(self) -> list[dict[str, Any]]:
        """Return the organisations that the world has now, with their keys."""
        return list(map(ORGANISATION.dump, list(self.surface.service.world.organisations.values())))


class Worlds:
    """The ASGI application of a standalone server."""

    def __init__(
        self,
        service: Service,
        reset: Callable[[], None],
        *,
        make_service: Callable[[str], Service],
        gate: Gate,
        log: AccessLog | None = None,
        cors_origins: Sequence[str] = (),
    ) -> None:
        self._shared = _Tenant(service, reset)
        self._own: dict[str, _Tenant] = {}
        self._by_key: dict[bytes, _Tenant] = {}
        self._make_service = make_service
        self._gate = gate
        self._log = log
        self._cors: ASGIApp | None = None
        """Bluejay's API for pages of the origins that may call it; None if none may."""
        if cors_origins:
            self._cors = CORSMiddleware(
                self._bluejay, allow_origins=cors_origins, allow_methods=["*"], allow_headers=["*"]
            )
        self.save: Callable[[], Awaitable[Path]]
        """Writes the worlds to the file of `--save`, and returns its path. The server sets it."""

    # --- requests -----------------------------------------------------------------------------------------------

    def at_once(self, scope: Scope, content: bytes) -> Answer | None:
        """Return the answer to a request that waits for nothing; None for another, of which nothing is done yet."""
        if is_control(scope) or scope["method"] == "OPTIONS":  # their answers may need more than one step
            return None
        if self._cors is not None and any(name == b"origin" for name, _ in scope["headers"]):
            return None
        tenant = self._tenant_of(scope) if self._by_key else self._shared
        if tenant.faults:
            return None
        began = time.perf_counter()
        answer = tenant.surface.api.answer(scope, content)
        self._lead_to(tenant)  # it may have made a key
        tenant.timekeeper.look()
        if self._log is not None:
            self._log.add(scope, answer.status_code, time.perf_counter() - began)
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and log it."""
        began = time.perf_counter()
        status = detail = None
        try:
            if is_control(scope):
                status = await self._control(scope, receive, send)
            else:
                await (self._cors or self._bluejay)(scope, receive, send)
                detail = self._why_no_browser(scope)
        except asyncio.CancelledError:
            # The server stops, and has waited long enough: the client gets no answer, as if the service were gone.
            connection: Connection = scope["extensions"][CONNECTION]
            connection.abort()
            detail = "the server stopped, so there was no answer"
        if self._log is not None:
            exchange: Exchange | None = scope.get(EXCHANGE)
            if detail is None and exchange is not None and exchange.response is not None:
                status = exchange.response.status_code
            faults = exchange.faults if exchange is not None else ()
            if status is not None or faults or detail is not None:
                self._log.add(scope, status, time.perf_counter() - began, faults, detail)

    async def _bluejay(self, scope: Scope, receive: Receive, send: Send) -> None:
        tenant = self._tenant_of(scope)
        await tenant.surface(scope, receive, send)
        self._lead_to(tenant)  # it may have made a key
        tenant.timekeeper.look()

    def _why_no_browser(self, scope: Scope) -> str | None:
        """Return the advice to log for a CORS preflight request that is refused; None for any other request."""
        if scope["method"] != "OPTIONS" or self._cors is not None:
            return None
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None or b"access-control-request-method" not in headers:
            return None
        return f"a page asks whether it may call: --cors-origin {printable(origin.decode('latin-1'))[:200]} lets it"

    def _tenant_of(self, scope: Scope) -> _Tenant:
        """Return the world that a request belongs to, by its key, or by the name in the address of a transcript."""
        tenant = self._named(scope) or self._of_key(scope)
        if tenant.name is not None:
            scope[OWN_WORLD] = tenant.name
        return tenant

    def _named(self, scope: Scope) -> _Tenant | None:
        if not scope["path"].startswith("/fake/"):
            return None
        return self._own.get(dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("organisation", ""))

    def _of_key(self, scope: Scope) -> _Tenant:
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                return self._by_key.get(value, self._shared)
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                return self._by_key.get(value[7:], self._shared)
        return self._shared

    # --- control ------------------------------------------------------------------------------------------------

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> int | None:
        """Answer a control request. Returns the status; None if there was no answer."""
        status: int | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        response = self._gate.refusal(scope)
        if response is None:
            try:
                response = await self._answer_control(scope, receive, noting)
            except (ValueError, OSError) as error:
                response = JSONResponse({"detail": str(error)}, status_code=400)
        if response is not None:
            await response(scope, receive, noting)
        return status

    async def _answer_control(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Return the answer to a control request, unless one world's own control API answers it."""
        from fake_bluejay.control.app import each_once  # loaded with the first control request, like `Surface.control`

        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        name = each_once([one for one in query if one[0] == "organisation"]).get("organisation")
        called = scope["method"], scope["path"].removeprefix("/_fake/")
        if called in (*_BRING_KEYS, ("POST", "save")):  # some of these are answered here
            for parameter, _ in query:
                check_known("parameter", parameter, ("organisation",))
        if called == ("POST", "save"):
            return JSONResponse({"saved": str(await self.save())})
        if called == ("GET", "organisations") and name is None and self._own:
            return await self._organisations(scope, receive)
        tenant = self._tenant_of(scope) if name is None else self._own.get(name, self._shared)
        if name in self._own:  # the rest of the request concerns that world alone
            rest = [one for one in query if one[0] != "organisation"]
            scope = {**scope, "query_string": urlencode(rest).encode()}
        elif name is not None:
            organisations = self.world.organisations
            if name not in organisations:
                return JSONResponse({"detail": unknown("organisation", name, [*organisations, *self._own])}, 404)
            if called == ("POST", "reset"):
                return self._clear(name)
        if called in _BRING_KEYS:
            content = await _body(receive)
            asked = _json_object(content)
            if asked is not None:
                if called[1] == "organisations" and name is None and asked.get("world") is not None:
                    return self._add_own(asked)
                if called[1] == "state" and tenant is not self._shared:
                    content = _with_its_own_key(asked, tenant.key)
            self._check_brought(called, asked or {}, tenant)
            receive = _replay(content)
        await tenant.surface.control(scope, receive, send)
        self._lead_to(tenant)
        tenant.timekeeper.plan()
        return None

    def _add_own(self, asked: dict[str, Any]) -> Response:
        """Add an organisation with a world of its own."""
        name, key, world = asked.get("name"), asked.get("api_key"), asked["world"]
        if world != "own":
            raise ValueError(f"world: 'own' or nothing, not {world!r}; without it, all organisations share one world")
        for field in asked:
            check_known("field of an organisation", field, ("name", "api_key", "world"))
        if not isinstance(name, str) or not name:
            raise ValueError(f"name: a text is needed, not {name!r}")
        if not isinstance(key, str) or not key or not key.isascii():
            raise ValueError("api_key: a text of ASCII characters is needed, the key that leads to this world")
        self.add(name, key)
        return JSONResponse({"name": name, "api_keys": [masked(key)], "world": "own"}, status_code=201)

    def add(self, name: str, api_key: str, service: Service | None = None) -> None:
        """Add a world of its own for an organisation, an empty one or a given one.

        Raises:
            ValueError: The name or the key is taken.
        """
        self._check_name(name, self._own, self.world.organisations)
        if len(self._own) >= MOST_WORLDS:
            raise ValueError(f"there are {MOST_WORLDS} worlds already, which is the most")
        self._check_keys([api_key], None)
        its = service or self._make_service(api_key)
        start = None if service is None else dump(service.world)

        def reset() -> None:
            its.reset()
            if start is not None:
                restore(its.world, start)

        tenant = self._own[name] = _Tenant(its, reset, name, api_key)
        self._lead_to(tenant)

    def _lead_to(self, tenant: _Tenant) -> None:
        """Let the keys that the organisations in a world of its own have now lead there, and no others."""
        if tenant is not self._shared:
            for key in tenant.leading:
                del self._by_key[key]
            tenant.leading = set(map(_encoded, _keys(tenant.organisations())))
            self._by_key.update(dict.fromkeys(tenant.leading, tenant))

    def _check_brought(self, called: tuple[str, str], asked: dict[str, Any], tenant: _Tenant) -> None:
        """Check that a request may bring its organisations to a world, beside the others.

        Raises:
            ValueError: A key leads to another world, or an organisation of the shared world has the name of one with
                its own: `?organisation=` would not distinguish them.
        """
        by_path = {"organisations": [asked], "state": asked.get("organisations"), "reset": tenant.begun_with}
        brought: Any = by_path[called[1]]
        # The control API refuses other data than lists and objects.
        organisations = [one for one in brought if isinstance(one, dict)] if isinstance(brought, list) else []
        self._check_keys(_keys(organisations), tenant)
        if tenant is self._shared:
            for one in organisations:
                self._check_name(one.get("name"), self._own)

    def _check_name(self, name: Any, *taken: Collection[str]) -> None:
        if isinstance(name, str) and any(name in names for names in taken):
            raise ValueError(
                f"there is an organisation {name!r} already; POST /_fake/reset?organisation={name} empties it"
            )

    def _check_keys(self, keys: Iterable[str], tenant: _Tenant | None) -> None:
        """Raise `ValueError` if one of the keys leads to another world than that of this tenant."""
        for key in keys:
            elsewhere = self._by_key.get(_encoded(key), tenant) is not tenant
            if elsewhere or (tenant is not self._shared and self.world.organisations.by_key.get(key) is not None):
                raise ValueError("the API key given belongs to another organisation already")

    async def _organisations(self, scope: Scope, receive: Receive) -> Response:
        """List the organisations that share a world, as its control API does, and those that have their own."""
        listed = b""
        status = 200

        async def keep(message: Message) -> None:
            nonlocal listed, status
            status = message.get("status", status)
            listed += message.get("body", b"")

        await self._shared.surface.control(scope, receive, keep)
        organisations = json.loads(listed)
        if status == 200 and isinstance(organisations, list):
            organisations += [
                {"name": name, "api_keys": [masked(tenant.key)], "world": "own"} for name, tenant in self._own.items()
            ]
        return JSONResponse(organisations, status)

    def _clear(self, name: str) -> Response:
        """Forget the test results of an organisation that shares a world."""
        world = self._shared.surface.service.world
        with world.lock:
            own = [id for id, record in world.results.items() if record.organisation == name]
            for id in own:
                world.remove_test_result(id)
        self._shared.timekeeper.plan()
        return JSONResponse({"organisation": name, "removed": len(own)})

    # --- the whole ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to keep time. Call this on the event loop."""
        for tenant in self._tenants():
            tenant.timekeeper.plan()

    def end_streams(self) -> None:
        """Close the event streams of all worlds."""
        for tenant in self._tenants():
            tenant.surface.service.events.end()

    def end(self) -> None:
        """Stop the timekeepers of all worlds."""
        for tenant in self._tenants():
            tenant.timekeeper.stop()

    def _tenants(self) -> list[_Tenant]:
        return [self._shared, *self._own.values()]

    def dump(self) -> dict[str, Any]:
        """Return every world, as `--save` writes them and `--seed` takes them."""
        whole = dump(self._shared.surface.service.world)
        if self._own:
            whole["own_worlds"] = [
                {
                    "name": name,
                    "api_key": tenant.key,
                    "world": dump(tenant.surface.service.world),
                }
                for name, tenant in self._own.items()
            ]
        return whole

    @property
    def world(self) -> World:
        """The world that organisations share."""
        return self._shared.surface.service.world


def _keys(organisations: Iterable[dict[str, Any]]) -> list[str]:
    """Return the keys of organisations that are given as a dump or a request has them."""
    keys = []
    for one in organisations:
        several = one.get("api_keys")
        keys += [one.get("api_key"), *(several if isinstance(several, list) else ())]
    return [key for key in keys if isinstance(key, str)]


def _encoded(key: str) -> bytes:
    """Return a key as it stands in a header; a key that no header can have is refused later."""
    return key.encode(errors="surrogatepass")


def _with_its_own_key(state: dict[str, Any], key: str) -> bytes:
    """Return a dump for a world of its own, whose default organisation keeps the key that leads there."""
    organisations = state.get("organisations")
    for one in organisations if isinstance(organisations, list) else ():
        if isinstance(one, dict) and one.get("name") == DEFAULT_ORGANISATION:
            one["api_keys"] = [key]
    return json.dumps(state).encode()


def _json_object(content: bytes) -> dict[str, Any] | None:
    """Return a body as parsed JSON; None if it is no object that the control API accepts."""
    from fake_bluejay.control.app import json_object

    try:
        return json_object(content)
    except ValueError:
        return None


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(content: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive
