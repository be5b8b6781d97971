"""Hypothesis strategies for tests of a client of Bluejay: payloads, worlds, and a machine that drives a client.

Needs hypothesis: `pip install hypothesis`.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "fake_bluejay.strategies needs hypothesis: pip install hypothesis", name=error.name
    ) from None

from fake_bluejay.agents import drops_after, ends_after, ends_within, silent
from fake_bluejay.calls import Call, call_dropped, no_answer, no_connection, system_error
from fake_bluejay.core.clock import microseconds
from fake_bluejay.core.statuses import Status
from fake_bluejay.facade.fake import FakeBluejay, Options
from fake_bluejay.http.faults import KINDS, arm_from_data

__all__ = ["BluejayMachine", "InvalidPayload", "agents", "invalid_payloads", "valid_payloads", "worlds"]


class InvalidPayload(NamedTuple):
    """A payload that must draw a 422, and the types of the errors in it, in their order."""

    payload: Any
    types: tuple[str, ...]


def agents() -> st.SearchStrategy[Any]:
    """Return a strategy for agents of every kind, early and late."""
    seconds = st.integers(0, 40_000_000).map(lambda microseconds: microseconds / 1e6)
    return st.one_of(st.just(silent()), seconds.map(ends_after), seconds.map(ends_within), seconds.map(drops_after))


def valid_payloads(ids: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for bodies that end-conversations accepts: `{"test_result_ids": […]}`, with repetitions.

    Args:
        ids: A strategy for the ids; small integers unless given.
    """
    lists = st.lists(st.integers(1, 50) if ids is None else ids, min_size=1, max_size=20)
    others = st.dictionaries(st.text(min_size=1).filter("test_result_ids".__ne__), st.integers(), max_size=2)
    return st.builds(lambda ids, more: {**more, "test_result_ids": ids}, lists, others)


_WRONG_ITEMS: list[tuple[st.SearchStrategy[Any], str]] = [
    (st.none(), "int_type"),
    (st.lists(st.integers(), max_size=2), "int_type"),
    (st.dictionaries(st.text(), st.integers(), max_size=2), "int_type"),
    (st.integers(-100, 100).map(lambda whole: whole + 0.5), "int_from_float"),
    (st.sampled_from(["abc", "", "0x10", "1.5", "one"]), "int_parsing"),
    (st.sampled_from([1e20, "9" * 4_301]), "int_parsing_size"),
]


def _invalid_items() -> st.SearchStrategy[InvalidPayload]:
    wrong = st.one_of(*[st.tuples(items, st.just(type_)) for items, type_ in _WRONG_ITEMS])
    right = st.tuples(st.integers(1, 50), st.none())
    mixed = st.lists(st.one_of(wrong, right), min_size=1, max_size=8).filter(
        lambda items: any(type_ for _, type_ in items)
    )
    return mixed.map(
        lambda items: InvalidPayload(
            {"test_result_ids": [item for item, _ in items]}, tuple(type_ for _, type_ in items if type_)
        )
    )


def invalid_payloads() -> st.SearchStrategy[InvalidPayload]:
    """Return a strategy for bodies that end-conversations answers with 422, each with the types of its errors."""
    not_lists = st.one_of(
        st.none(), st.integers(), st.text(max_size=5), st.dictionaries(st.text(), st.integers(), max_size=2)
    )
    # No None: some clients send it as JSON, others as no body.
    not_objects = st.one_of(st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3))
    others = st.dictionaries(st.text().filter("test_result_ids".__ne__), st.integers(), max_size=3)
    return st.one_of(
        others.map(lambda body: InvalidPayload(body, ("missing",))),
        st.just(InvalidPayload({"test_result_ids": []}, ("too_short",))),
        not_lists.map(lambda value: InvalidPayload({"test_result_ids": value}, ("list_type",))),
        not_objects.map(lambda body: InvalidPayload(body, ("model_attributes_type",))),
        _invalid_items(),
    )


@st.composite
def worlds(draw: st.DrawFn, max_size: int = 10) -> FakeBluejay:
    """Draw a fake with test results of every status and agent, at some moment of their lives. It is not switched on."""
    fake = FakeBluejay(seed=draw(st.integers(0, 2**16)))
    for _ in range(draw(st.integers(0, max_size))):
        fake.add_test_result(status=draw(st.sampled_from(list(Status))).value, agent=draw(agents()))
        fake.clock.advance(draw(st.sampled_from([0, 0.000001, 1, 7.5])))
    return fake


