"""`FakeBluejay`: the object that a test holds."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, get_args

from fake_bluejay.bluejay.app import Api
from fake_bluejay.bluejay.options import WorldOptions, now_of
from fake_bluejay.bluejay.published import EXPORT_PATH, HOST, OTLP_HOST
from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.clock import ManualClock
from fake_bluejay.core.errors import NotFound
from fake_bluejay.core.suggest import check_known
from fake_bluejay.core.world import World
from fake_bluejay.facade.delivery import DeliveryWorker
from fake_bluejay.facade.handles import FakeClock, Snapshot, data_of
from fake_bluejay.facade.protocols import Bluejay
from fake_bluejay.facade.time_options import longest_of, threads_of
from fake_bluejay.http.journal import Answer, Requests
from fake_bluejay.intercept import switch
from fake_bluejay.intercept.asyncio import LOOPBACKS
from fake_bluejay.intercept.clockwork import CLOCKWORK, REAL_TIME_THREADS, Timeline
from fake_bluejay.intercept.refusal import GuardError, refusal_of_copy
from fake_bluejay.intercept.wall_clock import WallClock
from fake_bluejay.state import snapshot as dumps

if TYPE_CHECKING:
    from starlette.types import Scope

    from fake_bluejay.facade.remote import RemoteBluejay
    from fake_bluejay.facade.webhooks import Webhooks
    from fake_bluejay.server.loopback import Loopback
    from fake_bluejay.state.commands import Command

_Function = TypeVar("_Function", bound=Callable[..., Any])


ACTIVE: list[FakeBluejay] = []
"""The fakes that are on, the one that takes the calls last."""


Unmet = Literal["error", "warn", "ignore"]
_UNMET = get_args(Unmet)


class Options(WorldOptions, total=False):
    """The options of a fake; each has a default."""

    sleep: Literal["skip", "real"]
    """The effect of a sleep of the code under test: `"skip"` takes no real time, `"real"` does."""
    longest: float | timedelta
    """The most of the fake's time that the code under test may sleep away before the test fails; by default 3 days."""
    participants: Sequence[threading.Thread | str]
    """Threads started before the fake that take part in virtual time, or their names."""
    unmet: Unmet
    """The consequence, when the test, the `with` or the decorated function ends, of a fault or stub that met no
    request: `"error"`, `"warn"` or `"ignore"`."""


OPTIONS = tuple(Options.__annotations__)
"""The names of all options."""


