"""The interface that a fake in this process and a served fake share, with the methods that are the same in both.

A helper or a fixture that is typed with `Bluejay` takes either. The protocols are for type checkers alone: `isinstance`
would read the properties, and reading `url` starts the server.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from fake_bluejay.bluejay.app import PATHS
from fake_bluejay.bluejay.modules import declared
from fake_bluejay.bluejay.options import API_KEY
from fake_bluejay.calls import Calls
from fake_bluejay.core.json_data import json_fields
from fake_bluejay.core.numbers import is_integer
from fake_bluejay.core.suggest import nearest
from fake_bluejay.core.test_results import MOST_ALIKE, check_id
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.drafts import Drafts
from fake_bluejay.evaluations import Evaluations
from fake_bluejay.facade.assertions import Assertions
from fake_bluejay.facade.handles import FakeReadings
from fake_bluejay.facade.results import ControlObjectView, TestResult
from fake_bluejay.http.stubs import can_meet

if TYPE_CHECKING:
    import httpx

    from fake_bluejay.core.behaviors import AgentChoice
    from fake_bluejay.core.statuses import StatusChoice
    from fake_bluejay.facade.fake import FakeBluejay, Options
    from fake_bluejay.facade.handles import FakeClock, Snapshot
    from fake_bluejay.facade.resources import AgentView, DigitalHumanView, SimulationView
    from fake_bluejay.facade.runs import RunView
    from fake_bluejay.facade.webhooks import Webhooks
    from fake_bluejay.state.commands import Command


class Bluejay(Assertions, Protocol):
    """The interface that `FakeBluejay` and the result of `FakeBluejay.connect` share.

    As a context manager, sync and async, it calls `start` and `stop`.
    """

    clock: FakeClock
    """The fake's time."""
    webhooks: Webhooks
    """The webhooks of the fake, and the deliveries to them."""

    _world: World
    """The world behind the views: of a served fake, the one at the other end of the connection."""

    @functools.cached_property
    def calls(self) -> Calls:
        """The scripts of calls that have not begun."""
        return Calls(self._world)

    @functools.cached_property
    def drafts(self) -> Drafts:
        """The drafts of the next answers of generators."""
        return Drafts(self)

    @functools.cached_property
    def evaluations(self) -> Evaluations:
        """The scripts of the next evaluations of call logs."""
        return Evaluations(self)

    @functools.cached_property
    def readings(self) -> FakeReadings:
        """The fake's choices where Bluejay's documentation leaves a question open."""
        return FakeReadings(self._world)

    # --- test results -------------------------------------------------------------------------------------------

    def add_test_result(
        self,
        id: int | None = None,
        status: StatusChoice = "RUNNING",
        agent: AgentChoice | None = None,
        **fields: Any,
    ) -> TestResult:
        """Add a test result.

        Args:
            id: The id; by default the next that is free, from 1.
            status: The status that it begins with.
            agent: The behavior of its agent; by default the fake's.
            fields: Published fields of a simulation result, `organisation`, and `call`: the script by which it goes on
                by itself.

        Raises:
            ValueError: The id is taken, the status, the agent or a field is unknown, or no answer could show the test
                result.
        """
        new = {"id": id, "status": status, "agent": agent, **fields}
        return TestResult(self._world, self._add_test_result(new))

    def add_test_results(self, n: int, **same: Any) -> list[TestResult]:
        """Add `n` test results that are alike, and return them; their ids are the next that are free.

        Raises:
            ValueError: As for one; or an id is given, or `n` is not a number from 0 to 1,000,000.
        """
        check_alike(n, same)
        return [self.add_test_result(**same) for _ in range(n)]

    def test_result(self, id: int) -> TestResult:
        """Return the test result with this id.

        Raises:
            KeyError: There is none; the message lists the ids.
        """
        try:
            check_id(id)
        except ValueError as error:
            raise KeyError(str(error)) from None
        return TestResult(self._world, self._world.result(id).id)

    @property
    def test_results(self) -> list[TestResult]:
        """All test results, in the order they were added."""
        with self._world.lock:
            return [TestResult(self._world, id) for id in self._world.results]

    @property
    def control_objects(self) -> list[ControlObjectView]:
        """The control objects that were written, the newest last."""
        world = self.world
        with world.lock:
            world.settle()
            return [ControlObjectView(control) for control in world.control_objects]

    # --- other objects that a test adds -------------------------------------------------------------------------

    def _add(self, resource: str, organisation: str, fields: dict[str, Any]) -> Any:
        from fake_bluejay.facade.resources import view
        from fake_bluejay.state.commands import NewEntity, validated

        collection = declared(resource).of.plural
        new = validated(NewEntity, {**json_fields(fields), "organisation": organisation}).of(collection)
        return view(self._world, collection, self._apply(new))

    def add_agent(self, *, organisation: str = DEFAULT_ORGANISATION, **fields: Any) -> AgentView:
        """Add an agent.

        Args:
            organisation: The name of the organisation that it belongs to.
            **fields: The published fields of `POST /v1/add-agent`; each has a default.

        Raises:
            ValueError: A field is unknown, or its value is not allowed.
        """
        made: AgentView = self._add("agents", organisation, fields)
        return made

    def add_simulation(
        self,
        *,
        agent: AgentView | int | None = None,
        digital_humans: int | Sequence[DigitalHumanView] = 1,
        organisation: str = DEFAULT_ORGANISATION,
        **fields: Any,
    ) -> SimulationView:
        """Add a simulation that is ready to be run.

        Args:
            agent: The agent under test; None for a new one.
            digital_humans: The digital humans that take part, or the number of new ones.
            organisation: The name of the organisation that it belongs to.
            **fields: The published fields of `POST /v1/create-simulation`.

        Raises:
            ValueError: An argument is not allowed; then nothing has been added.
            KeyError: A digital human is gone.
        """
        from fake_bluejay.facade.resources import DigitalHumanView, SimulationView
        from fake_bluejay.state.commands import NewSimulation, validated

        humans: Any = digital_humans
        if isinstance(digital_humans, (list, tuple)):
            for human in digital_humans:
                if not isinstance(human, DigitalHumanView):
                    raise ValueError(f"a digital human is needed, as add_digital_human() gives it, not {human!r:.80}")
            humans = [human.id for human in digital_humans]
        new = {"agent": _id(agent), "digital_humans": humans, "organisation": organisation}
        return SimulationView(
            self._world, "simulations", self._apply(validated(NewSimulation, {**json_fields(fields), **new}))
        )

    def add_digital_human(self, *, organisation: str = DEFAULT_ORGANISATION, **fields: Any) -> DigitalHumanView:
        """Add a digital human.

        Args:
            organisation: The name of the organisation that it belongs to.
            **fields: The published fields of `POST /v1/create-digital-human`, and `simulation_ids`; each has a default.

        Raises:
            ValueError: A field is unknown, or its value is not allowed.
        """
        made: DigitalHumanView = self._add("digital_humans", organisation, fields)
        return made

    def add(self, resource: str, *, organisation: str = DEFAULT_ORGANISATION, **fields: Any) -> Any:
        """Add an entity of any resource that is modelled: `bluejay.add("folder", name="Support")`.

        Args:
            resource: The name of the resource: `folder`, `digital human`, …
            organisation: The name of the organisation that it belongs to.
            **fields: The fields of the request that creates one, each with a default where one is needed; and `id`.

        Returns:
            A live view with `id`, `fields`, `organisation` and `created_at`.

        Raises:
            ValueError: There is no such resource, a field is unknown, or its value is not allowed.
        """
        return self._add(resource, organisation, fields)

    def resources(self, resource: str) -> list[Any]:
        """Return all entities of a resource, the oldest first: `bluejay.resources("folder")`.

        Raises:
            ValueError: There is no such resource.
        """
        from fake_bluejay.facade.resources import view

        collection = declared(resource).of.plural
        with self._world.lock:
            held = self._world.resources.named(collection)
            return [] if held is None else [view(self._world, collection, entity.id) for entity in held.all()]

    def queue_run(self, simulation: SimulationView | int | None = None, **fields: Any) -> RunView:
        """Queue a run, as `POST /v1/queue-simulation-run` does.

        Args:
            simulation: The simulation to run; None for a new one.
            **fields: The fields of the request.

        Raises:
            ValueError: There is no such simulation or digital human, or a field is unknown.
        """
        from fake_bluejay.facade.runs import RunView
        from fake_bluejay.state.commands import NewRun, validated

        if isinstance(humans := fields.get("digital_human_ids"), (list, tuple)):
            fields["digital_human_ids"] = list(map(_id, humans))
        return RunView(
            self._world, self._apply(validated(NewRun, {**json_fields(fields), "simulation": _id(simulation)}))
        )

    @property
    def runs(self) -> list[RunView]:
        """The runs, the newest last."""
        from fake_bluejay.facade.runs import RunView

        world = self._world
        with world.lock:
            return [RunView(world, id) for id in world.runs]

    # --- requests -----------------------------------------------------------------------------------------------

    def stub(self, method: str, path: str, status: int = 200, json: Any = None) -> None:
        """Answer requests with this method and path as given, above all for an endpoint that is not modelled.

        A path that Bluejay is not known to have gets a warning.

        Args:
            method: The method, in upper or lower case.
            path: The path; it may have parameters in braces: `/v1/agents/{id}`.
            status: The status of the answer.
            json: The body of the answer; None for an empty body.

        Raises:
            ValueError: The method, the path or the status is not possible.
            TypeError: The body is not JSON.
        """
        self._add_stub(method, path, status, json)
        if path not in PATHS and not any(can_meet(path, known) for known in PATHS):
            near = nearest(path, PATHS)
            warnings.warn(
                f"a stub for {path}, which Bluejay is not known to have; the nearest that it has: {near}", stacklevel=2
            )

    # --- keys ---------------------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """A key of the default organisation; while the fake is on, the environment has it as `BLUEJAY_API_KEY`."""
        keys = self.world.organisations[DEFAULT_ORGANISATION].api_keys
        return keys[0] if keys else API_KEY  # a restored world may have no key, and then any is accepted

    def add_organisation(self, name: str, api_key: str) -> None:
        """Add an organisation, whose data is invisible to the others. From now on only known keys are accepted.

        Raises:
            ValueError: The name or the key is taken.
        """
        self._world.add_organisation(name, api_key)

    def revoke_key(self, api_key: str) -> None:
        """Refuse a key from now on, as Bluejay refuses a revoked one: 401.

        Raises:
            ValueError: The value is not a key, or the key is revoked already.
        """
        self._world.revoke_api_key(api_key)

    @property
    def require_known_keys(self) -> bool:
        """True if unknown keys are refused; otherwise any key that is not empty belongs to the default organisation."""
        return self._world.require_known_keys

    @require_known_keys.setter
    def require_known_keys(self, required: bool) -> None:
        if not isinstance(required, bool):  # a dump with another value could not be restored
            raise ValueError(f"require_known_keys is True or False, not {required!r:.80}")
        self._world.require_known_keys = required

    # --- ways in ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address of a server of the fake, without a path."""

    @property
    def base_url(self) -> str:
        """`<url>/v1`, as clients take it in `BLUEJAY_API_URL`."""
        return f"{self.url}/v1"

    def client(self, **kwargs: Any) -> httpx.Client:
        """Return an `httpx.Client` whose requests reach the fake: `client.post("/v1/end-conversations", …)`.

        If httpx is not installed, it is httpx2's.
        """
        from fake_bluejay.facade.transport import library

        client: httpx.Client = library().Client(**self._client_options | kwargs)
        return client

    def async_client(self, **kwargs: Any) -> httpx.AsyncClient:
        """Return an `httpx.AsyncClient`, or httpx2's, whose requests reach the fake."""
        from fake_bluejay.facade.transport import library

        client: httpx.AsyncClient = library().AsyncClient(**self._client_options | kwargs)
        return client

    # --- state --------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Put the fake back to its beginning."""

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-ready data, timers included."""

    def snapshot(self) -> Snapshot:
        """Return the world as it is now, for `restore`; a `with` restores it at its end."""

    def restore(self, snapshot: Snapshot) -> None:
        """Put the world back to a snapshot; the journal stays.

        Raises:
            ValueError: The argument is not a snapshot.
        """

    # --- the differences between the two kinds of fake ----------------------------------------------------------

    @property
    def _client_options(self) -> dict[str, Any]:
        """The options of an httpx client whose requests reach the fake."""

    def _apply(self, command: Command) -> Any:
        """Apply a command, and return the id of the new object.

        Raises:
            ValueError: The command does not fit what is there.
            KeyError: An object that it refers to is gone.
        """

    def _add_test_result(self, fields: dict[str, Any]) -> int:
        """Add a test result, and return its id."""

    def _add_stub(self, method: str, path: str, status: int, json: Any) -> None:
        """Add a stub."""


def check_alike(n: object, same: Mapping[str, Any]) -> None:
    """Check the number of test results that are alike, and their fields: no id, which one alone can have.

    Raises:
        ValueError: One of them is not allowed.
    """
    if not is_integer(n, 0) or n > MOST_ALIKE:
        raise ValueError(f"n is a number of test results, from 0 to {MOST_ALIKE:,}, not {n!r:.80}")
    if same.get("id") is not None:
        raise ValueError("ids are counted for many test results; add_test_result(id=…) gives one an id")


def _id(view: Any) -> Any:
    """Return the id of a view; any other value is returned as it is."""
    return getattr(view, "id", view)


class MakeBluejay(Protocol):
    """A factory of fakes, as the fixture `make_bluejay` and those of wider scopes are."""

    def __call__(self, **options: Unpack[Options]) -> FakeBluejay:
        """Return a new fake that is on until the test, or the class, the module or the session, ends."""
        ...
