"""The strategies give what they say: payloads accepted, or refused for the reasons given; worlds; a machine."""

from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from fake_bluejay import FakeBluejay, Status
from fake_bluejay.facade.fake import Options
from fake_bluejay.strategies import BluejayMachine, InvalidPayload, invalid_payloads, valid_payloads, worlds
from tests.thoroughness import examples

URL = "https://api.getbluejay.ai/v1/end-conversations"
FAKE = FakeBluejay()
CLIENT = FAKE.client(headers={"X-API-Key": "key"})
MANY = settings(max_examples=examples(300, 40), deadline=None, derandomize=True, database=None)


@MANY
@given(valid_payloads())
def test_valid_payloads_are_accepted(payload: dict[str, Any]) -> None:
    answer = CLIENT.post("/v1/end-conversations", json=payload)
    assert answer.status_code == 200
    assert answer.json()["failed_ids"] == payload["test_result_ids"]


@MANY
@given(invalid_payloads())
def test_invalid_payloads_are_refused_for_the_reasons_given(invalid: InvalidPayload) -> None:
    answer = CLIENT.post("/v1/end-conversations", json=invalid.payload)
    assert answer.status_code == 422
    assert tuple(error["type"] for error in answer.json()["detail"]) == invalid.types


@MANY
@given(worlds())
def test_worlds_survive_a_dump(bluejay: FakeBluejay) -> None:
    dump = bluejay.dump()
    again = FakeBluejay.load(dump)
    assert again.dump() == dump
    for fake in (bluejay, again):
        fake.clock.advance(100)
    assert again.dump() == bluejay.dump()


def test_a_machine_drives_a_client() -> None:
    class Careful(BluejayMachine):
        """A client that takes any failure for a maybe, and asks again."""

        calls = 0

        @rule()
        def end_all(self) -> None:
            ids = [result.id for result in self.bluejay.test_results]
            for _ in range(20):
                try:
                    answer = httpx.post(URL, json={"test_result_ids": ids}, headers={"X-API-Key": "k"}, timeout=5)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    type(self).calls += 1
                    return

        @invariant()
        def nothing_is_stuck(self) -> None:
            with self.bluejay.snapshot():
                self.bluejay.clock.advance(31)
                for result in self.bluejay.test_results:
                    assert result.status != Status.RUNNING or not result.control

    run_state_machine_as_test(Careful, settings=settings(MANY, max_examples=20, stateful_step_count=15))
    assert Careful.calls > 10


def test_a_machine_may_be_given_options_and_refuse_writes() -> None:
    refused = set()

    class Refusing(BluejayMachine):
        faults = ("refuse_control_write",)
        options: ClassVar[Options] = {"seed": 7}

        @rule()
        def end_all(self) -> None:
            assert self.bluejay.world.seed == 7
            ids = [result.id for result in self.bluejay.test_results]
            httpx.post(URL, json={"test_result_ids": ids}, headers={"X-API-Key": "k"})
            refused.update(self.bluejay.requests[-1].faults)

    run_state_machine_as_test(Refusing, settings=settings(MANY, max_examples=10, stateful_step_count=15))
    assert refused


def test_a_machine_finds_a_careless_client() -> None:
    class Careless(BluejayMachine):
        faults = ("reset",)

        @rule()
        def end_first(self) -> None:
            answer = httpx.post(URL, json={"test_result_ids": [1]}, headers={"X-API-Key": "k"}, timeout=5)
            assert answer.json()["success"] in (True, False)

    few = settings(MANY, max_examples=50, stateful_step_count=15, phases=[Phase.generate])
    with pytest.raises(httpx.ReadError):
        run_state_machine_as_test(Careless, settings=few)


# --- clients with bugs, each of which the machine has to find --------------------------------------------------------

API = "https://api.getbluejay.ai/v1"
KEY = {"X-API-Key": "k"}


class Faultless(BluejayMachine):
    """A machine without faults: the bugs below are met without any."""

    faults = ()

    def status(self, id: int) -> str:
        answer = httpx.get(f"{API}/retrieve-simulation-result/{id}", headers=KEY).json()
        return str(answer["simulation_result"]["status"])


class AsksAgain(BluejayMachine):
    """Queues a run again if it got no answer, although the first request may have taken effect."""

    faults = ("lose_response",)

    @rule()
    def queue(self) -> None:
        self.runs_asked_for += 1
        simulation = self.bluejay.add_simulation()
        for _ in range(3):
            try:
                body = {"simulation_id": str(simulation.id)}
                httpx.post(f"{API}/queue-simulation-run", json=body, headers=KEY, timeout=5)
                return
            except httpx.TransportError:
                continue


class WaitsForTheEndAlone(Faultless):
    """Takes CONVERSATION_ENDED for the status that a conversation ends with."""

    @rule()
    def end(self) -> None:
        result = self.bluejay.add_test_result()
        httpx.post(f"{API}/end-conversations", json={"test_result_ids": [result.id]}, headers=KEY)
        for _ in range(100):
            if self.status(result.id) == "CONVERSATION_ENDED":
                return
            self.bluejay.clock.advance(1)
        raise AssertionError("it never ended")


class ExpectsCompletion(Faultless):
    """Thinks that every call of a run is answered, and completes."""

    @rule()
    def run(self) -> None:
        self.runs_asked_for += 1
        run = self.bluejay.queue_run()
        self.bluejay.clock.advance(3600)
        assert [self.status(result.id) for result in run.test_results] == ["COMPLETED"]


class EndsAll(Faultless):
    """Ends whatever runs, and not only what is its own."""

    @initialize()
    def own(self) -> None:
        self.may_be_ended = {self.bluejay.add_test_result().id}

    @rule()
    def end(self) -> None:
        ids = [result.id for result in self.bluejay.test_results]
        httpx.post(f"{API}/end-conversations", json={"test_result_ids": ids}, headers=KEY)


class GivesUpEarly(Faultless):
    """Waits a minute for an evaluation, and no longer."""

    @rule()
    def wait(self) -> None:
        result = self.bluejay.add_test_result(status="CONVERSATION_ENDED")
        self.bluejay.clock.advance(60)
        assert self.status(result.id) == "COMPLETED"


class TrustsTheAnswer(BluejayMachine):
    """Reads an answer without looking at its status."""

    faults = ("respond",)

    @rule()
    def end(self) -> None:
        body = {"test_result_ids": [1]}
        assert "success" in httpx.post(f"{API}/end-conversations", json=body, headers=KEY).json()


@pytest.mark.parametrize(
    "client", [AsksAgain, WaitsForTheEndAlone, ExpectsCompletion, EndsAll, GivesUpEarly, TrustsTheAnswer]
)
def test_a_machine_reaches_the_bug_of_a_client(client: type[BluejayMachine]) -> None:
    some = settings(MANY, max_examples=60, stateful_step_count=15, phases=[Phase.generate])
    with pytest.raises((AssertionError, ValueError)):
        run_state_machine_as_test(client, settings=some)
