"""Flows of a client that creates, finds, changes and removes something through bluejay-sdk, sync and async.

Each flow is written once, and runs with the SDK's methods and with their `…_async` twins. `test_sdk.py` calls each
method once in a world that has everything; here every method's answer depends on what was done before.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bluejay
import pytest
import requests

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Call
from fake_bluejay.evaluations import Evaluation
from tests.acceptance.test_sdk import CALLS, MakeSdk

# The SDK says so of `get_custom_metrics_by_agent`.
pytestmark = pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")

METHODS = set(CALLS)
AGENT = {"system_prompt": "Be kind.", "knowledge_base": "Open from 9 to 5.", "goals": ["help"]}
GRAPH = {"nodes": [{"id": "s", "type": "start"}], "edges": []}
CONVERSATION = {
    "agent_id": "1",
    "start_time_utc": "2026-01-01T00:00:00Z",
    "participants": [{"role": "AGENT"}, {"role": "USER"}],
    "transcript": [{"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "Hello."}],
}
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


class Sdk:
    """The SDK, whose `sdk.agents.get_agent(…)` calls the method of that name or, as told, its asynchronous twin."""

    def __init__(self, sdk: bluejay.Bluejay, runner: asyncio.Runner | None) -> None:
        self._sdk = sdk
        self._runner = runner

    def __getattr__(self, part: str) -> Any:
        names = [name.partition(".")[2] for name in METHODS if name.startswith(f"{part}.")]
        return SimpleNamespace(**{name: self._caller(getattr(self._sdk, part), name) for name in names})

    def _caller(self, part: Any, name: str) -> Callable[..., Any]:
        if (runner := self._runner) is None:
            return getattr(part, name)  # type: ignore[no-any-return]
        return lambda **arguments: runner.run(getattr(part, f"{name}_async")(**arguments))


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    with FakeBluejay(seed=7) as fake:
        yield fake


@pytest.fixture(params=["sync", "async"])
def sdk(fake: FakeBluejay, make_sdk: MakeSdk, request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "sync":
        yield Sdk(make_sdk(fake.api_key), None)
    else:
        with asyncio.Runner() as runner:
            yield Sdk(make_sdk(fake.api_key), runner)


@pytest.fixture
def gone() -> Callable[..., None]:
    """Assert that a call finds nothing any more."""

    def gone(call: Callable[..., Any], **arguments: Any) -> None:
        with pytest.raises(bluejay.errors.BluejayDefaultError) as refused:
            call(**arguments)
        assert refused.value.status_code == 404

    return gone


Gone = Callable[..., None]


def test_every_method_has_a_part_in_a_flow() -> None:
    used = set(re.findall(r"\bsdk\.(\w+\.\w+)", Path(__file__).read_text()))
    assert used == METHODS


def test_agents(sdk: Any, gone: Gone) -> None:
    agent = sdk.agents.add_agent(name="Ann", external_agent_id="a", phone_number="+15555550100", **AGENT).agent_id
    found = sdk.agents.get_agent(agent_id=agent)
    assert (found.name, found.goals, found.phone_number) == ("Ann", ["help"], "+15555550100")
    assert sdk.agents.get_agent_by_external_id(external_id="a") == found
    assert sdk.agents.get_all_agents() == [found]
    sdk.agents.update_agent(agent_id=str(agent), name="Bea", goals=["help", "sell"])
    sdk.agents.update_agent_by_external_id(external_agent_id="a", system_prompt="Be brief.")
    changed = sdk.agents.get_agent(agent_id=agent)
    assert (changed.name, changed.goals, changed.phone_number) == ("Bea", ["help", "sell"], "+15555550100")
    assert sdk.agents.delete_agent(agent_id=agent).agent_id == agent
    assert sdk.agents.get_all_agents() == []
    gone(sdk.agents.get_agent, agent_id=agent)
    gone(sdk.agents.get_agent_by_external_id, external_id="a")


def test_folders(sdk: Any, gone: Gone) -> None:
    agent = sdk.agents.add_agent(name="Ann", **AGENT).agent_id
    folder, other = (sdk.folders.create_folder(name=name) for name in ("Support", "Sales"))
    assert sdk.folders.get_all_folders() == [folder, other]
    assert sdk.folders.update_folder(folder_id=folder.id, name="Help").name == "Help"
    assert sdk.folders.get_folder(folder_id=folder.id).name == "Help"
    sdk.folders.move_agent_to_folder(agent_id=agent, folder_id=folder.id)
    assert [one.name for one in sdk.folders.get_agents_by_folder(folder_id=folder.id)] == ["Ann"]
    assert sdk.folders.get_agents_by_folder(folder_id=other.id) == []
    assert sdk.folders.delete_folder(folder_id=folder.id).folder_id == folder.id
    gone(sdk.folders.get_folder, folder_id=folder.id)
    assert sdk.folders.get_all_folders() == [other]


def test_simulations(sdk: Any, gone: Gone) -> None:
    agent = str(sdk.agents.add_agent(name="Ann", **AGENT).agent_id)
    simulation = sdk.simulations.create_simulation(agent_id=agent, name="Calls", max_concurrent=3).simulation_id
    found = sdk.simulations.get_simulation(simulation_id=simulation)
    assert (found.name, found.max_concurrent) == ("Calls", 3)
    for listed in (sdk.simulations.get_all_simulations(), sdk.simulations.get_simulations_by_agent(agent_id=agent)):
        assert [one.name for one in listed.simulations_value] == ["Calls"]
    assert sdk.simulations.update_simulation(simulation_id=simulation, name="Night", max_concurrent=5).name == "Night"
    changed = sdk.simulations.get_simulation(simulation_id=simulation)
    assert (changed.name, changed.max_concurrent) == ("Night", 5)
    sdk.simulations.delete_simulation(simulation_id=simulation)
    assert sdk.simulations.get_all_simulations().simulations_value == []
    gone(sdk.simulations.get_simulation, simulation_id=simulation)


def test_digital_humans(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    simulation = fake.add_simulation(digital_humans=0)
    new = {"test_name": "loud", "intent": "Ask for the manager.", "phone_number": "+15555550100"}
    created = sdk.digital_humans.create_digital_human(digital_human=new, simulation_ids=[simulation.id]).digital_human
    many = sdk.digital_humans.bulk_create_digital_humans(digital_humans_value=[{"intent": "Ask."}, {"intent": "Pay."}])
    others = [one.digital_human.id for one in many.created]
    assert sdk.digital_humans.get_digital_human(digital_human_id=created.id).digital_human == created
    assert sdk.digital_humans.get_digital_human_by_test_name(test_name="loud").digital_human == created
    [joined] = sdk.digital_humans.get_digital_humans_by_simulation(simulation_id=simulation.id).digital_humans_value
    assert joined == created
    pages = [sdk.digital_humans.get_all_digital_humans(page=page, page_size=2).digital_humans_value for page in (1, 2)]
    assert [[one.id for one in page] for page in pages] == [[others[1], others[0]], [created.id]]
    sdk.digital_humans.update_digital_human(
        digital_human_id=created.id, intent="Thank you.", interruptions={"type": "low"}, simulation_ids=[]
    )
    changed = sdk.digital_humans.get_digital_human(digital_human_id=created.id).digital_human
    assert (changed.intent, changed.test_name) == ("Thank you.", "loud")
    assert sdk.digital_humans.get_digital_humans_by_simulation(simulation_id=simulation.id).digital_humans_value == []
    sdk.digital_humans.delete_digital_human(digital_human_id=created.id)
    sdk.digital_humans.bulk_delete_digital_humans(digital_human_ids=",".join(map(str, others)))
    assert sdk.digital_humans.get_all_digital_humans().digital_humans_value == []
    gone(sdk.digital_humans.get_digital_human, digital_human_id=created.id)


def test_custom_background_noises(sdk: Any, gone: Gone) -> None:
    noise = sdk.digital_humans.create_custom_background_noise(
        name="Rain", storage_path="custom-background-noises/default/rain.wav"
    )
    assert sdk.digital_humans.list_custom_background_noises() == [noise]
    assert sdk.digital_humans.update_custom_background_noise(noise_id=noise.id, name="Storm").name == "Storm"
    assert [one.name for one in sdk.digital_humans.list_custom_background_noises()] == ["Storm"]
    sdk.digital_humans.delete_custom_background_noise(noise_id=noise.id)
    assert sdk.digital_humans.list_custom_background_noises() == []
    gone(sdk.digital_humans.delete_custom_background_noise, noise_id=noise.id)


def test_communities(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    ann, bea = fake.add_digital_human().id, fake.add_digital_human().id
    community = sdk.communities.create_community(title="Billing", digital_human_ids=[ann])
    assert sdk.communities.get_community(community_id=community.id) == community
    sdk.communities.add_digital_humans_to_community(community_id=community.id, digital_human_ids=[bea])
    assert [one.id for one in sdk.communities.get_communities(digital_human_id=bea).communities_value] == [community.id]
    sdk.communities.remove_digital_humans_from_community(community_id=community.id, digital_human_ids=[ann])
    assert sdk.communities.get_communities(digital_human_id=ann).communities_value == []
    assert sdk.communities.update_community(community_id=community.id, title="Help").title == "Help"
    sdk.communities.delete_community(community_id=community.id)
    assert sdk.communities.get_communities().communities_value == []
    gone(sdk.communities.get_community, community_id=community.id)


def test_metrics(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    agent, other = fake.add_agent(), fake.add_agent()
    new = {"name": "politeness", "description": "How polite.", "response_type": "pass_fail", "agent_ids": [other.id]}
    created = sdk.custom_metrics.create_custom_metric(**new)
    [another] = sdk.custom_metrics.create_custom_metrics(metrics=[new]).metrics
    assert sdk.custom_metrics.get_custom_metric(metric_id=created.id) == created
    assert sdk.custom_metrics.get_custom_metrics(agent_id=other.id).metrics == [created, another]
    assert sdk.custom_metrics.get_custom_metrics_by_agent(agent_id=other.id).metrics == [created, another]
    assert sdk.custom_metrics.update_custom_metric(metric_id=created.id, name="kindness").name == "kindness"
    sdk.custom_metrics.bulk_update_custom_metrics(metric_ids=[another.id], updates={"agent_ids": [agent.id]})
    assert [one.name for one in sdk.custom_metrics.get_custom_metrics(agent_id=other.id).metrics] == ["kindness"]
    assert sdk.custom_metrics.delete_custom_metric(metric_id=created.id).name == "kindness"
    deleted = sdk.custom_metrics.bulk_delete_custom_metrics(custom_metric_ids=[another.id])
    assert deleted.deleted_metric_ids == [another.id]
    assert sdk.custom_metrics.get_custom_metrics(agent_id=other.id).metrics == []
    gone(sdk.custom_metrics.get_custom_metric, metric_id=created.id)


def test_schedules_queue_their_runs(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    simulation = str(fake.add_simulation().id)
    hourly = {"frequency": "every_n_hours", "interval": 1}
    created = sdk.schedules.create_schedule(simulation_id=simulation, schedule=hourly)
    assert (created.simulation_id, created.cron_expression, created.enabled) == (simulation, "0 */1 * * *", True)
    [listed] = sdk.schedules.list_schedules().schedules_value
    assert (listed.id, listed.cron_expression) == (created.id, "0 */1 * * *")
    fake.clock.advance(3600)
    assert len(fake.runs) == 1
    sdk.schedules.update_schedule(
        schedule_id=created.id, schedule={"frequency": "daily", "time": "09:30"}, enabled=False
    )
    changed = sdk.schedules.get_schedule(schedule_id=created.id)
    assert (changed.cron_expression, changed.enabled) == ("30 9 * * *", False)
    fake.clock.advance(86_400)
    assert len(fake.runs) == 1
    sdk.schedules.delete_schedule(schedule_id=created.id)
    assert sdk.schedules.list_schedules().schedules_value == []
    gone(sdk.schedules.get_schedule, schedule_id=created.id)


def test_phone_numbers(sdk: Any, gone: Gone) -> None:
    added = sdk.phone_numbers.add_phone_number(area_code="415")
    assert added.phone_number.startswith("+1415")
    assert [one.phone_number for one in sdk.phone_numbers.get_phone_numbers()] == [added.phone_number]
    sdk.phone_numbers.release_phone_number(phone_number=added.phone_number)
    assert sdk.phone_numbers.get_phone_numbers() == []
    gone(sdk.phone_numbers.release_phone_number, phone_number=added.phone_number)


def test_workflows_of_agents(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    agent = str(fake.add_agent().id)
    greeting = sdk.agent_workflow.add_workflow_node(agent_id=agent, name="Greeting", prompt="Greet.")["node_id"]
    goodbye = sdk.agent_workflow.add_workflow_node(agent_id=agent, name="Goodbye")["node_id"]
    ends = {"source_node_id": greeting, "target_node_id": goodbye}
    edges = [sdk.agent_workflow.add_workflow_edge(agent_id=agent, **ends)["edge_id"] for _ in range(2)]
    changed = sdk.agent_workflow.patch_workflow_node(agent_id=agent, node_id=greeting, prompt="Greet warmly.")
    found = sdk.agent_workflow.get_workflow_summary(agent_id=agent)
    assert (changed["name"], changed["prompt"]) == ("Greeting", "Greet warmly.")
    assert [one["id"] for one in found["nodes"]][-2:] == [greeting, goodbye]
    assert changed in found["nodes"]
    assert [(one["id"], one["source"], one["target"]) for one in found["edges"]] == [
        (edge, greeting, goodbye) for edge in edges
    ]
    sdk.agent_workflow.delete_workflow_edge(agent_id=agent, edge_id=edges[0])
    assert [one["id"] for one in sdk.agent_workflow.get_workflow_summary(agent_id=agent)["edges"]] == edges[1:]
    sdk.agent_workflow.delete_workflow_node(agent_id=agent, node_id=goodbye)
    left = sdk.agent_workflow.get_workflow_summary(agent_id=agent)
    assert ([one["id"] for one in left["nodes"]][-1], left["edges"]) == (greeting, [])
    gone(sdk.agent_workflow.delete_workflow_node, agent_id=agent, node_id=goodbye)


def test_scenarios(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    agent = fake.add_agent().id
    assert sdk.scenario_builder.validate_workflow_definition(json_text=json.dumps(GRAPH)).success
    created = sdk.scenario_builder.create_workflow_v2(name="Menu", definition=GRAPH, agent_ids=[agent])
    found = sdk.scenario_builder.get_workflow_v2(workflow_id=created.id)
    assert (found.name, found.agent_ids, len(found.definition["nodes"])) == ("Menu", [agent], len(GRAPH["nodes"]))
    second = sdk.scenario_builder.duplicate_workflow_v2(workflow_id=created.id, name="Second")
    assert (second.name, second.definition) == ("Second", found.definition)
    sdk.scenario_builder.update_workflow_v2(workflow_id=created.id, name="Renamed", agent_ids=[])
    listed = sdk.scenario_builder.list_workflows_v2().workflows
    assert {one.name for one in listed} == {"Renamed", "Second"}
    assert [one.name for one in sdk.scenario_builder.list_workflows_v2(agent_id=agent).workflows] == ["Second"]
    sdk.scenario_builder.delete_workflow_v2(workflow_id=created.id)
    assert [one.name for one in sdk.scenario_builder.list_workflows_v2().workflows] == ["Second"]
    gone(sdk.scenario_builder.get_workflow_v2, workflow_id=created.id)


def test_runs_are_queued_followed_and_ended(fake: FakeBluejay, sdk: Any) -> None:
    simulation = str(fake.add_simulation(digital_humans=2).id)
    fake.calls.next(Call(talks_for=None), Call(passes=False, talks_for=None))
    queued = sdk.simulations.queue_simulation_run(request={"simulation_id": simulation})
    run, results = queued.simulation_run_id, [int(id) for id in queued.simulation_result_ids]
    fake.clock.advance(5)
    answer = sdk.retrieve_simulation_results.retrieve_simulation_results(simulation_run_id=run)
    assert answer.simulation_run.status == "RUNNING"
    assert [one.status for one in answer.simulation_results] == ["RUNNING", "RUNNING"]
    ended = sdk.conversations.end_conversations(test_result_ids=[*results, 99])
    assert (ended.success, ended.ended_count, ended.test_result_ids, ended.failed_ids) == (True, 2, results, [99])
    fake.clock.advance(600)
    answer = sdk.retrieve_simulation_results.retrieve_simulation_results(simulation_run_id=run)
    assert (answer.simulation_run.status, answer.simulation_run.tests_passed) == ("COMPLETED", 1)
    for id, passed in zip(results, (True, False), strict=True):
        one = sdk.retrieve_simulation_results.retrieve_simulation_result(test_result_id=str(id)).simulation_result
        assert (one.status, one.evaluations[0].goal_success) == ("COMPLETED", passed)
    [found] = sdk.simulations.get_simulation_runs(simulation_id=simulation).simulation_runs
    assert (str(found.id), found.status) == (run, "COMPLETED")
    assert sdk.conversations.end_conversations(test_result_ids=results).failed_ids == results


def test_text_runs_take_messages(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    agent = fake.add_agent(mode="TEXT", http_webhook="http://127.0.0.1/")
    simulation = str(fake.add_simulation(agent=agent).id)
    assert sdk.text_simulations.queue_sms_simulation_run(simulation_id=simulation).simulation_result_ids == ["1"]
    queued = sdk.http_text_agent.queue_http_simulation_run(simulation_id=simulation)
    [id] = queued.simulation_result_ids
    for message, end in (("Hello.", False), ("Goodbye.", True)):
        sent = {"simulation_result_id": id, "type": "message", "message": message, "end_conversation": end}
        assert sdk.http_text_agent.send_http_text_message(request=sent).end_conversation is end
    assert [one.fields["message"] for one in fake.resources("text message")] == ["Hello.", "Goodbye."]
    assert fake.test_result(int(id)).status == "CONVERSATION_ENDED"
    with pytest.raises(bluejay.errors.BluejayDefaultError):
        sdk.http_text_agent.send_http_text_message(request=sent)
    gone(sdk.http_text_agent.send_http_text_message, request={**sent, "simulation_result_id": "99"})


def test_conversations_of_production_are_evaluated(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    fake.add_agent()
    fake.evaluations.next(Evaluation(evaluation={"call_summary": "All went well."}))
    call = sdk.evaluate.evaluate(request=CONVERSATION).call_id
    assert sdk.call_logs.retrieve_call_log(call_id=call).call_log.status == "QUEUED"
    fake.clock.advance(10)
    done = sdk.call_logs.retrieve_call_log(call_id=call).call_log
    assert (done.status, done.evaluations[0].call_summary) == ("COMPLETED", "All went well.")
    other = sdk.evaluate.evaluate(request=CONVERSATION).call_id
    pages = [sdk.call_logs.retrieve_call_logs(agent_id="1", page=page, page_size=1, last="all") for page in (1, 2)]
    assert {one.id for page in pages for one in page.call_logs_value} == {call, other}
    sdk.call_logs.update_log(call_id=call, metadata={"case": 7}, reevaluate=True)
    again = sdk.call_logs.retrieve_call_log(call_id=call).call_log
    assert (again.metadata, again.status) == ({"case": 7}, "QUEUED")
    fake.drafts.next(translation=["Hallo."])
    translated = sdk.translation.translate_transcript(request={"conversation_id": call, "target_language": "de"})
    with fake.client() as client:
        [entry] = client.get(translated.translated_transcript_url).json()
    assert entry["utterance"] == "Hallo."
    sdk.call_logs.delete_call_log(call_id=call)
    gone(sdk.call_logs.retrieve_call_log, call_id=call)
    [left] = sdk.call_logs.retrieve_call_logs(agent_id="1", last="all").call_logs_value
    assert left.id == other


def test_traces_that_were_exported_are_found(sdk: Any, gone: Gone) -> None:
    assert sdk.traces.get_all_traces() == {"traces": []}
    span = {"traceId": TRACE, "spanId": SPAN, "name": "call", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    exported = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    requests.post("https://otlp.getbluejay.ai/v1/traces", json=exported, headers={"X-API-Key": "key"})
    [listed] = sdk.traces.get_all_traces()["traces"]
    assert (listed["trace_id"], listed["name"], listed["span_count"]) == (TRACE, "call", 1)
    [found] = sdk.traces.get_trace(trace_id=TRACE)["spans"]
    assert (found["span_id"], found["name"]) == (SPAN, "call")
    assert sdk.traces.get_span(trace_id=TRACE, span_id=SPAN) == {"trace_id": TRACE, **found}
    gone(sdk.traces.get_trace, trace_id=SPAN)
    gone(sdk.traces.get_span, trace_id=TRACE, span_id=TRACE)


def test_generators_answer_the_drafts_and_store_their_results(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    agent = fake.add_agent()
    simulation = fake.add_simulation(digital_humans=0, agent=agent)
    fake.drafts.next(digital_humans=[{"intent": "x" * 501}], objectives="1. Ask.", intent_summary="Asks.")
    ids = {"agent_id": str(agent.id), "simulation_id": str(simulation.id)}
    assert len(sdk.digital_humans.generate_digital_humans(**ids).digital_humans_value) == 1
    [human] = sdk.digital_humans.get_digital_humans_by_simulation(simulation_id=simulation.id).digital_humans_value
    assert human.intent == "x" * 501
    assert sdk.digital_humans.generate_objectives_endpoint(test_case_id=human.id).objectives == "1. Ask."
    assert sdk.digital_humans.generate_intent_summary_endpoint(test_case_id=human.id).intent_summary == "Asks."
    fake.drafts.next(metrics=[{"name": "politeness"}])
    drafted = sdk.custom_metrics.generate_custom_metrics(agent_id=str(agent.id), count=1)
    assert drafted == {"metrics": [{"name": "politeness"}]}
    text = sdk.digital_humans.generate_formatted_transcript_endpoint(original_transcript="Agent: Hello.\nCaller: Hi.")
    assert [one["utterance"] for one in text.formatted_transcript] == ["Hello.", "Hi."]
    long = fake.add("prompt", agent_id=agent.id, prompt_text="y" * 501).id
    fake.drafts.next(prompt_summary="Says y.")
    assert sdk.digital_humans.generate_prompt_summary_endpoint(prompt_id=long).prompt_summary == "Says y."
    gone(sdk.digital_humans.generate_prompt_summary_endpoint, prompt_id="none")
    gone(sdk.digital_humans.generate_objectives_endpoint, test_case_id=99)


def test_agents_at_elevenlabs_are_those_that_were_added(fake: FakeBluejay, sdk: Any, gone: Gone) -> None:
    assert sdk.eleven_labs.list_elevenlabs_agents() == {"agents": []}
    fake.add("elevenlabs agent", agent_id="e1", name="Ann", branches=["Main"])
    agent = str(fake.add_agent(eleven_labs_agent_id="e1").id)
    assert sdk.eleven_labs.list_elevenlabs_agents() == {"agents": [{"agent_id": "e1", "name": "Ann"}]}
    branches = sdk.eleven_labs.list_elevenlabs_branches(bluejay_agent_id=agent)
    assert branches == {"branches": [{"id": "main", "name": "Main"}]}
    gone(sdk.eleven_labs.list_elevenlabs_branches, bluejay_agent_id="99")
