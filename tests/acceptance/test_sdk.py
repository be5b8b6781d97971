"""bluejay-sdk, against what is modelled: each method, sync and async, parsing every answer with its own models.

A method of the SDK whose endpoint is modelled has an entry in `CALLS`; a test says if one is missing. What a client
does with several methods in a row is in `test_sdk_flows.py`. CI runs both files with older releases of the SDK, too.
"""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bluejay
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.published import MODELLED_IN
from tests.furnished import ids_by_name
from tests.thoroughness import some

CALL_LOG = ids_by_name()["call_log_id"][0]
COMMUNITY = ids_by_name()["community_id"][0]
SCHEDULE = ids_by_name()["schedule_id"][0]
NOISE = ids_by_name()["custom_background_noise_id"][0]
FOLDER = ids_by_name()["folder_id"][0]
METRIC, OTHER_METRIC = ids_by_name()["metric_id"]
PROMPT = ids_by_name()["prompt_id"][0]
TRACE, SPAN = ids_by_name()["trace_id"][0], ids_by_name()["span_id"][0]
WORKFLOW = ids_by_name()["workflow_id"][0]

# The SDK says so of `get_custom_metrics_by_agent`.
pytestmark = pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")

MakeSdk = Callable[[str], bluejay.Bluejay]

methods = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "endpoints.py"))["methods"]

