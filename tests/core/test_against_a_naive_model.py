"""The world beside a naive model of the same rules: lists and loops, no heap, nothing shared with the real one."""

import json
import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fake_bluejay.agents import drops_after, ends_after, ends_within, silent
from fake_bluejay.core.statuses import IllegalMove
from fake_bluejay.core.world import World
from fake_bluejay.state.snapshot import dump, restore
from tests.thoroughness import examples

SECOND = 1_000_000
SEED = 3

# From each status: the moves this test makes by hand, written down from the documentation.
MOVES = {
    "QUEUED": {"READY", "DISPATCHED", "CANCELLED", "OUT_OF_FUNDS", "SYSTEM_ERROR"},
    "RUNNING": {"CONVERSATION_ENDED", "CALL_DROPPED", "INCOMPLETED", "COMPLETED", "SYSTEM_ERROR"},
    "CONVERSATION_ENDED": {"EVALUATING", "SYSTEM_ERROR"},
    "EVALUATING": {"COMPLETED", "CUSTOM_ERROR", "SYSTEM_ERROR"},
    "COMPLETED": {"EVALUATING"},
    "CALL_DROPPED": set(),
}
AGENTS = {
    "ends-after=0": ends_after(0),
    "ends-after=2": ends_after(2),
    "ends-after=30": ends_after(30),
    "ends-after=45": ends_after(45),
    "ends-within=20": ends_within(20),
    "drops-after=5": drops_after(5),
    "silent": silent(),
    "default": None,
}


