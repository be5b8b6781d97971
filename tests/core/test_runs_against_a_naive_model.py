"""Runs, their calls, and webhooks beside a naive model: lists and loops, no heap, nothing shared with the real one."""

import copy
import hashlib
import hmac
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import drops_after, ends_after, silent
from fake_bluejay.calls import Call
from fake_bluejay.core.outbox import Delivery
from fake_bluejay.core.statuses import IllegalMove
from tests.thoroughness import examples

SECOND = 1_000_000
AGENTS = {
    "default": None,
    "ends after 2": ends_after(2),
    "ends after 30": ends_after(30),
    "ends after 45": ends_after(45),
    "drops after 5": drops_after(5),
    "silent": silent(),
}
# The ends of a call, written down from the documentation: the status, and the event that the table has for it.
ENDS = {
    "ended": ("CONVERSATION_ENDED", "end"),
    "dropped": ("CALL_DROPPED", "drop"),
    "no_answer": ("NO_ANSWER", "go_unanswered"),
    "no_connection": ("NO_CONNECTION", "fail_to_connect"),
    "rejected": ("NO_ANSWER", "reject"),
    "out_of_funds": ("OUT_OF_FUNDS", "run_out_of_funds"),
    "system_error": ("SYSTEM_ERROR", "break"),
    "custom_error": ("CUSTOM_ERROR", "match_custom_error"),
}
FAILURES = {status for status, _ in ENDS.values()} - {"CONVERSATION_ENDED"}
FINAL = FAILURES | {"COMPLETED", "CANCELLED"}
NOT_CONNECTED = ("INITIALIZING", "QUEUED", "READY", "DISPATCHED")
RETRIES = [5, 30, 120, 600]
EVENTS = ["simulation_ended", "simulation_result_evaluated", "outbound_simulation_started"]

# Settings of simulations, and what follows: slots, seconds to ring and to last, repetitions, inbound.
SIMULATIONS: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
    ({}, 2, {"lines": None, "ringing": 300, "longest": 600, "times": 1}),
    (
        {"max_concurrent": 2, "ringing_timeout": 4, "digital_humans_settings": {"num_runs": 2}},
        3,
        {"lines": 2, "ringing": 4, "longest": 600, "times": 2},
    ),
    (
        {"sequential_calling": True, "max_call_duration": 20, "max_call_duration_units": "seconds"},
        3,
        {"lines": 1, "ringing": 300, "longest": 20, "times": 1},
    ),
    ({"max_concurrent": 3, "max_call_duration": 1}, 4, {"lines": 3, "ringing": 300, "longest": 60, "times": 1}),
]