CALLS: dict[str, dict[str, Any]] = {
    "agent_workflow.add_workflow_edge": {
        "agent_id": "1",
        "source_node_id": "a",
        "target_node_id": "b",
        "condition": "c",
    },
    "agent_workflow.add_workflow_node": {"agent_id": "1", "name": "Greeting", "prompt": "Greet."},
    "agent_workflow.delete_workflow_edge": {"agent_id": "1", "edge_id": "e"},
    "agent_workflow.delete_workflow_node": {"agent_id": "1", "node_id": "b"},
    "agent_workflow.get_workflow_summary": {"agent_id": "1"},
    "agent_workflow.patch_workflow_node": {"agent_id": "1", "node_id": "b", "prompt": "Greet."},
    "agents.add_agent": {
        "name": "Ann",
        "system_prompt": "Be kind.",
        "knowledge_base": "Much.",
        "goals": ["help"],
        "type_": "OUTBOUND",
        "connection_type": "LIVEKIT",
        "livekit_metadata": {"room": 1},
        "bluejay_as_code_id": "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69",
        "workflow": {"a": []},
    },
    "agents.delete_agent": {"agent_id": 1},
    "agents.get_agent": {"agent_id": 1},
    "agents.get_agent_by_external_id": {"external_id": "a"},
    "agents.get_all_agents": {},
    "agents.update_agent": {"agent_id": "1", "name": "Bea", "external_agent_id": "b", "mode": "TEXT"},
    "agents.update_agent_by_external_id": {"external_agent_id": "a", "custom_sip_headers": {"a": "b"}},
    "call_logs.delete_call_log": {"call_id": CALL_LOG, "recording_only": True},
    "call_logs.retrieve_call_log": {"call_id": CALL_LOG},
    "call_logs.retrieve_call_logs": {"agent_id": "1", "label": "production", "page_size": 1, "last": "all"},
    "call_logs.update_log": {"call_id": CALL_LOG, "metadata": {"case": 7}, "reevaluate": True},
    "communities.add_digital_humans_to_community": {"community_id": COMMUNITY, "digital_human_ids": [1, 2]},
    "communities.create_community": {"title": "Billing", "digital_human_ids": [1]},
    "communities.delete_community": {"community_id": COMMUNITY},
    "communities.get_communities": {"digital_human_id": 1},
    "communities.get_community": {"community_id": COMMUNITY},
    "communities.remove_digital_humans_from_community": {"community_id": COMMUNITY, "digital_human_ids": [1]},
    "communities.update_community": {"community_id": COMMUNITY, "title": "Help", "digital_human_ids": [2]},
    "conversations.end_conversations": {"test_result_ids": [3, 99]},
    "custom_metrics.bulk_delete_custom_metrics": {"custom_metric_ids": [METRIC, OTHER_METRIC]},
    "custom_metrics.bulk_update_custom_metrics": {"metric_ids": [METRIC], "updates": {"tags": ["a"], "model": None}},
    "custom_metrics.create_custom_metric": {
        "name": "politeness",
        "description": "How polite.",
        "response_type": "quantitative",
        "min_value": 1,
        "max_value": 5,
        "agent_ids": [1],
    },
    "custom_metrics.create_custom_metrics": {
        "metrics": [{"name": "outcome", "description": "", "response_type": "enum", "enum_options": ["a", "b"]}]
    },
    "custom_metrics.delete_custom_metric": {"metric_id": METRIC},
    "custom_metrics.generate_custom_metrics": {"agent_id": "1", "count": 2},
    "custom_metrics.get_custom_metric": {"metric_id": METRIC},
    "custom_metrics.get_custom_metrics": {"agent_id": None, "page": 2, "page_size": 1},
    "custom_metrics.get_custom_metrics_by_agent": {"agent_id": 1},
    "custom_metrics.update_custom_metric": {"metric_id": METRIC, "name": "kindness", "tags": ["tone"]},
    "digital_humans.bulk_create_digital_humans": {
        "digital_humans_value": [{"intent": "Ask."}, {"language": "de", "journey_steps": [{"step": 1}]}],
        "simulation_ids": [1],
    },
    "digital_humans.bulk_delete_digital_humans": {"digital_human_ids": "1,2,99"},
    "digital_humans.create_custom_background_noise": {
        "name": "Rain",
        "storage_path": "custom-background-noises/default/rain.wav",
    },
    "digital_humans.create_digital_human": {
        "digital_human": {
            "phone_number": "+15555550100",
            "test_name": "loud",
            "accent": "british",
            "traits": [{"trait_name": "age", "trait_data_type": "NUMBER", "value": 7}],
            "interruptions": {"type": "keywords", "keyword_responses": [{"keyword": "no", "response": "Yes."}]},
            "expected_tool_calls": [{"name": "look_up", "parameters": {"a": 1}}],
            "scripted_responses": [
                {"match_type": "exact", "match_phrase": "a", "response_type": "silence", "occurrence_mode": "always"}
            ],
        },
        "simulation_ids": [1, 2],
    },
    "digital_humans.delete_custom_background_noise": {"noise_id": NOISE},
    "digital_humans.delete_digital_human": {"digital_human_id": 1},
    "digital_humans.generate_digital_humans": {
        "agent_id": "1",
        "simulation_id": "1",
        "goal_adherence": [{"goal": "Book a table.", "num_calls": 2}],
        "num_runs": 2,
    },
    "digital_humans.generate_formatted_transcript_endpoint": {"original_transcript": "Agent: Hello.\nCaller: Hi."},
    "digital_humans.generate_intent_summary_endpoint": {"test_case_id": 1},
    "digital_humans.generate_objectives_endpoint": {"test_case_id": 1},
    "digital_humans.generate_prompt_summary_endpoint": {"prompt_id": PROMPT},
    "digital_humans.get_all_digital_humans": {"page": 2, "page_size": 2},
    "digital_humans.get_digital_human": {"digital_human_id": 1},
    "digital_humans.get_digital_human_by_test_name": {"test_name": "a"},
    "digital_humans.get_digital_humans_by_simulation": {"simulation_id": 1},
    "digital_humans.list_custom_background_noises": {},
    "digital_humans.update_custom_background_noise": {"noise_id": NOISE, "name": "Storm"},
    "digital_humans.update_digital_human": {
        "digital_human_id": 1,
        "voice_speed": "fast",
        "interruptions": {"type": "low"},  # without it, the SDK 0.3.6 fails before it asks
        "simulation_ids": [2],
        "speaks_first_config": {"speaks_first": True, "mode": "custom", "message": "Hello?"},
    },
    "eleven_labs.list_elevenlabs_agents": {},
    "eleven_labs.list_elevenlabs_branches": {"bluejay_agent_id": "1"},
    "evaluate.evaluate": {
        "request": {
            "agent_id": "1",
            "start_time_utc": "2026-01-01T00:00:00Z",
            "participants": [{"role": "AGENT"}, {"role": "USER"}],
            "transcript": [{"start_offset_ms": 0, "end_offset_ms": 900, "speaker": "AGENT", "utterance": "Hello."}],
        }
    },
    "folders.create_folder": {"name": "Support"},
    "folders.delete_folder": {"folder_id": FOLDER},
    "folders.get_agents_by_folder": {"folder_id": FOLDER},
    "folders.get_all_folders": {},
    "folders.get_folder": {"folder_id": FOLDER},
    "folders.move_agent_to_folder": {"agent_id": 1, "folder_id": FOLDER},
    "folders.update_folder": {"folder_id": FOLDER, "name": "Help"},
    "http_text_agent.queue_http_simulation_run": {"simulation_id": "1", "digital_human_ids": ["1"]},
    "phone_numbers.add_phone_number": {"area_code": "415"},
    "phone_numbers.get_phone_numbers": {},
    "phone_numbers.release_phone_number": {"phone_number": "+15555550100"},
    "http_text_agent.send_http_text_message": {
        "request": {"simulation_result_id": "3", "type": "tool_call", "name": "look_up", "output": [1]}
    },
    "retrieve_simulation_results.retrieve_simulation_result": {"test_result_id": "1"},
    "retrieve_simulation_results.retrieve_simulation_results": {"simulation_run_id": "1"},
    "schedules.create_schedule": {"simulation_id": "1", "schedule": {"frequency": "every_n_minutes", "interval": 5}},
    "schedules.delete_schedule": {"schedule_id": SCHEDULE},
    "schedules.get_schedule": {"schedule_id": SCHEDULE},
    "schedules.list_schedules": {},
    "schedules.update_schedule": {
        "schedule_id": SCHEDULE,
        "schedule": {"frequency": "weekly", "day_of_week": "monday", "time": "09:00"},
    },
    "scenario_builder.create_workflow_v2": {"name": "Menu", "definition": {"viewport": {"zoom": 1}}, "agent_ids": [1]},
    "scenario_builder.delete_workflow_v2": {"workflow_id": WORKFLOW},
    "scenario_builder.duplicate_workflow_v2": {"workflow_id": WORKFLOW, "name": "Second"},
    "scenario_builder.get_workflow_v2": {"workflow_id": WORKFLOW},
    "scenario_builder.list_workflows_v2": {"agent_id": None},
    "scenario_builder.update_workflow_v2": {"workflow_id": WORKFLOW, "definition": {}, "agent_ids": None},
    "scenario_builder.validate_workflow_definition": {"json_text": '{"nodes": []}'},
    "simulations.create_simulation": {
        "agent_id": "1",
        "name": "Calls",
        "max_concurrent": 3,
        "digital_humans_settings": {"num_runs": 2},
        "runs_per_digital_human": 2,
    },
    "simulations.delete_simulation": {"simulation_id": 1},
    "simulations.get_all_simulations": {},
    "simulations.get_simulation": {"simulation_id": 1},
    "simulations.get_simulation_runs": {"simulation_id": "1"},
    "simulations.get_simulations_by_agent": {"agent_id": "1"},
    "simulations.queue_simulation_run": {"request": {"simulation_id": "1", "runs_per_digital_human": 2}},
    "simulations.update_simulation": {"simulation_id": 1, "tags": ["a"], "rerun_max_retries": 2, "pinned": True},
    "text_simulations.queue_sms_simulation_run": {"simulation_id": "1"},
    "traces.get_all_traces": {"limit": 1},
    "traces.get_span": {"trace_id": TRACE, "span_id": SPAN},
    "traces.get_trace": {"trace_id": TRACE},
    "translation.translate_transcript": {"request": {"conversation_id": CALL_LOG, "target_language": "de"}},
}
"""The arguments of a call to each method whose endpoint is modelled, in the furnished world."""