class Naive:
    """Results as dicts, what is pending as a list that is searched from end to end."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.results: dict[int, dict[str, Any]] = {}
        self.controls: list[dict[str, Any]] = []
        self.pending: list[dict[str, Any]] = []  # in the order of scheduling
        self.readings = {
            "duplicate_ids": "each-counts",
            "already_marked": "marked-again",
            "watchdog_sets": "SYSTEM_ERROR",
            "foreign_id": "fails",
            "agent_ends": "after-2-seconds",
        }

    def add(self, id: int, organisation: str, status: str, agent: str) -> None:
        self.results[id] = {
            "organisation": organisation,
            "status": status,
            "agent": agent,
            "history": [],
            "start": None,
            "end": None,
        }
        self.entered(id)

    def entered(self, id: int) -> None:
        result = self.results[id]
        if result["status"] == "RUNNING":
            result["start"], result["end"] = self.now, None
        if result["status"] == "CONVERSATION_ENDED":
            self.schedule(1 * SECOND, "evaluate", id)
        if result["status"] == "EVALUATING":
            self.schedule(5 * SECOND, "complete", id)

    def schedule(self, after: int, what: str, id: int) -> None:
        self.pending.append({"due": self.now + after, "what": what, "id": id})

    def move(self, id: int, to: str, event: str, cause: str) -> None:
        result = self.results[id]
        from_ = result["status"]
        result["history"].append((self.now, from_, to, event, cause))
        result["status"] = to
        self.pending = [
            one for one in self.pending if one["id"] != id or one["what"] not in ("watchdog", "evaluate", "complete")
        ]
        if from_ == "RUNNING":
            result["end"] = self.now
            if event != "drop" and cause != "test":
                for control in self.open_controls(id):
                    control["by"], control["gone"] = cause, self.now
        self.entered(id)

    def open_controls(self, id: int) -> list[dict[str, Any]]:
        return [control for control in self.controls if control["id"] == id and control["by"] is None]

    def end(self, organisation: str, ids: list[int]) -> tuple[list[int], list[int], bool]:
        if self.readings["duplicate_ids"] == "counted-once":
            unique: list[int] = []
            for id in ids:
                if id not in unique:
                    unique.append(id)
            ids = unique
        foreign = [id for id in ids if id in self.results and self.results[id]["organisation"] != organisation]
        if foreign and self.readings["foreign_id"] == "403":
            return [], ids, True
        marked: list[int] = []
        failed: list[int] = []
        for id in ids:
            result = self.results.get(id)
            already = self.readings["already_marked"] == "fails" and self.open_controls(id)
            if result is None or id in foreign or result["status"] != "RUNNING" or already:
                failed.append(id)
            else:
                marked.append(id)
                if marked.count(id) > 1:
                    continue  # one control object says it all
                self.controls.append({"id": id, "written": self.now, "by": None, "gone": None})
                agent = result["agent"]
                if agent == "default":
                    after_2 = self.readings["agent_ends"] == "after-2-seconds"
                    agent = "ends-after=2" if after_2 else "ends-within=20"
                if agent.startswith("ends-after="):
                    self.schedule(int(agent[11:]) * SECOND, "agent ends", id)
                elif agent.startswith("ends-within="):
                    draw = random.Random(f"{SEED}:{len(self.controls)}").randint(0, 20 * SECOND)
                    self.schedule(draw, "agent ends", id)
                elif agent.startswith("drops-after="):
                    self.schedule(5 * SECOND, "agent drops", id)
                self.schedule(30 * SECOND, "watchdog", id)
        return marked, failed, False

    def advance(self, length: int) -> None:
        until = self.now + length
        while True:
            due = [one for one in self.pending if one["due"] <= until]
            if not due:
                break
            first = due[0]
            for one in due:
                if one["due"] < first["due"]:
                    first = one
            self.pending.remove(first)
            self.now = max(self.now, first["due"])
            self.fire(first["what"], first["id"])
        self.now = until

    def fire(self, what: str, id: int) -> None:
        if id not in self.results:
            return
        if what == "watchdog":
            to = self.readings["watchdog_sets"]
            events = {
                "SYSTEM_ERROR": "break",
                "CONVERSATION_ENDED": "end",
                "INCOMPLETED": "give_up",
                "COMPLETED": "complete",
            }
            self.move(id, to, events[to], "watchdog")
        elif what == "evaluate":
            self.move(id, "EVALUATING", "evaluate", "evaluation")
        elif what == "complete":
            self.move(id, "COMPLETED", "complete", "evaluation")
        elif self.results[id]["status"] == "RUNNING" and self.open_controls(id):
            if what == "agent ends":
                self.move(id, "CONVERSATION_ENDED", "end", "agent")
            else:
                self.move(id, "CALL_DROPPED", "drop", "agent")


ids = st.integers(1, 9)
lengths = st.sampled_from([0, 1, 2 * SECOND, 29_999_999, 30 * SECOND]) | st.integers(0, 50 * SECOND)


class Comparison(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(seed=SEED)
        self.world.add_organisation("other", "other-key")
        self.naive = Naive(self.world.now())
        self.saved: tuple[str, str, int] | None = None

    @rule(
        id=ids,
        organisation=st.sampled_from(["default", "default", "other"]),
        status=st.sampled_from(["RUNNING", "RUNNING", "RUNNING", "QUEUED", "CONVERSATION_ENDED", "EVALUATING"]),
        agent=st.sampled_from(sorted(AGENTS)),
    )
    def add(self, id: int, organisation: str, status: str, agent: str) -> None:
        if id in self.naive.results:
            with pytest.raises(ValueError, match=f"{id} is taken"):
                self.world.add_test_result(id)
            return
        self.world.add_test_result(id, status, AGENTS[agent], organisation=organisation)
        self.naive.add(id, organisation, status, agent)

    @rule(organisation=st.sampled_from(["default", "default", "other"]), ids=st.lists(ids, min_size=1, max_size=6))
    def end(self, organisation: str, ids: list[int]) -> None:
        ending = self.world.plan_ending(organisation, ids)
        self.world.carry_out(ending)
        assert (ending.marked, ending.failed, ending.forbidden) == self.naive.end(organisation, ids)

    @rule(length=lengths)
    def advance(self, length: int) -> None:
        self.world.advance(length / SECOND)
        self.naive.advance(length)

    @rule(id=ids, to=st.sampled_from(sorted(MOVES)), force=st.booleans())
    def set_status(self, id: int, to: str, force: bool) -> None:
        if id not in self.naive.results:
            with pytest.raises(KeyError):
                self.world.set_status(id, to)
            return
        from_ = self.naive.results[id]["status"]
        if force:
            self.world.set_status(id, to, force=True)
            self.naive.move(id, to, "force", "test")
        elif to in MOVES.get(from_, set()):
            self.world.set_status(id, to)
            event = self.world.results[id].history[-1].event
            self.naive.move(id, to, event, "test")
        else:
            with pytest.raises(IllegalMove, match=from_):
                self.world.set_status(id, to)

    @rule(id=ids, event=st.sampled_from(["end", "drop"]))
    def by_hand(self, id: int, event: str) -> None:
        if self.naive.results.get(id, {}).get("status") != "RUNNING":
            with pytest.raises((KeyError, IllegalMove)):
                self.world.happen(id, event, "agent")  # type: ignore[arg-type]
            return
        from fake_bluejay.core.statuses import Event

        self.world.happen(id, Event(event), "agent")
        self.naive.move(id, {"end": "CONVERSATION_ENDED", "drop": "CALL_DROPPED"}[event], event, "agent")

    @rule(id=ids)
    def remove(self, id: int) -> None:
        if id in self.naive.results:
            self.world.remove_test_result(id)
            del self.naive.results[id]
            self.naive.pending = [one for one in self.naive.pending if one["id"] != id]
            # A control object of a removed test result is nobody's: a new one of that id does not inherit it.
            for control in self.naive.controls:
                if control["id"] == id:
                    control["id"] = None

    @rule(
        choice=st.sampled_from(
            [
                ("duplicate_ids", "counted-once"),
                ("duplicate_ids", "each-counts"),
                ("already_marked", "fails"),
                ("already_marked", "marked-again"),
                ("watchdog_sets", "INCOMPLETED"),
                ("watchdog_sets", "COMPLETED"),
                ("watchdog_sets", "CONVERSATION_ENDED"),
                ("watchdog_sets", "SYSTEM_ERROR"),
                ("foreign_id", "403"),
                ("foreign_id", "fails"),
                ("agent_ends", "within-20-seconds"),
                ("agent_ends", "after-2-seconds"),
            ]
        )
    )
    def read_otherwise(self, choice: tuple[str, str]) -> None:
        name, value = choice
        self.world.readings = self.world.readings.changed(**{name: value})
        self.naive.readings[name] = value

    @rule()
    def save(self) -> None:
        naive = {name: value for name, value in vars(self.naive).items() if name != "results"}
        self.saved = (json.dumps(dump(self.world)), json.dumps(naive), len(self.naive.results))
        self.saved_results = json.dumps(list(self.naive.results.items()))

    @rule()
    def bring_back(self) -> None:
        if self.saved is not None:
            restore(self.world, json.loads(self.saved[0]))
            vars(self.naive).update(json.loads(self.saved[1]))
            self.naive.results = dict(json.loads(self.saved_results))
            for result in self.naive.results.values():
                result["history"] = [tuple(move) for move in result["history"]]

    @invariant()
    def they_agree(self) -> None:
        self.world.settle()
        self.naive.advance(0)
        assert self.world.now() == self.naive.now
        assert set(self.world.results) == set(self.naive.results)
        for id, naive in self.naive.results.items():
            real = self.world.results[id]
            assert (real.status, real.start_time, real.end_time) == (naive["status"], naive["start"], naive["end"])
            assert [tuple(move) for move in real.history] == naive["history"]
            assert [(one.written_at, one.gone_at, one.by) for one in real.control_objects] == [
                (one["written"], one["gone"], one["by"]) for one in self.naive.controls if one["id"] == id
            ]
        assert len(self.world.control_objects) == len(self.naive.controls)
        assert self.world.timers.next_due() == min((one["due"] for one in self.naive.pending), default=None)
        assert len(self.world.timers) == len(self.naive.pending)


def test_the_world_agrees_with_a_naive_model() -> None:
    runs = examples(500, 40)
    run_state_machine_as_test(
        Comparison,
        settings=settings(max_examples=runs, stateful_step_count=50, derandomize=True, deadline=None, database=None),
    )
