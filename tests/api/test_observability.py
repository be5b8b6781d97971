"""Conversations and issues, as the newest documentation has them: listed, filtered, counted, found, changed."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.call_logs import CALL_LOGS
from fake_bluejay.evaluations import failed
from tests.api.client import Client
from tests.api.test_call_logs import CONVERSATION, SCORED, UNKNOWN, submit

CONVERSATIONS = "observability/conversations"
ISSUES = "observability/issues"


@pytest.fixture(autouse=True)
def agents(fake: FakeBluejay) -> Any:
    return fake.add_agent(external_agent_id="front-desk"), fake.add_agent()


def listed(ask: Client, query: str = "") -> list[str]:
    return [one["id"] for one in ask("GET", f"{CONVERSATIONS}?{query}")["conversations"]]


def counted(ask: Client, query: str) -> dict[Any, int]:
    answer = ask("GET", f"{CONVERSATIONS}?{query}")
    return {(one["metric"], one["value"]) if one["metric"] else one["value"]: one["count"] for one in answer["groups"]}


# --- conversations ----------------------------------------------------------------------------------------------


def test_conversation_has_its_transcript_and_the_results_of_its_metrics(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "create-metric", {**SCORED, "name": "politeness", "agent_ids": [1]})
    fake.evaluations.next(scores={"politeness": 4})
    id = submit(ask)
    queued = ask("GET", f"{CONVERSATIONS}/{id}")
    assert (queued["status"], queued["metric_results"]) == ("QUEUED", [])
    fake.clock.advance(6)
    done = ask("GET", f"{CONVERSATIONS}/{id}")
    assert (done["id"], done["status"], done["agent_id"], done["label"]) == (id, "COMPLETED", "1", None)
    assert [(one["name"], one["response_value"]) for one in done["metric_results"]] == [("politeness", "4")]
    assert [one["utterance"] for one in done["transcript"]] == ["Hello.", "Goodbye."]
    assert ask("GET", f"{CONVERSATIONS}/{id}?include_transcript=false") == {**done, "transcript": None}
    [row] = ask("GET", CONVERSATIONS)["conversations"]
    assert row == {name: value for name, value in done.items() if name != "transcript"}


def test_metric_results_are_those_of_the_newest_evaluation(ask: Client, fake: FakeBluejay) -> None:
    ask("POST", "create-metric", {**SCORED, "name": "politeness", "agent_ids": [1]})
    id = submit(ask)
    for score in (2, 5):
        fake.evaluations.next(scores={"politeness": score})
        ask("POST", f"re-evaluate/{id}")
        fake.clock.advance(6)
    assert [one["response_value"] for one in ask("GET", f"{CONVERSATIONS}/{id}")["metric_results"]] == ["5"]


def test_conversations_come_in_pages_the_newest_first(ask: Client) -> None:
    ids = [submit(ask) for _ in range(25)]
    assert listed(ask) == ids[:4:-1]
    second = ask("GET", f"{CONVERSATIONS}?page=2&page_size=10")
    assert [one["id"] for one in second["conversations"]] == ids[14:4:-1]
    assert {name: second[name] for name in ("total_count", "page", "page_size", "total_pages")} == {
        "total_count": 25,
        "page": 2,
        "page_size": 10,
        "total_pages": 3,
    }
    assert ask("GET", f"{CONVERSATIONS}?page_size=101", status=422)


def test_filters_keep_the_conversations_that_all_of_them_fit(ask: Client, fake: FakeBluejay) -> None:
    fake.evaluations.next(failed())
    broken = submit(ask)
    other = submit(ask, agent_id="2", label="beta", call_direction="OUTBOUND")
    caller = [{"role": "AGENT", "phone_number": "+15550001"}, {"role": "USER", "phone_number": "+15550002"}]
    called = submit(ask, participants=caller)
    long = submit(ask, transcript=[{**CONVERSATION["transcript"][0], "end_offset_ms": 90_000}])
    fake.clock.advance(6)
    for query, kept in (
        ("status=SYSTEM_ERROR", [broken]),
        ("agent_ids=2", [other]),
        ("agent_ids=1&agent_ids=2", [long, called, other, broken]),
        ("label_ids=beta", [other]),
        ("initiation_direction=OUTBOUND", [other]),
        ("caller_number=%2B15550002", [called]),
        ("caller_number=%2B15550001", []),
        ("duration_min=90", [long]),
        ("duration_min=90.001", []),
        ("status=COMPLETED&agent_ids=1&duration_min=3", [long]),
    ):
        assert listed(ask, query) == kept, query
    assert ask("GET", f"{CONVERSATIONS}?status=DONE", status=422)


def test_label_that_is_left_out_is_unset_but_production_for_an_external_id(ask: Client, fake: FakeBluejay) -> None:
    fake.add_agent(external_agent_id="mine")
    [plain, external] = [submit(ask), submit(ask, agent_id=None, external_agent_id="mine")]
    assert [ask("GET", f"{CONVERSATIONS}/{id}")["label"] for id in (plain, external)] == [None, "production"]
    assert listed(ask, "label_ids=production") == [external]


def test_label_is_named_by_its_id_which_is_one_agents(ask: Client) -> None:
    mine, theirs = (submit(ask, agent_id=agent, label="beta") for agent in ("1", "2"))
    for agent, log in (("1", mine), ("2", theirs)):
        [id] = [one["id"] for one in ask("GET", f"agents/{agent}/labels") if one["label_text"] == "beta"]
        assert listed(ask, f"label_ids={id}") == [log]
        assert listed(ask, f"label_ids={id}&label_ids=beta") == [theirs, mine]
    assert listed(ask, "label_ids=6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69") == []


def test_groups_are_counted_by_each_of_the_documented_values(ask: Client, fake: FakeBluejay) -> None:
    body = {"name": "helped", "description": "", "response_type": "pass_fail", "agent_ids": [1]}
    ask("POST", "create-metric", body)
    for helped in (True, True, False):
        fake.evaluations.next(scores={"helped": helped})
        submit(ask, metadata={"shop": {"id": 7}}, conversation_ended_by="USER")
    fake.clock.advance(86_400)
    submit(ask, agent_id="2", label="beta", interface="WEB", call_direction="OUTBOUND")
    for query, counts in (
        ("group_by=status", {"COMPLETED": 3, "QUEUED": 1}),
        ("group_by=agent", {"1": 3, "2": 1}),
        ("group_by=label", {None: 3, "beta": 1}),
        ("group_by=day", {"2026-01-01": 3, "2026-01-02": 1}),
        ("group_by=interface", {"PHONE": 3, "WEB": 1}),
        ("group_by=direction", {"INBOUND": 3, "OUTBOUND": 1}),
        ("group_by=ended_by", {"USER": 3, None: 1}),
        ("group_by=metadata_path&metadata_path=shop.id", {"7": 3, None: 1}),
        ("group_by=metric_value", {("helped", "pass"): 2, ("helped", "fail"): 1}),
        ("group_by=agent&status=QUEUED", {"2": 1}),
    ):
        assert counted(ask, query) == counts, query
    assert ask("GET", f"{CONVERSATIONS}?group_by=status")["total_count"] == 4
    assert ask("GET", f"{CONVERSATIONS}?group_by=metadata_path", status=400)
    assert ask("GET", f"{CONVERSATIONS}?group_by=mood", status=422)


def test_conversations_of_another_organisation_do_not_exist(ask: Client, others: Client) -> None:
    id = submit(ask)
    for one in (id, UNKNOWN, "none"):
        assert others("GET", f"{CONVERSATIONS}/{one}", status=404) == {"detail": "Call log not found"}
    assert others("GET", CONVERSATIONS)["conversations"] == []
    assert counted(others, "group_by=status") == {}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "retrieve-call-log"), ("GET", "retrieve-call-logs"), ("DELETE", "call-log")]
)
def test_paths_without_an_id_do_nothing(ask: Client, method: str, path: str) -> None:
    id = submit(ask)
    assert "id of a call log" in ask(method, path)["message"]
    assert listed(ask) == [id]


# --- issues -----------------------------------------------------------------------------------------------------


def test_issue_that_a_test_adds_is_found(ask: Client, fake: FakeBluejay) -> None:
    conversation = submit(ask)
    issue = fake.add("issue", title="No confirmation", conversation_ids=[conversation])
    found = ask("GET", f"{ISSUES}/{issue.id}")
    assert found == {
        "id": issue.id,
        "title": "No confirmation",
        "type": "non_deterministic",
        "status": "open",
        "priority": None,
        "assignee_id": None,
        "due_date": None,
        "conversation_ids": [conversation],
        "last_seen_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
    }
    assert ask("GET", ISSUES) == {"issues": [found], "total": 1, "limit": 50, "offset": 0}
    assert ask("GET", f"issues/{issue.id}") == found
    assert ask("GET", "issues")["issues"] == [found]


def test_issues_are_filtered_and_the_last_seen_is_first(ask: Client, fake: FakeBluejay) -> None:
    error = fake.add("issue", type="deterministic", priority="high", last_seen_at="2026-01-03T00:00:00Z").id
    old = fake.add("issue", status="resolved", last_seen_at="2025-12-01T01:00:00+01:00").id
    new = fake.add("issue", assignee_id="ann", last_seen_at="2026-01-02T00:00:00Z").id

    def ids(query: str) -> list[str]:
        return [one["id"] for one in ask("GET", f"{ISSUES}?{query}")["issues"]]

    for query, kept in (
        ("", [error, new, old]),
        ("status=open", [error, new]),
        ("priority=high", [error]),
        ("type=non_deterministic", [new, old]),
        ("assignee_id=ann", [new]),
        ("limit=1&offset=1", [new]),
    ):
        assert ids(query) == kept, query
    for query in ("limit=201", "status=done", "priority=none"):
        assert ask("GET", f"{ISSUES}?{query}", status=422)


def test_update_changes_given_fields_and_null_clears_them(ask: Client, fake: FakeBluejay) -> None:
    id = fake.add("issue", title="No confirmation").id
    given = {"status": "in_progress", "priority": "urgent", "assignee_id": "ann", "due_date": "2026-02-01"}
    changed = ask("PUT", f"{ISSUES}/{id}", given)
    assert {name: changed[name] for name in given} == given
    cleared = ask("PUT", f"issues/{id}", {"priority": None, "status": None, "title": "mine"})
    assert (cleared["priority"], cleared["status"], cleared["due_date"]) == (None, "in_progress", "2026-02-01")
    assert cleared["title"] == "No confirmation"
    for name, wrong in (("status", "done"), ("priority", "none"), ("due_date", "soon")):
        assert ask("PUT", f"{ISSUES}/{id}", {name: wrong}, status=400)["detail"].startswith(f"{name}: ")
    ask("PUT", f"{ISSUES}/{id}", {"status": 7}, status=422)
    assert ask("GET", f"{ISSUES}/{id}") == cleared


def test_due_date_at_midnight_is_a_day_and_kept_in_a_dump(ask: Client, fake: FakeBluejay) -> None:
    issue = fake.add("issue")
    for due in ("2026-02-01T00:00:00Z", "1769904000"):
        changed = ask("PUT", f"observability/issues/{issue.id}", {"due_date": due})
        assert changed["due_date"] == "2026-02-01"
        assert FakeBluejay.load(fake.dump()).dump() == fake.dump()


def test_deleted_conversation_is_no_longer_attached(ask: Client, fake: FakeBluejay) -> None:
    first, second = submit(ask), submit(ask)
    id = fake.add("issue", conversation_ids=[first, second]).id
    ask("DELETE", f"call-log/{first}")
    assert ask("GET", f"{ISSUES}/{id}")["conversation_ids"] == [second]
    with pytest.raises(ValueError, match="Call log not found"):
        fake.add("issue", conversation_ids=[first])


def test_issues_of_another_organisation_do_not_exist(ask: Client, others: Client, fake: FakeBluejay) -> None:
    id = fake.add("issue").id
    for one in (id, UNKNOWN, "none"):
        assert others("GET", f"{ISSUES}/{one}", status=404) == {"detail": "Issue not found"}
        assert others("PUT", f"{ISSUES}/{one}", {"status": "resolved"}, status=404) == {"detail": "Issue not found"}
    assert others("GET", ISSUES)["issues"] == []


def test_dump_brings_issues_back(ask: Client, fake: FakeBluejay) -> None:
    fake.add("issue", conversation_ids=[submit(ask)], due_date="2026-02-01")
    with FakeBluejay.load(fake.dump()) as other:
        assert Client(other, other.api_key)("GET", ISSUES) == ask("GET", ISSUES)


def test_conversations_are_filtered_by_any_documented_status(ask: Client, fake: FakeBluejay) -> None:
    """Production has one status of its own, NOT_EVALUATED, which only a test gives."""
    logs = fake.world.resources[CALL_LOGS]
    for status in ("NOT_EVALUATED", "CALL_DROPPED", "INCOMPLETED"):
        one = logs.get(submit(ask))
        assert one is not None
        fake.world.resources.change(one, {"status": status})
        listed = ask("GET", f"observability/conversations?status={status}")["conversations"]
        assert [(found["id"], found["status"]) for found in listed] == [(one.id, status)]
