"""A fake that is served by another process, with the interface of one in this process.

Rules of this file:
- Nothing of the server's state is kept here: each look at it is a request to the control API under `/_fake`.
- An argument that is wrong in any state of the server is refused here, in the words of a fake in this process: a part
  of such a fake takes it first, and is then thrown away.
- The control API's data becomes the core's own records, so that views, assertions and reports are the same.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, Self, cast
from urllib.parse import quote, urlencode

from fake_bluejay.bluejay.calls import checked_call
from fake_bluejay.bluejay.models.results import check_fields
from fake_bluejay.bluejay.service import OWN_FIELDS
from fake_bluejay.core.behaviors import Agent, agent_of
from fake_bluejay.core.clock import instant_of, microseconds
from fake_bluejay.core.outbox import Delivery, Irregularity, WebhookRecord, encoded
from fake_bluejay.core.readings import Readings
from fake_bluejay.core.scripts import Call, call_from_dict
from fake_bluejay.core.statuses import Event, status_from_text
from fake_bluejay.core.test_results import Record, check_id
from fake_bluejay.core.timers import Timer
from fake_bluejay.core.world import World
from fake_bluejay.facade.handles import FakeClock, Snapshot, data_of
from fake_bluejay.facade.protocols import Bluejay, check_alike
from fake_bluejay.facade.results import TestResult
from fake_bluejay.facade.webhooks import Webhooks
from fake_bluejay.http.faults import Fault, Faults
from fake_bluejay.http.journal import Answer, Exchange, Headers, Journal, Requests
from fake_bluejay.http.stubs import Stubs
from fake_bluejay.intercept.clockwork import CLOCKWORK
from fake_bluejay.state import snapshot as dumps
from fake_bluejay.state.commands import Command, NewEntity, NewRun, NewTestResult, validated

_TIMEOUT = 30
"""The time in which the server has to answer, in seconds."""
_AT_ONCE = 10_000
"""The most test results that one request adds, and the most requests or deliveries that one answer lists."""


class RemoteBluejay(Bluejay):
    """A served fake, as `FakeBluejay.connect(url)` returns it.

    As a context manager it sets `BLUEJAY_API_URL`, `BLUEJAY_OTLP_ENDPOINT` and `BLUEJAY_API_KEY` until its end. A
    refusal of the server raises what a fake in this process would raise (`ValueError`, `KeyError`); a server that does
    not answer raises `ConnectionError`.

    With an organisation, the clock, the faults and everything else belong to a world of that organisation alone.

    Differences from `FakeBluejay`: keys in `requests` are masked. A fault or stub that met no request is not an error
    at the end, because somebody else may have armed it on the server, and a request may still come; `bluejay.faults`
    has the armed ones, each with `met`. The receiver of a webhook is the URL of a server, and only
    `webhooks.deliveries` waits for it.
    """

    def __init__(self, url: str, organisation: str | None = None) -> None:
        self._control = _Control(url, organisation)
        self._world = cast(World, _FarWorld(self._control))
        self._environment: dict[str, str | None] = {}
        if self._control("GET", "health", of_all=True) != {"status": "ok"}:
            raise ConnectionError(f"what answers at {url} is no fake Bluejay")
        self.clock = RemoteClock(self._world, self._control)
        self.faults: Faults = _FarFaults(self._control)
        self.webhooks: Webhooks = _FarWebhooks(self._control, self._world)
        if organisation is not None:
            self._ensure_organisation(organisation)

    def _ensure_organisation(self, organisation: str) -> None:
        """Add the organisation, unless it has a world of its own already."""
        if self._is_there(organisation):
            return
        new = {"name": organisation, "api_key": secrets.token_hex(12), "world": "own"}
        try:
            self._control("POST", "organisations", new, of_all=True)
        except ValueError:
            if not self._is_there(organisation):  # or another suite added it just now
                raise

    def _is_there(self, organisation: str) -> bool:
        """Return whether the organisation exists.

        Raises:
            ValueError: It exists, but shares its world.
        """
        for one in self._control("GET", "organisations", of_all=True):
            if one["name"] == organisation:
                if one.get("world") != "own":
                    raise ValueError(f"the organisation {organisation!r} shares a world with others: choose a new name")
                return True
        return False

    # --- the environment ----------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """True if the environment names the server: from `start` to `stop`."""
        return bool(self._environment)

    def start(self) -> Self:
        """Name the server in the environment, for the code under test, until `stop`."""
        if not self._environment:
            for name, value in (
                ("BLUEJAY_API_URL", self.base_url),
                ("BLUEJAY_OTLP_ENDPOINT", f"{self.base_url}/traces"),
                ("BLUEJAY_API_KEY", self.api_key),
            ):
                self._environment[name] = os.environ.get(name)
                os.environ[name] = value
        return self

    def stop(self) -> None:
        """Restore the environment. The server is not affected."""
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._environment = {}

    # --- what a test adds ---------------------------------------------------------------------------------------

    def _apply(self, command: Command) -> Any:
        if isinstance(command, NewEntity):
            return self._control.send(_path("resources", command.resource), command)["id"]
        return self._control.send("runs" if isinstance(command, NewRun) else "simulations", command)["id"]

    def _add_test_result(self, fields: dict[str, Any]) -> int:
        return cast(int, self._control.send("test-results", validated(NewTestResult, _as_data(fields)))["id"])

    def add_test_results(self, n: int, **same: Any) -> list[TestResult]:
        """Add `n` test results that are alike, and return them; their ids are the next that are free."""
        check_alike(n, same)
        data, added = _as_data(same), []
        for first in range(0, n, _AT_ONCE):
            new = validated(NewTestResult, {**data, "count": min(_AT_ONCE, n - first)})
            added += self._control.send("test-results", new)
        return [TestResult(self._world, one["id"]) for one in added]

    def _add_stub(self, method: str, path: str, status: int, json: Any) -> None:
        Stubs().add(method, path, status, json)
        self._control("POST", "stubs", {"method": method, "path": path, "status": status, "json": json})

    # --- requests -----------------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """A copy of the server's world as it is now, whose time stands still."""
        return _copy_of_world(self._control)

    @property
    def requests(self) -> Requests:
        """The requests that arrived, with their answers, as they are now, the newest last. Keys are masked."""
        journal = Journal(most_bytes=sys.maxsize)  # the server counts the unmodelled calls itself
        for data in self._control("GET", "requests", limit=_AT_ONCE, whole=True):
            journal.append(_FarExchange(data))
        return Requests(journal)

    # --- ways in ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._control.url

    @property
    def _client_options(self) -> dict[str, Any]:
        return {"base_url": self.url}

    # --- state --------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Put the server's world back to its beginning."""
        self._control("POST", "reset")

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-ready data, timers included."""
        return cast(dict[str, Any], self._control("GET", "state"))

    def snapshot(self) -> Snapshot:
        """Return the world as it is now, for `restore`; a `with` restores it at its end."""
        return Snapshot(self, self.dump())

    def restore(self, snapshot: Snapshot) -> None:
        """Put the server's world back to a snapshot, as `FakeBluejay.restore` does, except the journal."""
        self._control("PUT", "state", data_of(snapshot))

    def __repr__(self) -> str:
        return f"<RemoteBluejay {self.url}>"