class Naive:
    """Everything as dicts in lists, which are searched from end to end."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.pending: list[dict[str, Any]] = []  # in the order of scheduling
        self.results: dict[int, dict[str, Any]] = {}
        self.runs: dict[int, dict[str, Any]] = {}
        self.controls: list[dict[str, Any]] = []
        self.hooks: dict[str, dict[str, Any]] = {}
        self.deliveries: list[dict[str, Any]] = []
        self.ready: list[dict[str, Any]] = []
        self.amiss: list[dict[str, Any]] = []
        self.last_result = self.last_run = self.tickets = 0

    # --- time

    def schedule(self, at: int, what: str, id: int) -> None:
        self.pending.append({"at": at, "what": what, "id": id})

    def settle(self) -> None:
        while due := [one for one in self.pending if one["at"] <= self.now]:
            first = due[0]
            for one in due:
                if one["at"] < first["at"]:
                    first = one
            self.pending.remove(first)
            self.fire(first["at"], first["what"], first["id"])

    def advance(self, length: int) -> None:
        self.settle()
        until = self.now + length
        self.carry()
        while True:
            stop = until
            for one in self.pending if self.hooks else []:
                stop = min(stop, one["at"])
            self.now = max(self.now, stop)
            self.settle()
            self.carry()
            if stop == until:
                return

    def fire(self, at: int, what: str, id: int) -> None:
        if what == "delivery":
            delivery = self.deliveries[id]
            if delivery["hook"] in self.hooks:
                self.ready.append(delivery)
            else:
                delivery["planned"] -= 1
            return
        result = self.results[id]
        if what == "script":
            _, to, event, cause = self.following(result)
            self.move(id, to, event, cause, at)
        elif what == "watchdog":
            self.move(id, "SYSTEM_ERROR", "break", "watchdog", at)
        elif what == "evaluate":
            self.move(id, "EVALUATING", "evaluate", "evaluation", at)
        elif what == "complete":
            matches = result["call"].end == "custom_error"
            self.move(id, *(ENDS["custom_error"] if matches else ("COMPLETED", "complete")), "evaluation", at)
        elif result["status"] == "RUNNING" and self.open_controls(id):
            ends = what == "agent ends"
            self.move(id, "CONVERSATION_ENDED" if ends else "CALL_DROPPED", "end" if ends else "drop", "agent", at)

    # --- calls

    def queue(self, fields: dict[str, Any], scripts: list[Call], humans: int, inbound: bool) -> int:
        self.last_run += 1
        self.runs[self.last_run] = {**fields}
        first = self.last_result + 1
        for number in range(humans * fields["times"]):
            self.last_result += 1
            call = scripts[number] if number < len(scripts) else Call()
            self.results[self.last_result] = {
                "run": self.last_run,
                "status": "INITIALIZING",
                "call": call,
                "ready_for": 20 if inbound and call.ready_for is None else call.ready_for,
                "agent": "default",
                "history": [],
                "start": None,
                "end": None,
                "ticket": None,
                "line": False,
            }
            self.enter(self.last_result, self.now)
        if inbound:
            self.tell("outbound_simulation_started", first, self.now)
        return self.last_run

    def following(self, result: dict[str, Any]) -> tuple[float, str, str, str]:
        call, run = result["call"], self.runs[result["run"]]
        connects = call.end in ("ended", "dropped", "custom_error")
        if result["status"] == "INITIALIZING":
            return 0, "QUEUED", "queue", "call"
        if result["status"] == "QUEUED":
            inbound = result["ready_for"] is not None
            return call.waits, "READY" if inbound else "DISPATCHED", "await_call" if inbound else "dispatch", "call"
        if result["status"] == "READY":
            return (result["ready_for"], *(("DISPATCHED", "dispatch") if connects else ENDS[call.end]), "call")
        if result["status"] == "DISPATCHED":
            rings = run["ringing"] if call.connects_after is None else call.connects_after
            if not connects:
                return (min(rings, run["ringing"]), *ENDS[call.end], "call")
            if rings >= run["ringing"]:
                return run["ringing"], "NO_ANSWER", "go_unanswered", "limit"
            return rings, "RUNNING", "connect", "call"
        talks = run["longest"] if call.talks_for is None else call.talks_for
        if talks >= run["longest"]:
            return run["longest"], "CONVERSATION_ENDED", "end", "limit"
        return (talks, *ENDS["ended" if call.end == "custom_error" else call.end], "call")

    def enter(self, id: int, at: int) -> None:
        result = self.results[id]
        status = result["status"]
        if status == "RUNNING":
            result["start"], result["end"] = at, None
        if status == "CONVERSATION_ENDED":
            self.schedule(at + 1 * SECOND, "evaluate", id)
        if status == "EVALUATING":
            self.schedule(at + 5 * SECOND, "complete", id)
        if status == "QUEUED":
            self.tickets += 1
            result["ticket"] = self.tickets
            self.give_lines(result["run"], at)
        elif status in ("INITIALIZING", "READY", "DISPATCHED", "RUNNING"):
            self.schedule(at + round(self.following(result)[0] * SECOND), "script", id)

    def give_lines(self, run: int, at: int) -> None:
        while True:
            calls = [(id, one) for id, one in self.results.items() if one["run"] == run]
            taken = [id for id, one in calls if one["line"]]
            waiting = [(one["ticket"], id) for id, one in calls if one["status"] == "QUEUED" and not one["line"]]
            lines = self.runs[run]["lines"]
            if not waiting or (lines is not None and len(taken) >= lines):
                return
            id = min(waiting)[1]
            self.results[id]["line"] = True
            self.schedule(at + round(self.following(self.results[id])[0] * SECOND), "script", id)

    def move(self, id: int, to: str, event: str, cause: str, at: int) -> None:
        result = self.results[id]
        from_ = result["status"]
        result["history"].append((at, from_, to, event, cause))
        result["status"] = to
        self.pending = [
            one
            for one in self.pending
            if one["id"] != id or one["what"] not in ("script", "watchdog", "evaluate", "complete")
        ]
        if from_ == "RUNNING":
            result["end"] = at
            if event != "drop" and cause in ("agent", "watchdog"):
                for control in self.open_controls(id):
                    control["by"], control["gone"] = cause, at
        result["line"] = result["line"] and to in ("QUEUED", "READY", "DISPATCHED", "RUNNING")
        self.enter(id, at)
        self.give_lines(result["run"], at)
        if to == "CONVERSATION_ENDED":
            self.tell("simulation_ended", id, at)
        if to in ("COMPLETED", "CALL_DROPPED", "CUSTOM_ERROR"):
            self.tell("simulation_result_evaluated", id, at)

    def open_controls(self, id: int) -> list[dict[str, Any]]:
        return [control for control in self.controls if control["id"] == id and control["by"] is None]

    def end(self, ids: list[int]) -> tuple[list[int], list[int]]:
        marked: list[int] = []
        failed: list[int] = []
        for id in ids:
            if id not in self.results or self.results[id]["status"] != "RUNNING":
                failed.append(id)
                continue
            marked.append(id)
            if marked.count(id) > 1:
                continue  # one control object says it all
            self.controls.append({"id": id, "written": self.now, "by": None, "gone": None})
            agent = self.results[id]["agent"]
            if agent == "drops after 5":
                self.schedule(self.now + 5 * SECOND, "agent drops", id)
            elif agent != "silent":
                after = {"default": 2, "ends after 2": 2, "ends after 30": 30, "ends after 45": 45}[agent]
                self.schedule(self.now + after * SECOND, "agent ends", id)
            self.schedule(self.now + 30 * SECOND, "watchdog", id)
        return marked, failed

    def remove(self, id: int) -> None:
        run = self.results.pop(id)["run"]
        self.pending = [one for one in self.pending if one["id"] != id or one["what"] == "delivery"]
        self.give_lines(run, self.now)

    # --- webhooks

    def tell(self, event: str, id: int, at: int) -> None:
        for hook, its in self.hooks.items():
            if event not in its["events"]:
                continue
            copies, later = 1, 0
            delays = [one for one in self.amiss if one["event"] in (None, event) and one["copies"] == 1]
            duplicates = [one for one in self.amiss if one["event"] in (None, event) and one["copies"] > 1]
            for one in delays[:1]:
                later, one["times"] = one["later"], one["times"] - 1
            for one in duplicates[:1]:
                copies, one["times"] = one["copies"], one["times"] - 1
            self.amiss = [one for one in self.amiss if one["times"]]
            number = len(self.deliveries)
            self.deliveries.append(
                {"hook": hook, "event": event, "id": id, "at": at, "attempts": [], "planned": copies, "retries": 0}
            )
            for _ in range(copies):
                self.schedule(at + later, "delivery", number)

    def carry(self) -> None:
        while self.ready:
            delivery = self.ready.pop(0)
            began, how = self.now, self.hooks[delivery["hook"]]["how"]
            self.advance({"hangs": 10, "dawdles": 3}.get(how, 0) * SECOND)
            over = began + (5 * SECOND if how == "hangs" else 0)
            delivery["attempts"].append((began, {"takes": 200, "dawdles": 200, "fails": 500}.get(how)))
            delivery["planned"] -= 1
            taken = any(status == 200 for _, status in delivery["attempts"])
            if not taken and not delivery["planned"] and delivery["retries"] < len(RETRIES):
                delivery["planned"] += 1
                self.schedule(over + RETRIES[delivery["retries"]] * SECOND, "delivery", self.deliveries.index(delivery))
                delivery["retries"] += 1
            self.settle()


seconds = st.sampled_from([0, 0.5, 1, 1, 2, 2, 3, 10, 19.999999, 20, 45, 60, 700])
calls = st.builds(
    Call,
    waits=seconds,
    ready_for=st.none() | seconds,
    connects_after=st.none() | seconds,
    talks_for=st.none() | seconds,
    end=st.sampled_from(["ended", "ended", "ended", *ENDS]),
    passes=st.booleans(),
)
lengths = st.sampled_from([0, 1, SECOND, 5 * SECOND, 30 * SECOND, 700 * SECOND]) | st.integers(0, 100 * SECOND)
# Before most of what it does, a test waits: or little would ever come about.
pauses = st.sampled_from([0, 0, 0, SECOND, 2 * SECOND, 3_500_000, 5 * SECOND, 20 * SECOND, 60 * SECOND])
numbers = st.integers(1, 20)
hows = st.sampled_from(["takes", "takes", "dawdles", "fails", "hangs", "refuses"])


class Comparison(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeBluejay(seed=5)
        self.world = self.fake.world
        self.naive = Naive(self.world.now())
        agents = [self.fake.add_agent(type=type) for type in ("INBOUND", "OUTBOUND")]
        people = [self.fake.add_digital_human() for _ in range(4)]
        self.simulations = [
            [self.fake.add_simulation(agent=agent, digital_humans=people[:humans], **fields) for agent in agents]
            for fields, humans, _ in SIMULATIONS
        ]
        self.secrets: dict[str, str] = {}
        self.hows: dict[str, str] = {}
        self.arrived: Counter[str] = Counter()
        self.saved: Any = None
        self.client = self.fake.client(headers={"X-API-Key": self.fake.api_key})

    # --- runs and calls

    @initialize(how=hows, which=st.integers(0, 3), inbound=st.booleans(), scripts=st.lists(calls, max_size=6))
    def begin(self, how: str, which: int, inbound: bool, scripts: list[Call]) -> None:
        self.add_webhook(EVENTS, how)
        self.queue(0, which, inbound, scripts)

    @rule(pause=pauses, which=st.integers(0, 3), inbound=st.booleans(), scripts=st.lists(calls, max_size=6))
    def queue(self, pause: int, which: int, inbound: bool, scripts: list[Call]) -> None:
        self.advance(pause)
        _, humans, fields = SIMULATIONS[which]
        scripts = scripts[: humans * fields["times"]]
        self.fake.calls.next(*scripts)
        run = self.fake.queue_run(self.simulations[which][inbound])
        assert run.id == self.naive.queue(fields, scripts, humans, inbound)
        self.naive.advance(0)

    def employ(self, id: int, agent: str) -> None:
        if id in self.naive.results:
            self.fake.test_result(id).agent = AGENTS[agent]
            self.naive.results[id]["agent"] = agent

    @rule(pause=pauses, picks=st.lists(numbers, min_size=1, max_size=6), agent=st.sampled_from(sorted(AGENTS)))
    def end(self, pause: int, picks: list[int], agent: str) -> None:
        """End calls, most of them RUNNING ones: their number in a list of those, or what is no such number as an id."""
        self.advance(pause)
        running = [id for id, one in self.naive.results.items() if one["status"] == "RUNNING"]
        ids = [running[pick % len(running)] if running and pick < 15 else pick for pick in picks]
        self.employ(ids[0], agent)
        answer = self.client.post("/v1/end-conversations", json={"test_result_ids": ids}).json()
        assert (answer["test_result_ids"], answer["failed_ids"] or []) == self.naive.end(ids)
        self.naive.advance(0)

    def cancel(self, id: int) -> None:
        status = self.naive.results.get(id, {}).get("status")
        if status in NOT_CONNECTED:
            self.fake.test_result(id).cancel()
            self.naive.move(id, "CANCELLED", "cancel", "api", self.naive.now)
            self.naive.advance(0)
        else:
            with pytest.raises((KeyError, IllegalMove)):
                self.fake.test_result(id).cancel()

    def evaluate_again(self, id: int) -> None:
        done = self.naive.results.get(id, {}).get("status") == "COMPLETED"
        answer = self.client.post(f"/v1/re-evaluate-simulation-result/{id}")
        assert answer.status_code == (200 if done else 400 if id in self.naive.results else 404)
        if done:
            self.naive.move(id, "EVALUATING", "re_evaluate", "api", self.naive.now)
        self.naive.advance(0)

    def delete_result(self, id: int) -> None:
        known = id in self.naive.results
        assert self.client.delete(f"/v1/simulation-result/{id}").status_code == (200 if known else 404)
        if known:
            self.naive.remove(id)
        self.naive.advance(0)

    @rule(
        pause=pauses,
        what=st.sampled_from(["employ", "employ", "cancel", "evaluate again", "delete"]),
        id=numbers,
        agent=st.sampled_from(sorted(AGENTS)),
    )
    def treat_result(self, pause: int, what: str, id: int, agent: str) -> None:
        self.advance(pause)
        if id < 15 and self.naive.results:
            id = sorted(self.naive.results)[-id % len(self.naive.results)]
        if what == "employ":
            self.employ(id, agent)
        else:
            {"cancel": self.cancel, "evaluate again": self.evaluate_again, "delete": self.delete_result}[what](id)

    @rule(pause=pauses, id=st.integers(1, 9))
    def delete_run(self, pause: int, id: int) -> None:
        self.advance(pause)
        known = id in self.naive.runs
        assert self.client.delete(f"/v1/simulation-run/{id}").status_code == (200 if known else 404)
        if known:
            for result in [one for one, its in self.naive.results.items() if its["run"] == id]:
                self.naive.remove(result)
            del self.naive.runs[id]
        self.naive.advance(0)

    @rule(length=lengths)
    def advance(self, length: int) -> None:
        self.fake.clock.advance(length / SECOND)
        self.naive.advance(length)

    # --- webhooks

    @precondition(lambda self: len(self.naive.hooks) < 3)
    @rule(events=st.lists(st.sampled_from(EVENTS), min_size=1, unique=True), how=hows)
    def add_webhook(self, events: list[str], how: str) -> None:
        added: list[str] = []

        def receive(request: Any) -> int:
            [id] = added
            wanted = hmac.new(self.secrets[id].encode(), request.body, hashlib.sha256).hexdigest()
            assert request.headers["X-Bluejay-Signature"] == wanted
            assert request.json["type"] == request.event == request.headers["x-bluejay-event"]
            self.arrived[request.headers["X-Bluejay-Delivery"]] += 1
            self.fake.clock.advance({"hangs": 10, "dawdles": 3}.get(self.hows[id], 0))
            if self.hows[id] == "refuses":
                raise ConnectionRefusedError
            return 500 if self.hows[id] == "fails" else 200

        webhook = self.fake.webhooks.add(receive, events, retries=4)
        added.append(webhook.id)
        assert webhook.id not in self.naive.hooks
        self.secrets[webhook.id], self.hows[webhook.id] = webhook.secret, how
        self.naive.hooks[webhook.id] = {"events": events, "how": how}

    def change_receiver(self, id: str, how: str) -> None:
        self.hows[id] = self.naive.hooks[id]["how"] = how

    def renew_secret(self, id: str) -> None:
        before = self.secrets[id]
        self.secrets[id] = self.client.post("/v1/generate-signing-key", json={"webhook_id": id}).json()["signing_key"]
        assert self.secrets[id] != before

    def remove_webhook(self, id: str) -> None:
        self.fake.webhooks.remove(id)
        del self.naive.hooks[id]

    @precondition(lambda self: self.naive.hooks)
    @rule(pause=pauses, what=st.sampled_from(["change", "change", "renew", "remove"]), data=st.data(), how=hows)
    def treat_webhook(self, pause: int, what: str, data: st.DataObject, how: str) -> None:
        id = data.draw(st.sampled_from(sorted(self.naive.hooks)))
        self.advance(pause)
        if what == "change":
            self.change_receiver(id, how)
        else:
            {"renew": self.renew_secret, "remove": self.remove_webhook}[what](id)

    @rule(
        copies=st.none() | st.integers(1, 7),
        later=st.integers(0, 40),
        times=st.integers(1, 3),
        event=st.none() | st.sampled_from(EVENTS),
    )
    def go_amiss(self, copies: int | None, later: int, times: int, event: str | None) -> None:
        if copies is None:
            self.delay(later, times, event)
        else:
            self.duplicate(copies, times, event)

    def duplicate(self, copies: int, times: int, event: str | None) -> None:
        self.fake.webhooks.duplicate(times, copies=copies, event=event)
        self.naive.amiss.append({"copies": copies, "later": 0, "event": event, "times": times})

    def delay(self, later: int, times: int, event: str | None) -> None:
        self.fake.webhooks.delay(later, times, event=event)
        self.naive.amiss.append({"copies": 1, "later": later * SECOND, "event": event, "times": times})

    # --- going on elsewhere

    @rule(pause=pauses, what=st.sampled_from(["load", "save", "bring back"]))
    def go_on_elsewhere(self, pause: int, what: str) -> None:
        self.advance(pause)
        {"load": self.load, "save": self.save, "bring back": self.bring_back}[what]()

    def load(self) -> None:
        receivers = self.fake._worker.receivers
        data = self.fake.dump()
        other = FakeBluejay.load(data)
        assert other.dump() == data
        other._worker.receivers = receivers
        self.fake, self.world = other, other.world
        self.client = other.client(headers={"X-API-Key": other.api_key})
        self.simulations = [[type(one)(other.world, "simulations", one.id) for one in two] for two in self.simulations]

    def save(self) -> None:
        self.saved = self.fake.snapshot(), copy.deepcopy((vars(self.naive), self.secrets, self.hows))

    def bring_back(self) -> None:
        if self.saved is None:
            return
        self.fake.restore(self.saved[0])
        state, self.secrets, self.hows = copy.deepcopy(self.saved[1])
        vars(self.naive).update(state)

    # --- what always holds

    @invariant()
    def they_agree(self) -> None:
        assert self.world.now() == self.naive.now
        assert sorted(self.world.results) == sorted(self.naive.results)
        for id, naive in self.naive.results.items():
            real = self.world.results[id]
            assert (real.status, real.start_time, real.end_time) == (naive["status"], naive["start"], naive["end"])
            assert [tuple(move) for move in real.history] == naive["history"]
            assert [(one.written_at, one.gone_at, one.by) for one in real.control_objects] == [
                (one["written"], one["gone"], one["by"]) for one in self.naive.controls if one["id"] == id
            ]
        assert len(self.world.timers) == len(self.naive.pending)
        assert self.world.timers.next_due() == min((one["at"] for one in self.naive.pending), default=None)

    @invariant()
    def counters_equal_a_recount(self) -> None:
        assert [run.id for run in self.fake.runs] == sorted(self.naive.runs)
        for run in self.fake.runs:
            calls = [one for one in self.naive.results.values() if one["run"] == run.id]
            done = [one["call"].passes for one in calls if one["status"] == "COMPLETED"]
            over = [one for one in calls if one["status"] in FINAL]
            failures = [one for one in calls if one["status"] in FAILURES]
            assert run.tally[:4] == (len(calls), sum(done), len(done) - sum(done), len(failures))
            assert run.tally.ended_otherwise == len(over) - len(done)
            assert run.tally.failed == len(done) - sum(done) + len(failures)
            assert run.status == ("COMPLETED" if len(over) == len(calls) else "RUNNING")

    @invariant()
    def lines_are_neither_overbooked_nor_idle(self) -> None:
        for id, run in self.naive.runs.items():
            statuses = Counter(self.world.results[one].status for one in self.world.runs[id].result_ids)
            on = statuses["READY"] + statuses["DISPATCHED"] + statuses["RUNNING"]
            if run["lines"] is not None:
                about_to = len([one for one in self.world.timers if self.is_queued(one, id)])
                assert on + about_to <= run["lines"]
                assert on + about_to == run["lines"] or statuses["QUEUED"] == about_to

    def is_queued(self, timer: Any, run: int) -> bool:
        record = None if timer.kind == "delivery" else self.world.results[timer.subject_id]
        return record is not None and record.run is self.world.runs[run] and record.status == "QUEUED"

    @invariant()
    def deliveries_agree(self) -> None:
        deliveries: list[Delivery] = list(self.world.outbox.deliveries.values())
        assert [
            (
                one.webhook_id,
                one.event,
                one.created_at,
                [(each.at, each.status) for each in one.attempts],
                one.planned,
            )
            for one in deliveries
        ] == [(one["hook"], one["event"], one["at"], one["attempts"], one["planned"]) for one in self.naive.deliveries]
        for real, naive in zip(deliveries, self.naive.deliveries, strict=True):
            payload = json.loads(real.body)
            ids = [human["associated_simulation_result_ids"] for human in payload.get("digital_humans", ())]
            assert naive["id"] == (payload["id"] if "id" in payload else ids[0][0])
            assert real.delivered or real.planned or len(real.attempts) >= 5 or real.webhook_id not in self.naive.hooks
            assert self.arrived[real.id] >= len(real.attempts)

    def teardown(self) -> None:
        """In the end all is over, and everybody has heard of it."""
        for hook, its in self.naive.hooks.items():
            self.hows[hook] = its["how"] = "takes"
        self.advance(1_000_000 * SECOND)
        self.they_agree()
        self.counters_equal_a_recount()
        self.deliveries_agree()
        for record in self.world.results.values():
            assert record.status in FINAL
            final = [move for move in record.history if move.to in FINAL]
            again = [move for move in record.history if move.event == "re_evaluate"]
            assert len(final) == 1 + len(again)
        assert len(self.world.timers) == 0
        for delivery in self.fake.webhooks.deliveries:
            assert delivery.delivered or delivery.given_up


@pytest.mark.timeout(600)
def test_runs_and_webhooks_agree_with_a_naive_model() -> None:
    runs = examples(250, 12)
    run_state_machine_as_test(
        Comparison,
        settings=settings(max_examples=runs, stateful_step_count=50, derandomize=True, deadline=None, database=None),
    )
