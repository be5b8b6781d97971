"""Protocols that a fake in this process and a served fake both satisfy.

A helper or a fixture that is typed with `Bluejay` takes either. The protocols are for type checkers alone: `isinstance`
would read the properties, and reading `url` starts the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, Unpack

if TYPE_CHECKING:
    import httpx

    from fake_bluejay.calls import Calls
    from fake_bluejay.core.behaviors import AgentChoice
    from fake_bluejay.core.statuses import StatusChoice
    from fake_bluejay.drafts import Drafts
    from fake_bluejay.evaluations import Evaluations
    from fake_bluejay.facade.fake import FakeBluejay, Options
    from fake_bluejay.facade.handles import FakeClock, FakeReadings, Snapshot
    from fake_bluejay.facade.resources import AgentView, DigitalHumanView, SimulationView
    from fake_bluejay.facade.results import ControlObjectView, TestResult
    from fake_bluejay.facade.runs import RunView
    from fake_bluejay.facade.webhooks import Webhooks
    from fake_bluejay.http.faults import Faults
    from fake_bluejay.http.journal import Requests


class Bluejay(Protocol):
    """The interface that `FakeBluejay` and the result of `FakeBluejay.connect` share."""

    @property
    def calls(self) -> Calls:
        """The scripts of calls that have not begun."""

    @property
    def clock(self) -> FakeClock:
        """The fake's time."""

    @property
    def drafts(self) -> Drafts:
        """The digital humans that the generators return next."""

    @property
    def evaluations(self) -> Evaluations:
        """The scores that evaluations find next."""

    @property
    def faults(self) -> Faults:
        """The faults that requests meet."""

    @property
    def readings(self) -> FakeReadings:
        """The fake's choices where Bluejay's documentation leaves a question open."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks and their deliveries."""

    @property
    def is_on(self) -> bool:
        """True if the fake is between `start` and `stop`."""

    def start(self) -> Self:
        """Switch the fake on, and return it."""

    def stop(self) -> None:
        """Switch the fake off."""

    def __enter__(self) -> Self: ...
    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, traceback: object) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None: ...

    def add_test_result(
        self,
        id: int | None = None,
        status: StatusChoice = "RUNNING",
        agent: AgentChoice | None = None,
        **fields: Any,
    ) -> TestResult:
        """Add a test result."""

    def add_test_results(self, n: int, **same: Any) -> list[TestResult]:
        """Add `n` test results that are alike."""

    def test_result(self, id: int) -> TestResult:
        """Return the test result with this id.

        Raises:
            KeyError: There is none; the message lists the ids.
        """

    @property
    def test_results(self) -> list[TestResult]:
        """All test results, in the order they were added."""

    @property
    def control_objects(self) -> list[ControlObjectView]:
        """The control objects, the newest last."""

    def add_agent(self, *, organisation: str = "default", **fields: Any) -> AgentView:
        """Add an agent."""

    def add_simulation(
        self,
        *,
        agent: AgentView | int | None = None,
        digital_humans: int | Sequence[DigitalHumanView] = 1,
        organisation: str = "default",
        **fields: Any,
    ) -> SimulationView:
        """Add a simulation."""

    def add_digital_human(self, *, organisation: str = "default", **fields: Any) -> DigitalHumanView:
        """Add a digital human."""

    def add(self, resource: str, *, organisation: str = "default", **fields: Any) -> Any:
        """Add an entity of any resource, by the resource's name."""

    def resources(self, resource: str) -> list[Any]:
        """Return all entities of a resource, in the order they were added."""

    def queue_run(self, simulation: SimulationView | int | None = None, **fields: Any) -> RunView:
        """Queue a run of a simulation."""

    @property
    def runs(self) -> list[RunView]:
        """All runs, in the order they were queued."""

    @property
    def requests(self) -> Requests:
        """The requests that arrived, with their answers, the newest last."""

    @property
    def unmodelled(self) -> list[str]:
        """The calls to endpoints that are neither modelled nor stubbed."""

    def stub(self, method: str, path: str, status: int = 200, json: Any = None) -> None:
        """Answer requests with this method and path as given."""

    def report(self) -> str:
        """Return the requests and histories that a failing test's report shows."""

    def assert_ended(self, *ids: int, by: Literal["agent", "watchdog"] | None = None) -> None:
        """Assert that a call to end-conversations marked each of these test results."""

    def assert_failed(self, *ids: int) -> None:
        """Assert that a call to end-conversations refused each of these ids."""

    def assert_no_requests(self) -> None:
        """Assert that no request arrived."""

    def assert_requested(
        self,
        method: str,
        path: str,
        times: int | None = None,
        *,
        json: Any = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Assert that a request like this arrived."""

    @property
    def api_key(self) -> str:
        """An API key that the fake accepts."""

    def add_organisation(self, name: str, api_key: str) -> None:
        """Add an organisation with an API key of its own."""

    def revoke_key(self, api_key: str) -> None:
        """Refuse an API key from now on."""

    @property
    def require_known_keys(self) -> bool:
        """True if unknown API keys are refused."""

    @require_known_keys.setter
    def require_known_keys(self, required: bool) -> None: ...

    @property
    def url(self) -> str:
        """The address of the server, without a path."""

    @property
    def base_url(self) -> str:
        """The address of the server with `/v1`, as clients take it in `BLUEJAY_API_URL`."""

    def client(self, **kwargs: Any) -> httpx.Client:
        """Return an httpx client whose requests reach the fake."""

    def async_client(self, **kwargs: Any) -> httpx.AsyncClient:
        """Return an asynchronous httpx client whose requests reach the fake."""

    def reset(self) -> None:
        """Put the fake back to its beginning."""

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-ready data."""

    def snapshot(self) -> Snapshot:
        """Return the world as it is now, for `restore`."""

    def restore(self, snapshot: Snapshot) -> None:
        """Put the world back to a snapshot."""


class MakeBluejay(Protocol):
    """A factory of fakes, as the fixture `make_bluejay` and those of wider scopes are."""

    def __call__(self, **options: Unpack[Options]) -> FakeBluejay:
        """Return a new fake that is on until the test, or the class, the module or the session, ends."""
        ...
