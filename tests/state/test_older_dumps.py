"""Dumps that earlier versions wrote are still read, and go on where they stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from fake_bluejay import FakeBluejay

OLD = Path(__file__).parent / "dump-of-0.1.0.json"


@pytest.fixture
def old() -> Any:
    return json.loads(OLD.read_text())


def test_human_evaluations_in_the_fields_of_a_lab_become_entities() -> None:
    fake = FakeBluejay()
    fake.add_test_result()
    metric, lab = fake.add("metric").id, fake.add("lab").id
    dump = fake.dump()
    found = {"custom_metric_id": metric, "call_id": None, "test_result_id": 1, "human_response_value": "yes"}
    dump["labs"]["all"][0]["fields"]["human_evaluations"] = [{**found, "human_reasoning": None}]
    loaded = FakeBluejay.load(dump)
    [one] = loaded.resources("human evaluation")
    assert one.fields == {**found, "human_reasoning": None, "lab_id": lab}
    assert FakeBluejay.load(loaded.dump()).dump() == loaded.dump()
    dump["labs"]["all"][0]["fields"]["human_evaluations"] = [{**found, "human_response_value": 7}, 5]
    with pytest.raises(ValueError, match=r"human_evaluations\.all\[0\]\.fields\.human_response_value"):
        FakeBluejay.load(dump)


def test_a_dump_of_0_1_0_is_read_in_todays_words(old: Any) -> None:
    assert {"EVALUATION_PENDING", "INSUFFICIENT_FUNDS"} <= {one["status"] for one in old["test_results"]}
    fake = FakeBluejay.load(old)
    assert [str(one.status) for one in fake.test_results] == [
        one["status"].replace("EVALUATION_PENDING", "CONVERSATION_ENDED") for one in old["test_results"]
    ]
    assert all(move.event != "await_evaluation" for one in fake.test_results for move in one.history)
    assert fake.readings.watchdog_sets == "CONVERSATION_ENDED"  # what it was then, and said so
    assert fake.readings.status_words == fake.readings.contract == "openapi-2026-04-30"
    assert fake.readings.tests_failed == "scored-only"
    assert fake.calls.default.talks_for == 100
    assert FakeBluejay.load(fake.dump()).dump() == fake.dump()


def test_calls_and_timers_of_an_older_dump_go_on(old: Any) -> None:
    pending, marked = (
        next(one["id"] for one in old["test_results"] if one["status"] == status)
        for status in ("EVALUATION_PENDING", "RUNNING")
    )
    fake = FakeBluejay.load(old)
    fake.clock.advance(6)
    assert fake.test_result(pending).status == "COMPLETED"
    fake.clock.advance(30)
    assert [(one.to, one.cause) for one in fake.test_result(marked).history][-3:] == [
        ("CONVERSATION_ENDED", "watchdog"),
        ("EVALUATING", "evaluation"),
        ("COMPLETED", "evaluation"),
    ]


@pytest.mark.parametrize("broken", [5, [5], [{"status": 5, "history": [7]}], [{"history": {"event": 1}}]])
def test_error_in_an_older_dump_names_its_place(old: Any, broken: Any) -> None:
    with pytest.raises(ValueError, match="test_results"):
        FakeBluejay.load({**old, "test_results": broken})
    with pytest.raises(ValueError, match="readings"):
        FakeBluejay.load({**old, "readings": {"status_words": 5}})