@pytest.fixture(params=["docs-2026-09", "sdk-0.3.6", "openapi-2026-04-30"])
def fake(furnished: Any, request: pytest.FixtureRequest) -> Iterator[FakeBluejay]:
    with FakeBluejay.load(furnished) as fake:
        fake.readings.set(contract=request.param)
        yield fake


def test_every_modelled_method_is_called() -> None:
    assert set(CALLS) == {one.name for one in methods() if one.path in MODELLED_IN}


@pytest.mark.parametrize("name", CALLS)
def test_sync(fake: FakeBluejay, make_sdk: MakeSdk, name: str) -> None:
    part, _, method = name.partition(".")
    with make_sdk(fake.api_key) as sdk:
        answer = getattr(getattr(sdk, part), method)(**CALLS[name])
    assert_parsed(fake, answer)


@pytest.mark.parametrize("name", some(CALLS))
async def test_async(fake: FakeBluejay, make_sdk: MakeSdk, name: str) -> None:
    part, _, method = name.partition(".")
    async with make_sdk(fake.api_key) as sdk:
        answer = await getattr(getattr(sdk, part), f"{method}_async")(**CALLS[name])
    assert_parsed(fake, answer)


def assert_parsed(fake: FakeBluejay, answer: Any) -> None:
    """Assert that the SDK's object has the values of the answer; it leaves out those that it has no field for."""
    [exchange] = fake.requests
    assert exchange.response.status_code == 200
    many = answer if isinstance(answer, list) else [answer]
    sent = exchange.response.json if isinstance(answer, list) else [exchange.response.json]
    assert len(many) == len(sent)
    for one, other in zip(many, sent, strict=True):
        # If an answer has no published shape, the SDK returns its JSON.
        assert_within(one.model_dump(mode="json", by_alias=True) if hasattr(one, "model_dump") else one, other)