class FakeBluejay(Bluejay):
    """A fake Bluejay: a context manager (also async), a decorator, or switched by `start()` and `stop()`.

    While it is on, it answers the calls to the real host, in this process, and the environment leads to it
    (`BLUEJAY_API_KEY`, `BLUEJAY_API_URL`, `BLUEJAY_OTLP_ENDPOINT`).

    Raises:
        ValueError: An option is unknown, or its value is not allowed.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        for name in options:
            check_known("option", name, OPTIONS)
        sleep = options.get("sleep", "skip")
        check_known("choice for sleep:", sleep, ("skip", "real"))
        check_known("choice for unmet:", options.get("unmet", "error"), _UNMET)
        of_a_world = {name: value for name, value in options.items() if name in WorldOptions.__annotations__}
        self._begin(options, Service(**cast(WorldOptions, of_a_world)))

    def _begin(self, options: Options, service: Service) -> None:
        self._options = options
        self._longest = longest_of(options)
        self._service = service
        self._world = service.world
        self._journal = service.journal
        self._requests = Requests(service.journal)
        self._stubs = service.stubs
        self.faults = service.faults
        self._api = _Application(self._world, self._journal, service.armed, self._stubs)
        self._on: switch.Fake | None = None
        self._timeline: Timeline | None = None
        """The time that the fake shares, or has shared last, with the code under test."""
        self._wall_clock: WallClock | None = None
        """The wall clock of the code under test, where that does not skip sleeps."""
        self._loopback: Loopback | None = None
        self._world.make_delivery_worker = DeliveryWorker
        self.clock = FakeClock(self._world)

    # --- on and off ---------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """True if the fake takes the calls to the real host: from `start` to `stop`."""
        return self._on is not None

    def start(self) -> Self:
        """Take the calls to the real host from now on. A second call changes nothing."""
        if self._on is None:
            plugin = sys.modules.get("fake_bluejay.pytest_plugin")
            self._is_shown = plugin is not None and plugin.starts(self)
            ACTIVE.append(self)
            self._timeline = self._time()
            self._refused = refused = dict[str, None]()
            self._on = switch.Fake(self._api, self._environment(), self._timeline, refused)
            try:
                switch.switch_on(self._on)
                if "participants" in self._options:
                    self.clock.take_part(*threads_of(self._options["participants"]))
                if self._timeline is None and (now := now_of(self._options)) is not None:
                    self._wall_clock = WallClock()
                    self._wall_clock.start(now / 1e6, frozen=False)
                self._bypass_proxies()
            except BaseException:
                self.stop()
                raise
        return self

    def _time(self) -> Timeline | None:
        """Return the time of the code under test, tied to the fake's clock; None if it is to be real."""
        if self._options.get("sleep", "skip") == "real":
            return None
        world, frozen = self._world, isinstance(self._world.clock, ManualClock)
        now = now_of(self._options)
        timeline = Timeline(
            world.move,
            world.due_in,
            waited=world.waited,
            frozen=frozen,
            now=None if now is None else now / 1e6,
            longest=self._longest,
        )
        world.on_move = functools.partial(CLOCKWORK.moved, timeline)
        return timeline

    def stop(self) -> None:
        """Release everything: the receivers of webhooks, the calls, the environment, the loopback server."""
        try:
            if self._world.delivery_worker is not None:
                self._worker.close()  # while their calls are still taken
        finally:
            if self._on is not None:
                switch.switch_off(self._on)
                if self._wall_clock is not None:
                    self._wall_clock.stop()
                    self._wall_clock = None
                ACTIVE.remove(self)
                self._on = self._world.on_move = None
        try:
            if self._world.delivery_worker is not None:
                self._worker.wait()
        finally:
            if self._loopback is not None:
                self._service.events.end()
                self._loopback.give_back()
                self._loopback = None

    def _fail_if_unmet(self) -> str:
        """Check that each fault and each stub has met a request; pytest's fixtures call this, too.

        Returns:
            The text of a warning, if the option `unmet` asks for one; otherwise empty.

        Raises:
            AssertionError: One has not, and the option makes that an error.
        """
        __tracebackhide__ = True
        choice = self._options.get("unmet", "error")
        if choice == "ignore" or not (self.faults or self._stubs):
            return ""
        from fake_bluejay.facade.unmet import unmet

        said = unmet(self.faults, self._stubs, list(self._journal))
        if said and choice == "error":
            raise AssertionError(said)
        return said

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """Stop, unless an outer `with` does; then look for unmet faults and stubs, unless an error ends the `with`."""
        __tracebackhide__ = True
        is_over = not self._inner
        super().__exit__(type_, error, traceback)
        if is_over and error is None and (said := self._fail_if_unmet()):
            warnings.warn(said, stacklevel=2)

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        """Stop as `__exit__` does; before that, shut down the applications on this event loop that receive webhooks."""
        try:
            if not self._inner and self._world.delivery_worker is not None:
                await self._worker.shut_down()
        finally:
            await super().__aexit__(type_, error, traceback)

    def _environment(self) -> dict[str, str]:
        return {
            "BLUEJAY_API_KEY": self.api_key,
            "BLUEJAY_API_URL": f"https://{HOST}/v1",
            "BLUEJAY_OTLP_ENDPOINT": f"https://{OTLP_HOST}{EXPORT_PATH}",
        }

    def __repr__(self) -> str:
        state, results, requests = "on" if self._on else "off", len(self._world.results), self._journal.total
        return f"<FakeBluejay {state}, {self.clock.now.isoformat()}, {results} test results, {requests} requests>"

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function: each call gets a fresh fake of these options, as `bluejay` if it has that parameter.

        A coroutine function or a generator function (such as a fixture), sync or async, has the fake until it ends. In
        a class, the methods whose names begin with `test` are decorated, but not inherited ones.
        """
        if isinstance(function, type):
            for name, member in list(vars(function).items()):
                if name.startswith("test") and inspect.isfunction(member):
                    setattr(function, name, self(member))
            return function
        signature = inspect.signature(function)
        place = list(signature.parameters).index("bluejay") if "bluejay" in signature.parameters else None
        by_name = place is not None and signature.parameters["bluejay"].kind is inspect.Parameter.KEYWORD_ONLY

        @contextlib.contextmanager
        def fresh(args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
            """Yield the arguments with a new fake, which is on until the end of the `with`."""
            fake = type(self)(**self._options)
            if by_name or (place is not None and len(args) < place):
                kwargs["bluejay"] = fake
            elif place is not None:
                args = (*args[:place], fake, *args[place:])
            with fake:
                yield args, kwargs

        wrapper: Any
        if inspect.iscoroutinefunction(function):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with fresh(args, kwargs) as (args, kwargs):
                    return await function(*args, **kwargs)
        elif inspect.isasyncgenfunction(function):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with fresh(args, kwargs) as (args, kwargs):
                    async with contextlib.aclosing(function(*args, **kwargs)) as steps:
                        async for each in steps:
                            yield each
        elif inspect.isgeneratorfunction(function):

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with fresh(args, kwargs) as (args, kwargs):
                    return (yield from function(*args, **kwargs))
        else:

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with fresh(args, kwargs) as (args, kwargs):
                    return function(*args, **kwargs)

        functools.update_wrapper(wrapper, function)
        # Without the parameter, so that a test runner does not look for a fixture of that name.
        rest = [parameter for name, parameter in signature.parameters.items() if name != "bluejay"]
        wrapper.__signature__ = signature.replace(parameters=rest)
        return cast(_Function, wrapper)

    # --- what a test adds ---------------------------------------------------------------------------------------

    def _apply(self, command: Command) -> Any:
        try:
            return command.apply(self._service).id
        except NotFound as error:
            raise KeyError(error.detail) from None
        except ValueError as error:
            raise ValueError(str(error)) from None

    def _add_test_result(self, fields: dict[str, Any]) -> int:
        return self._service.add_test_result(**fields).id

    def _add_stub(self, method: str, path: str, status: int, json: Any) -> None:
        self._stubs.add(method, path, status, json)

    @property
    def _worker(self) -> DeliveryWorker:
        return cast(DeliveryWorker, self._world.worker())

    @functools.cached_property
    def webhooks(self) -> Webhooks:  # type: ignore[override]
        """The webhooks of the fake, and the deliveries to them."""
        from fake_bluejay.facade.webhooks import Webhooks

        return Webhooks(self._world, self._worker)

    # --- requests -----------------------------------------------------------------------------------------------

    @property
    def requests(self) -> Requests:
        """The requests that arrived, with their answers, the newest last."""
        return self._requests

    # --- ways in without interception ---------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """The model behind the fake, for the doors; a test uses the other members."""
        return self._world

    @property
    def service(self) -> Service:
        """The fake without its doors, for a server; a test uses the other members."""
        return self._service

    @property
    def app(self) -> Api:
        """The fake as an ASGI application."""
        return self._api

    @property
    def url(self) -> str:
        """The address of the loopback server, e.g. `http://127.0.0.1:41234`; the first use starts the server.

        While the fake is on, `NO_PROXY` and `no_proxy` keep calls to the server from going through a proxy.

        Raises:
            ModuleNotFoundError: uvicorn is missing; `pip install "fake-bluejay[server]"` installs it.
        """
        if self._loopback is None:
            self._api.check_process()
            # uvloop, which is imported next, keeps the class of sockets that it finds. If a tool has put one there that
            # forbids sockets, this raises, and later tests are spared a server that cannot work.
            socket.socket().close()
            from fake_bluejay.server import loopback  # first: its error says how to install what is missing
            from fake_bluejay.server.app import served_app

            self._loopback = loopback.lend(served_app(self._service, self.reset))
            REAL_TIME_THREADS.add(self._loopback.thread_id)
            LOOPBACKS[self._loopback.port] = self._loopback.is_answering
            self._bypass_proxies()
        return self._loopback.url

    def _bypass_proxies(self) -> None:
        if self._on is not None and self._loopback is not None:
            switch.bypass_proxies(self._on, self._loopback.host)

    @property
    def transport(self) -> Any:
        """An httpx transport, sync and async, whose requests reach the fake; httpx2's if httpx is not installed."""
        from fake_bluejay.facade.transport import transport

        return transport(self._api)

    @property
    def _client_options(self) -> dict[str, Any]:
        return {"transport": self.transport, "base_url": f"https://{HOST}"}

    @staticmethod
    def connect(url: str, organisation: str | None = None) -> RemoteBluejay:
        """Return the fake that `fake-bluejay serve` serves at this address, with the same interface.

        Args:
            url: The address of the server.
            organisation: The name of an organisation with a world of its own, which is added if there is none of that
                name. Test suites that run at the same time name an organisation each.

        Raises:
            ConnectionError: No fake answers there.
        """
        from fake_bluejay.facade.remote import RemoteBluejay

        return RemoteBluejay(url, organisation)

    # --- state --------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Put the fake back to its beginning: its options, no test results, no journal, no faults, no stubs."""
        self._service.reset()
        self._worker.receivers = {}

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-ready data, timers included."""
        return cast(dict[str, Any], json.loads(json.dumps(dumps.dump(self._world))))

    @classmethod
    def load(cls, data: Mapping[str, Any], **options: Unpack[Options]) -> Self:
        """Return a fake whose world goes on where the dumped one stopped.

        Raises:
            ValueError: Something in the data is wrong; the message names the place.
        """
        fake = cls(**options)
        dumps.restore(fake._world, data)
        return fake

    def snapshot(self) -> Snapshot:
        """Return the world as it is now, for `restore`; a `with` restores it at its end."""
        return Snapshot(self, self.dump(), dict(self._worker.receivers))

    def restore(self, snapshot: Snapshot) -> None:
        """Put the world back to a snapshot; the journal stays.

        Raises:
            ValueError: The argument is not a snapshot.
        """
        dumps.restore(self._world, data_of(snapshot))
        self._worker.receivers = dict(snapshot.receivers)


class _Application(Api):
    """The ASGI application of one fake. A forked process has a copy of it, which refuses every request."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._process = os.getpid()

    def check_process(self) -> None:
        """Raise a `GuardError` in a process that was forked from the fake's own."""
        if os.getpid() != self._process:
            raise GuardError(refusal_of_copy())

    def answer(self, scope: Scope, content: bytes) -> Answer:
        """Answer a request whose body is whole, in the fake's own process."""
        self.check_process()
        return super().answer(scope, content)


@functools.cache
def load_ahead() -> None:
    """Load the modules that the first fake and its first request need, by starting and calling a fake."""
    with FakeBluejay() as fake:
        headers = [(b"x-api-key", fake.api_key.encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/end-conversations", "headers": headers}
        fake.app.answer(scope, b'{"test_result_ids":[1]}')


def fake_over(service: Service) -> FakeBluejay:
    """Return a fake over an existing service, such as a seed's; it delivers webhooks, and is not switched on."""
    fake = FakeBluejay.__new__(FakeBluejay)
    fake._begin({}, service)
    return fake