class RemoteClock(FakeClock):
    """The server's clock; its mode and its speed can be set, too."""

    def __init__(self, world: World, control: _Control) -> None:
        super().__init__(world)
        self._control = control

    @property
    def mode(self) -> str:
        """`manual` (time stands still until advanced) or `real` (time passes, at a speed); can be set."""
        return cast(str, self._control("GET", "clock")["mode"])

    @mode.setter
    def mode(self, mode: str) -> None:
        self._control("PATCH", "clock", {"mode": mode})

    @property
    def speed(self) -> float:
        """The virtual seconds that pass in a real one, 0 for a manual or paused clock; can be set."""
        return cast(float, self._control("GET", "clock")["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        self._control("PATCH", "clock", {"speed": speed})

    @contextmanager
    def real(self) -> Iterator[None]:
        """Let waits in the code under test take real time within the `with`; the server's clock follows.

        The clock of a server in this process follows by itself, if that fake is on.
        """
        with super().real():
            if CLOCKWORK.is_on or self.mode != "manual":
                yield
                return
            self._control("PATCH", "clock", {"mode": "real", "speed": 1})
            try:
                yield
            finally:
                self.mode = "manual"


class _Control:
    """The control API as a function from a method, a path and a body to the answer."""

    def __init__(self, url: str, organisation: str | None) -> None:
        address = r"(?:[^/?#@:\[\]\s]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?"
        parts = re.fullmatch(rf"(https?)://({address})((?:/[^/?#\s]+)*)/?", url)
        if parts is None or parts[3].endswith("/v1"):  # the base of Bluejay's API, which is a part of the server
            raise ValueError(f"a server's address is needed, e.g. http://127.0.0.1:8787, not {url!r}")
        self.url = f"{parts[1]}://{parts[2]}{parts[3]}"
        self._prefix = parts[3]
        self._kind = http.client.HTTPSConnection if parts[1] == "https" else http.client.HTTPConnection
        self._address = parts[2]
        self._world = {} if organisation is None else {"organisation": organisation}
        self.place = self.url, organisation
        """The identity of the world: the address of the server, and the organisation."""

    def __call__(self, method: str, path: str, body: Any = None, *, of_all: bool = False, **query: Any) -> Any:
        """Send a request to the control API: for the organisation's world or, with `of_all`, for the whole server.

        Raises:
            ValueError: The server refuses it, with a message.
            KeyError: The server does not have the named object.
            PermissionError: The server does not let this client use the control API.
            ConnectionError: No server answers.
        """
        query = query if of_all else {**self._world, **query}
        content = None if body is None else json.dumps(body).encode()
        connection = self._kind(self._address, timeout=_TIMEOUT)
        try:
            connection.request(
                method, f"{self._prefix}/_fake/{path}?{urlencode(query)}", content, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            why = error or type(error).__name__
            raise ConnectionError(
                f"no fake Bluejay answers at {self.url} ({why}); `fake-bluejay serve` starts one"
            ) from None
        finally:
            connection.close()
        try:
            data = json.loads(answer)
            detail = data["detail"] if status >= 400 else ""
        except (ValueError, KeyError, TypeError):
            raise ConnectionError(f"what answers at {self.url} is no fake Bluejay: {status} {answer[:100]!r}") from None
        if status in (403, 404):
            raise (PermissionError if status == 403 else KeyError)(detail)
        if status >= 400:
            raise ValueError(detail)
        return data

    def send(self, path: str, command: Command) -> Any:
        """Send a command, and return the server's answer. Raises as a call does."""
        return self("POST", path, command.model_dump(by_alias=True, exclude_unset=True))


def _path(*parts: object) -> str:
    """Return the path of an object in the control API.

    Raises:
        KeyError: An id is empty.
    """
    if "" in parts:
        raise KeyError("an id is needed, and this one is empty")
    return "/".join(quote(str(part), safe="") for part in parts)


def _copy_of_world(control: _Control) -> World:
    """Return a copy of the server's world as it is now, whose time stands still."""
    return dumps.load({**control("GET", "state"), "clock": "manual"})


class _FarWorld:
    """The part of a `World` that the views need, at the other end of a connection."""

    def __init__(self, control: _Control) -> None:
        self._control = control

    def __getattr__(self, name: str) -> Any:
        if name not in ("resources", "results", "runs"):
            raise AttributeError(f"a world at the other end of a control API has no {name!r}")
        return getattr(_copy_of_world(self._control), name)

    lock = nullcontext()
    """The server takes its own lock for each request."""

    def settle(self) -> None:
        """Do nothing: the server fires due timers before it answers."""

    def now(self) -> int:
        return _instant(self._control("GET", "clock")["now"])

    def advance(self, seconds: float | timedelta) -> None:
        self._control("POST", "clock/advance", {"seconds": microseconds(seconds) / 1_000_000})

    def advance_to(self, moment: datetime) -> None:
        instant_of(moment)  # raises if it has no time zone
        self._control("POST", "clock/advance", {"to": moment.isoformat()})

    def next_due(self) -> int | None:
        due = self._control("GET", "clock")["next_due"]
        return None if due is None else _instant(due)

    def pending(self) -> list[Timer]:
        return _copy_of_world(self._control).pending()

    @property
    def readings(self) -> Readings:
        return Readings().changed(**{one["name"]: one["choice"] for one in self._control("GET", "readings")})

    def choose(self, **choices: str) -> None:
        self._control("PATCH", "readings", {name: str(choice) for name, choice in choices.items()})

    def result(self, id: int) -> Record:
        data = self._control("GET", _path("test-results", id))
        record = dumps.RECORD.load(data)
        record.control_objects = [dumps.CONTROL_OBJECT.load({**one, "test_result_id": id}) for one in data["controls"]]
        return record

    def edit(self, id: int, *, agent: Agent | None) -> None:
        self._control("PATCH", _path("test-results", id), {"agent": _text(agent)})

    def set_status(self, id: int, status: str, *, force: bool = False) -> None:
        self._control("PATCH", _path("test-results", id), {"status": status, "force": force})

    def happen(self, id: int, event: Event, cause: str) -> None:
        self._control("POST", _path("test-results", id, "events"), {"event": event, "cause": cause})

    @property
    def call(self) -> Call:
        return call_from_dict(self._control("GET", "calls")["default"])

    def script(
        self, *, default: Call | None = None, next: Iterable[Call] = (), of: Mapping[int | str, Call] = {}
    ) -> None:
        self._control("PATCH", "calls", dumps.dump_calls(default, next, of))

    def add_organisation(self, name: str, api_key: str) -> None:
        World().add_organisation(name, api_key)
        self._control("POST", "organisations", {"name": name, "api_keys": [api_key]})

    def revoke_api_key(self, api_key: str) -> None:
        World().revoke_api_key(api_key)
        self._control("POST", "organisations/revoked-keys", {"api_key": api_key})

    @property
    def require_known_keys(self) -> bool:
        return cast(bool, self._control("GET", "overview")["require_known_keys"])

    @require_known_keys.setter
    def require_known_keys(self, required: bool) -> None:
        self._control("PATCH", "organisations", {"require_known_keys": required})

    def clear_scripts(self) -> None:
        self._control("DELETE", "calls")

    webhooks_anywhere = True
    """True, because the server decides whether it refuses a webhook on another machine."""

    def add_webhook(self, new: WebhookRecord) -> WebhookRecord:
        data = {**dumps.WEBHOOK.dump(new), "secret": new.secret or None}
        del data["id"]  # the server gives it
        return dumps.WEBHOOK.load(self._control("POST", "webhooks", data))

    def change_webhook(self, id: str, **changes: Any) -> WebhookRecord:
        return dumps.WEBHOOK.load(self._control("PATCH", _path("webhooks", id), changes))

    def remove_webhook(self, id: str) -> None:
        self._control("DELETE", _path("webhooks", id))

    def send(self, event: str, payload: Any, organisation: str) -> None:
        new = {"event": event, "payload": json.loads(encoded(payload)), "organisation": organisation}
        self._control("POST", "deliveries", new)

    def disturb(self, irregularity: Irregularity) -> None:
        self._control("POST", "irregularities", dumps.IRREGULARITY.dump(irregularity))

    def deliver(self) -> None:
        """Do nothing: the server delivers before it answers."""

    def deliveries(self) -> list[Delivery]:
        found: list[Delivery] = []
        while True:
            after = found[-1].number if found else 0
            page = self._control("GET", "deliveries", after=after, limit=_AT_ONCE)
            found += [dumps.DELIVERY.load({**one, "body": one["text"]}) for one in page]
            if len(page) < _AT_ONCE:
                return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FarWorld) and self._control.place == other._control.place

    def __hash__(self) -> int:
        return hash(self._control.place)


class _FarFaults(Faults):
    """The server's faults, which are checked in this process and armed in the server."""

    def __init__(self, control: _Control) -> None:
        super().__init__()
        self._control = control

    def _arm(self, kind: Any, arguments: dict[str, Any], to: Mapping[str, Any]) -> None:
        super()._arm(kind, arguments, to)
        super().clear()
        self._control("POST", "faults", {"kind": kind, **arguments, **to})

    def clear(self) -> None:
        """Disarm all, and start the draws from the seed again."""
        self._control("DELETE", "faults")

    def __iter__(self) -> Iterator[Fault]:
        for one in self._control("GET", "faults"):
            yield Fault(**one)


class _FarWebhooks(Webhooks):
    """The server's webhooks."""

    def __init__(self, control: _Control, world: World) -> None:
        super().__init__(world, None)
        self._control = control

    def _receiver(self, to: Any, path: str, lifespan: bool) -> None:
        if not isinstance(to, str):
            raise ValueError(
                "over a connection a receiver is the URL of a server that the fake's server can reach, e.g."
                f" http://127.0.0.1:8000/webhooks: it cannot call what is in this process, {to!r:.80}"
            )
        super()._receiver(to, path, lifespan)

    def wait(self) -> None:
        """Wait for the server's deliveries under way, 10 seconds at most; not from within a receiver."""
        self._control("GET", "deliveries", settled=True, limit=1)


class _FarAnswer(Answer):
    """An answer as the control API shows it. A masked header has a character that bytes of a header cannot have."""

    __slots__ = ("headers",)
    headers: Headers

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data["status_code"], [], _content(data))
        self.headers = Headers(data["headers"])


class _FarExchange(Exchange):
    """A request as the control API shows it, with masked headers."""

    __slots__ = ("headers",)
    headers: Headers

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(_instant(data["at"]), data["method"], data["path"], data["query"], [], _content(data))
        self.headers = Headers(data["headers"])
        self.number = data["number"]
        self.faults = tuple(data["faults"])
        self.modelled = data["modelled"]
        self.response = data["response"] and _FarAnswer(data["response"])


def _content(body: Mapping[str, Any]) -> bytes:
    """Return the bytes of a body that the control API shows."""
    whole = body["base64"]
    return cast(bytes, body["text"].encode()) if whole is None else base64.b64decode(whole)


def _as_data(new: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a new test result, JSON-ready.

    Raises:
        ValueError: A field is unknown, or the id, the status, the agent or the call is not valid.
    """
    if "status" in new:
        status_from_text(new["status"])
    if new.get("id") is not None:
        check_id(new["id"])
    check_fields([name for name in new if name not in OWN_FIELDS], OWN_FIELDS)
    call = new.get("call")
    return {
        **new,
        "agent": _text(agent_of(new.get("agent"))),
        "call": None if call is None else checked_call(call).as_dict(),
    }


def _text(agent: Agent | None) -> str | None:
    return None if agent is None else str(agent)


def _instant(text: str) -> int:
    return instant_of(datetime.fromisoformat(text))
