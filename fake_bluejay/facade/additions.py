"""The methods that a fake in this process and a connected one share: adding by commands, views, clients.

The two apply a command differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fake_bluejay.bluejay.modules import declared
from fake_bluejay.core.world import DEFAULT_ORGANISATION, World
from fake_bluejay.facade.assertions import Assertions
from fake_bluejay.facade.results import TestResult

if TYPE_CHECKING:
    import httpx

    from fake_bluejay.facade.resources import AgentView, DigitalHumanView, SimulationView
    from fake_bluejay.facade.runs import RunView
    from fake_bluejay.state.commands import Command


class Additions(Assertions):
    """A fake to which a test adds resources and runs, and which returns a live view of each."""

    @property
    def _seen(self) -> World:
        """The world behind the views."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address of a server of the fake."""
        raise NotImplementedError

    @property
    def _client_options(self) -> dict[str, Any]:
        """The options of an httpx client whose requests reach the fake."""
        raise NotImplementedError

    def _apply(self, command: Command) -> Any:
        """Apply a command, and return the id of the new object.

        Raises:
            ValueError: The command does not fit what is there.
            KeyError: An object that it refers to is gone.
        """
        raise NotImplementedError

    def _add(self, resource: str, organisation: str, fields: dict[str, Any]) -> Any:
        from fake_bluejay.facade.resources import view
        from fake_bluejay.state.commands import NewEntity, validated

        collection = declared(resource).of.plural
        new = validated(NewEntity, {**fields, "organisation": organisation}).of(collection)
        return view(self._seen, collection, self._apply(new))

    def test_result(self, id: int) -> TestResult:
        """Return the test result with this id.

        Raises:
            KeyError: There is none; the message lists the ids.
        """
        return TestResult(self._seen, self._seen.result(id).id)

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
        return SimulationView(self._seen, "simulations", self._apply(validated(NewSimulation, {**fields, **new})))

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
        from fake_bluejay.facade.resources import resources

        return resources(self._seen, resource)

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
        return RunView(self._seen, self._apply(validated(NewRun, {**fields, "simulation": _id(simulation)})))

    @property
    def runs(self) -> list[RunView]:
        """The runs, the newest last."""
        from fake_bluejay.facade.runs import RunView

        world = self._seen
        with world.lock:
            return [RunView(world, id) for id in world.runs]

    @property
    def base_url(self) -> str:
        """`<url>/v1`, as clients take it in `BLUEJAY_API_URL`."""
        return f"{self.url}/v1"

    def client(self, **kwargs: Any) -> httpx.Client:
        """Return an `httpx.Client` whose requests reach the fake: `client.post("/v1/end-conversations", …)`.

        If httpx is not installed, it is httpx2's.
        """
        from fake_bluejay.facade.transport import library

        client: httpx.Client = library().Client(**self._client_options, **kwargs)
        return client

    def async_client(self, **kwargs: Any) -> httpx.AsyncClient:
        """Return an `httpx.AsyncClient`, or httpx2's, whose requests reach the fake."""
        from fake_bluejay.facade.transport import library

        client: httpx.AsyncClient = library().AsyncClient(**self._client_options, **kwargs)
        return client


def _id(view: Any) -> Any:
    """Return the id of a view; any other value is returned as it is."""
    return getattr(view, "id", view)