_SCRIPTS = [Call(), Call(passes=False), Call(talks_for=0), no_answer(), no_connection(), call_dropped(), system_error()]
"""Scripts of calls."""


class BluejayMachine(RuleBasedStateMachine):
    """A machine in whose world anything may happen while a client is used: subclass it, and add rules that use yours.

    It has a fake, `self.bluejay`, that is on; its rules add test results, queue runs, script calls, change how long an
    evaluation takes, pass time, and arm faults of `faults`. What else must hold of the client whatever happens is for
    the subclass to state, as invariants; two are here, over `runs_asked_for` and `may_be_ended`.
    """

    faults: ClassVar[tuple[str, ...]] = ("respond", "reset", "lose_response", "truncate", "garbage", "delay")
    """The faults that may happen; a subclass may leave some out, or add `refuse_control_write`."""

    options: ClassVar[Options] = {}
    """The options of the fake; a subclass may set them."""

    def __init__(self) -> None:
        super().__init__()
        self.bluejay = FakeBluejay(**self.options).start()
        self.runs_asked_for = 0
        """The number of runs that may exist. Add one before your client queues a run."""
        self.may_be_ended: set[int] | None = None
        """The ids of the test results that your client may end; None for any."""

    def teardown(self) -> None:
        """Switch the fake off."""
        self.bluejay.stop()

    @initialize(agents=st.lists(agents(), min_size=1, max_size=4))
    def begin(self, agents: list[Any]) -> None:
        """Add some RUNNING test results to begin with."""
        for agent in agents:
            self.bluejay.add_test_result(agent=agent)

    @rule(agent=agents(), status=st.sampled_from(list(Status)))
    def add_test_result(self, agent: Any, status: Status) -> None:
        """Add one more test result."""
        self.bluejay.add_test_result(status=status.value, agent=agent)

    @rule(humans=st.integers(1, 2))
    def queue_run(self, humans: int) -> None:
        """Queue a run, as somebody else's client does."""
        self.runs_asked_for += 1
        self.bluejay.queue_run(self.bluejay.add_simulation(digital_humans=humans))

    @rule(scripts=st.lists(st.sampled_from(_SCRIPTS), min_size=1, max_size=3))
    def script_calls(self, scripts: list[Call]) -> None:
        """Script the next calls of runs to go wrong."""
        self.bluejay.calls.next(*scripts)

    @rule(starts_after=st.sampled_from([0, 1, 60]), takes=st.sampled_from([0, 5, 600]))
    def change_evaluation(self, starts_after: float, takes: float) -> None:
        """Let evaluations start, and end, sooner or later than they do; 0 is at once."""
        world = self.bluejay.world
        world.evaluation_starts_after, world.evaluation_takes = microseconds(starts_after), microseconds(takes)

    @invariant()
    def no_more_runs_than_asked_for(self) -> None:
        """Assert that no run was queued twice, as by a client that asks again after a request that took effect."""
        there = len(self.bluejay.runs)
        assert there <= self.runs_asked_for, (
            f"there are {there} runs, and {self.runs_asked_for} were asked for; your rule does"
            " `self.runs_asked_for += 1` before its client is to queue one"
        )

    @invariant()
    def nothing_else_is_ended(self) -> None:
        """Assert that an end was asked for of those alone that `may_be_ended` names."""
        if self.may_be_ended is not None:
            marked = {control.test_result_id for control in self.bluejay.control_objects}
            assert marked <= self.may_be_ended, f"{sorted(marked - self.may_be_ended)} were not to be ended"

    @rule(seconds=st.sampled_from([0.000001, 1, 2, 19.999999, 20, 30]))
    def pass_time(self, seconds: float) -> None:
        """Let some time pass."""
        self.bluejay.clock.advance(seconds)

    @rule(data=st.data())
    def arm_fault(self, data: st.DataObject) -> None:
        """Arm a fault for the next request, or the one after."""
        if self.faults:
            kind = data.draw(st.sampled_from(self.faults))
            given = {one.name: data.draw(st.sampled_from(one.likely)) for one in KINDS[kind].arguments if one.likely}
            if any(one.name == "ids" for one in KINDS[kind].arguments):
                ids = [result.id for result in self.bluejay.test_results]
                given["ids"] = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
            given["after"] = data.draw(st.integers(0, 1))
            arm_from_data(self.bluejay.faults, kind, given)