def assert_within(parsed: Any, sent: Any) -> None:
    if isinstance(parsed, dict):
        for key, item in parsed.items():
            assert_within(item, sent.get(key))
    elif isinstance(parsed, list):
        for item, other in zip(parsed, sent, strict=True):
            assert_within(item, other)
    else:
        assert parsed == sent


def test_errors(fake: FakeBluejay, make_sdk: MakeSdk) -> None:
    with make_sdk(fake.api_key) as sdk:
        with pytest.raises(bluejay.errors.BluejayDefaultError) as not_found:
            sdk.agents.get_agent(agent_id=99)
        assert (not_found.value.status_code, not_found.value.body) == (404, '{"detail":"Agent not found"}')
        with pytest.raises(bluejay.errors.HTTPValidationError) as invalid:
            sdk.simulations.create_simulation(agent_id="1", max_concurrent=501)
        [error] = invalid.value.data.detail or []
        assert error.loc == ["body", "max_concurrent"]


def test_a_digital_human_without_a_phone_number(furnished: Any, make_sdk: MakeSdk) -> None:
    """The SDK lets a client create one; whether it may speak any language is the reading `contract`."""
    with FakeBluejay.load(furnished) as fake, make_sdk(fake.api_key) as sdk:
        fake.readings.set(contract="openapi-2026-04-30")
        with pytest.raises(bluejay.errors.HTTPValidationError):
            sdk.digital_humans.create_digital_human(digital_human={"language": "ko"})
        fake.readings.set(contract="docs-2026-09")
        created = sdk.digital_humans.create_digital_human(digital_human={"language": "ko"})
    assert (created.digital_human.language, created.digital_human.phone_number) == ("ko", None)
