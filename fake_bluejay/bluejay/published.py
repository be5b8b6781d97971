"""The known operations of Bluejay, with the module that models each, if one does.

The list is here, and not only in the modules, so that a module is loaded with the first call of one of its operations:
a test uses few of the many modules, and loading their models takes longer than a test.

A line has a path, its methods, and the module that models it, if one does. An alias has the other path in the place of
the module: `/v1/metrics GET /v1/custom-metrics`. An operation stands in the table of the oldest source that has it,
under the names that this source gives to the path's parameters. If sources have different methods of a path, each
table has a line for it, with the same module.
"""

from __future__ import annotations

DOMAIN = "getbluejay.ai"
HOST = f"api.{DOMAIN}"
"""The API's host."""
OTLP_HOST = f"otlp.{DOMAIN}"
"""The host that takes exports of traces."""
EXPORT_PATH = "/v1/traces"
"""The path for exports, by POST: `OTLP_HOST` answers nothing else."""

_OPERATIONS = """\
/v1/add-agent POST agents
/v1/add-to-community/{community_id} PUT communities
/v1/agent-by-external-id/{external_id} GET agents
/v1/agent/{agent_id} DELETE agents
/v1/agents/{agent_id} GET agents
/v1/agents/{agent_id}/knowledge-bases GET prompts
/v1/agents/{agent_id}/knowledge-bases/versions DELETE GET POST prompts
/v1/agents/{agent_id}/knowledge-bases/versions/{version} DELETE GET prompts
/v1/agents/{agent_id}/knowledge-bases/versions/{version}/labels DELETE GET POST prompts
/v1/agents/{agent_id}/knowledge-bases/{kb_id} DELETE GET prompts
/v1/agents/{agent_id}/labels GET POST prompts
/v1/agents/{agent_id}/labels/{label_id} DELETE GET PUT prompts
/v1/agents/{agent_id}/prompts GET prompts
/v1/agents/{agent_id}/prompts/promote POST prompts
/v1/agents/{agent_id}/prompts/versions DELETE GET POST prompts
/v1/agents/{agent_id}/prompts/versions/{version} DELETE GET prompts
/v1/agents/{agent_id}/prompts/versions/{version}/labels DELETE GET POST prompts
/v1/agents/{agent_id}/prompts/{prompt_id} DELETE GET prompts
/v1/alert/{alert_id} DELETE alerts
/v1/all-agents GET agents
/v1/all-folders GET folders
/v1/api-keys POST api_keys
/v1/api-keys/{key_id} DELETE api_keys
/v1/bluejay-as-code/pull/{simulation_bluejay_id} GET bluejay_as_code
/v1/bluejay-as-code/push POST bluejay_as_code
/v1/bluejay-as-code/run/{simulation_bac_id} POST bluejay_as_code
/v1/call-log DELETE call_logs
/v1/call-log/{call_id} DELETE call_logs
/v1/call-logs DELETE call_logs
/v1/call-webhook POST
/v1/check-queue-simulation-run/{simulation_run_id} POST runs
/v1/communities GET communities
/v1/community/{community_id} DELETE GET communities
/v1/compare-experiment-runs POST
/v1/create-alert POST alerts
/v1/create-community POST communities
/v1/create-custom-metric POST metrics
/v1/create-custom-metrics POST metrics
/v1/create-customer-persona POST customer_personas
/v1/create-customer-trait POST customer_traits
/v1/create-digital-human POST digital_humans
/v1/create-digital-humans POST digital_humans
/v1/create-folder POST folders
/v1/create-schedule POST schedules
/v1/create-simulation POST simulations
/v1/custom-metric/{metric_id} DELETE GET metrics
/v1/custom-metrics GET metrics
/v1/custom-metrics-by-agent/{agent_id} GET metrics
/v1/customer-persona/{persona_id} DELETE GET customer_personas
/v1/customer-personas-by-agent/{agent_id} GET customer_personas
/v1/customer-trait/{trait_id} DELETE GET customer_traits
/v1/customer-traits GET customer_traits
/v1/delete-custom-metrics POST metrics
/v1/delete-digital-humans DELETE digital_humans
/v1/delete-schedule/{schedule_id} DELETE schedules
/v1/digital-human/{digital_human_id} DELETE GET digital_humans
/v1/digital-humans-by-simulation/{simulation_id} GET digital_humans
/v1/end-conversations POST conversations
/v1/evaluate POST call_logs
/v1/evaluate-call POST /v1/evaluate
/v1/folder/{folder_id} DELETE GET folders
/v1/folders/move-agent PUT folders
/v1/generate-custom-metrics POST metrics
/v1/generate-customer-personas POST generators
/v1/generate-digital-humans POST generators
/v1/generate-formatted-transcript POST generators
/v1/generate-goals POST generators
/v1/generate-http-webhook-key POST agents
/v1/generate-intent-summary POST generators
/v1/generate-objectives POST generators
/v1/generate-prompt-summary POST generators
/v1/generate-signing-key POST webhooks
/v1/generate-test-scenarios POST generators
/v1/generate-trait-values POST generators
/v1/generate-translated-transcript/{test_result_id} POST generators
/v1/get-agents-by-folder/{folder_id} GET agents
/v1/get-all-simulations GET simulations
/v1/get-http-webhook-key POST agents
/v1/get-integration-key POST integrations
/v1/get-signing-key POST webhooks
/v1/get-simulation-runs/{simulation_id} GET runs
/v1/get-simulations-by-agent/{agent_id} GET simulations
/v1/integrations GET PATCH integrations
/v1/integrations/ElevenLabs POST
/v1/integrations/bland POST
/v1/integrations/retell POST
/v1/integrations/vapi POST
/v1/integrations/vapi/sync POST
/v1/integrations/vapi/sync-agent POST
/v1/metrics-lab/evaluate-conversation POST labs
/v1/metrics-lab/lab POST labs
/v1/metrics-lab/lab/{lab_id} DELETE PUT labs
/v1/metrics-lab/lab/{lab_id}/conversations DELETE POST labs
/v1/metrics-lab/lab/{lab_id}/human-evaluation PUT labs
/v1/metrics-lab/lab/{lab_id}/metric-revisions POST labs
/v1/metrics-lab/lab/{lab_id}/metrics POST labs
/v1/metrics-lab/lab/{lab_id}/settings PUT labs
/v1/move-regen-test-scenarios POST
/v1/optimize/metric-prompt POST generators
/v1/optimize/metric-prompt-with-diff POST generators
/v1/phone-numbers GET phone_numbers
/v1/phone-numbers/add POST phone_numbers
/v1/phone-numbers/{phone_number}/release DELETE phone_numbers
/v1/ping GET ping
/v1/queue-http-text-simulation-run POST runs
/v1/queue-simulation-run POST runs
/v1/queue-sms-simulation-run POST runs
/v1/re-evaluate-simulation-result/{simulation_result_id} POST results
/v1/re-evaluate/{call_id} POST call_logs
/v1/receive-text-message POST
/v1/regen-test-scenarios POST
/v1/regenerate-test-scenarios-from-community POST
/v1/remove-from-community/{community_id} PUT communities
/v1/retrieve-call-log GET call_logs
/v1/retrieve-call-log/{call_id} GET call_logs
/v1/retrieve-call-logs GET call_logs
/v1/retrieve-call-logs/{agent_id} GET call_logs
/v1/retrieve-simulation-result/{test_result_id} GET results
/v1/retrieve-simulation-results/{simulation_run_id} GET runs
/v1/schedule/{schedule_id} GET schedules
/v1/schedules GET schedules
/v1/send-http-text-message POST text_messages
/v1/send-text POST
/v1/simulation-result/{simulation_result_id} DELETE results
/v1/simulation-run/{simulation_run_id} DELETE runs
/v1/simulation/{simulation_id} DELETE GET PUT simulations
/v1/simulation/{simulation_id}/add-digital-humans POST simulations
/v1/simulation/{simulation_id}/remove-digital-humans POST simulations
/v1/spans/{trace_id}/{span_id} POST traces
/v1/subscription/active-package GET
/v1/subscription/cancel POST
/v1/subscription/signup POST
/v1/subscription/start-trial POST
/v1/traces GET traces
/v1/traces/{trace_id} POST traces
/v1/translate-transcript POST generators
/v1/update-agent POST agents
/v1/update-agent-by-external-id PUT agents
/v1/update-alert/{alert_id} PUT alerts
/v1/update-community/{community_id} PUT communities
/v1/update-custom-metric/{metric_id} PUT metrics
/v1/update-custom-metrics PUT metrics
/v1/update-customer-persona/{persona_id} PUT customer_personas
/v1/update-customer-trait/{trait_id} PUT customer_traits
/v1/update-digital-human/{digital_human_id} PUT digital_humans
/v1/update-folder/{folder_id} PUT folders
/v1/update-integrations POST integrations
/v1/update-log/{call_id} PUT call_logs
/v1/update-schedule/{schedule_id} PUT schedules
/v1/update-simulation-result POST results
/v1/weekly-notifications POST
/v1/workflow GET POST workflows
/v1/workflow/generate-definition POST generators
/v1/workflow/generate-from-prompt POST generators
/v1/workflow/validate-definition POST workflows
/v1/workflow/{workflow_id} DELETE GET PUT workflows
/v1/workflow/{workflow_id}/duplicate POST workflows
"""

_OPERATIONS_OF_SDK = """\
/v1/agents/{agent_id}/workflow/edges POST agent_workflows
/v1/agents/{agent_id}/workflow/edges/{edge_id} DELETE agent_workflows
/v1/agents/{agent_id}/workflow/nodes POST agent_workflows
/v1/agents/{agent_id}/workflow/nodes/{node_id} DELETE PATCH agent_workflows
/v1/agents/{agent_id}/workflow/summary GET agent_workflows
/v1/custom-background-noises GET POST custom_background_noises
/v1/custom-background-noises/{noise_id} DELETE PATCH custom_background_noises
/v1/digital-human-by-test-name/{test_name} GET digital_humans
/v1/digital-humans GET digital_humans
/v1/integrations/elevenlabs/agents GET integrations
/v1/integrations/elevenlabs/agents/{bluejay_agent_id}/branches GET integrations
/v1/scenario GET POST /v1/workflow
/v1/scenario/validate-definition POST /v1/workflow/validate-definition
/v1/scenario/{workflow_id} DELETE GET PUT /v1/workflow/{workflow_id}
/v1/scenario/{workflow_id}/duplicate POST /v1/workflow/{workflow_id}/duplicate
/v1/traces POST traces
"""

_OPERATIONS_OF_DOCS = """\
/v1/agents/{agent_id}/versions DELETE GET POST /v1/agents/{agent_id}/prompts/versions
/v1/agents/{agent_id}/workflow/sync POST
/v1/agents/{agent_id}/versions/promote POST /v1/agents/{agent_id}/prompts/promote
/v1/agents/{agent_id}/versions/{version} DELETE GET prompts
/v1/agents/{agent_id}/versions/{version}/labels DELETE GET POST /v1/agents/{agent_id}/prompts/versions/{version}/labels
/v1/alerts GET alerts
/v1/alerts/{alert_id}/results GET alerts
/v1/bluejay-as-code POST bluejay_as_code
/v1/bluejay-as-code/{root_type}/{root_id} GET bluejay_as_code
/v1/create-metric POST /v1/create-custom-metric
/v1/create-metrics POST /v1/create-custom-metrics
/v1/custom-background-noises/upload-url POST custom_background_noises
/v1/dashboards GET POST
/v1/dashboards/{dashboard_id} DELETE GET PUT
/v1/dashboards/{dashboard_id}/duplicate POST
/v1/dashboards/{dashboard_id}/layout PUT
/v1/delete-metrics POST /v1/delete-custom-metrics
/v1/generate-kore-inbound-token POST
/v1/integrations/amelia/agents GET
/v1/integrations/amelia/flows GET
/v1/integrations/amelia/sync POST
/v1/issues GET /v1/observability/issues
/v1/issues/{issue_id} GET PUT /v1/observability/issues/{issue_id}
/v1/knowledge-base GET POST knowledge_bases
/v1/knowledge-base/{knowledge_base_id} DELETE GET PUT knowledge_bases
/v1/knowledge-base/{knowledge_base_id}/agents/{agent_id} DELETE POST knowledge_bases
/v1/kore-webhook/{agent_id} POST
/v1/langfuse/api/public/ingestion POST
/v1/metric/{metric_id} DELETE GET /v1/custom-metric/{metric_id}
/v1/metrics GET /v1/custom-metrics
/v1/metrics-lab/lab/{lab_id} GET labs
/v1/metrics-lab/labs GET labs
/v1/observability/conversations GET observability
/v1/observability/conversations/{conversation_id} GET observability
/v1/observability/issues GET issues
/v1/observability/issues/{issue_id} GET PUT issues
/v1/personalities GET POST personalities
/v1/personalities/{personality_id} DELETE PATCH personalities
/v1/queue-email-simulation-run POST runs
/v1/red-team-simulations GET POST
/v1/red-team-simulations/entitlements GET
/v1/red-team-simulations/{test_id} GET
/v1/red-team-simulations/{test_id}/stop POST
/v1/self-improve/runs GET POST
/v1/self-improve/runs/{run_id} GET
/v1/self-improve/runs/{run_id}/stop POST
/v1/simulations/{simulation_id}/personalities GET PUT personalities
/v1/update-metric/{metric_id} PUT /v1/update-custom-metric/{metric_id}
/v1/update-metrics PUT /v1/update-custom-metrics
/v1/uptime/monitors GET POST
/v1/uptime/monitors/{monitor_id} DELETE GET PUT
/v1/uptime/monitors/{monitor_id}/checks/{check_id}/resolve POST
/v1/uptime/monitors/{monitor_id}/checks/{check_id}/transcript GET
/v1/uptime/monitors/{monitor_id}/checks/{check_id}/unresolve POST
/v1/uptime/monitors/{monitor_id}/incidents/resolve POST
/v1/uptime/monitors/{monitor_id}/series GET
/v1/widgets GET POST
/v1/widgets/{widget_id} DELETE GET PUT
/v1/widgets/{widget_id}/duplicate POST
"""

_OPERATIONS_OF_CLIENTS = """\
/mcp POST
/v1/update-digital-humans PUT digital_humans
"""

_OPERATIONS_OF_OURS = """\
/fake/transcripts/{test_result_id}.json GET results
/fake/translations/{translation_id}.json GET generators
/fake/uploads/{upload_id} PUT custom_background_noises
"""


def _paths(text: str) -> dict[str, tuple[str, ...]]:
    lines = map(str.split, text.splitlines())
    return {path: tuple(word for word in words if word.isupper()) for path, *words in lines}


PUBLISHED = _paths(_OPERATIONS)
"""Path → its methods, as in the OpenAPI of 30 April 2026."""

ONLY_IN_SDK = _paths(_OPERATIONS_OF_SDK)
"""Path → its methods that bluejay-sdk 0.3.6 (June 2026) calls, and no older source has."""

ONLY_IN_DOCS = _paths(_OPERATIONS_OF_DOCS)
"""Path → its methods that the documentation of July to September 2026 names, and no other source has."""

ONLY_IN_CLIENTS = _paths(_OPERATIONS_OF_CLIENTS)
"""Path → its methods that only public clients, and the documentation's MCP page, are known to call."""

OPENAPI_PATH = "/openapi.json"
"""The path of the OpenAPI document of the modelled endpoints."""

OURS = _paths(_OPERATIONS_OF_OURS)
"""Path → its methods, of this fake alone: the URLs in its answers lead there."""

SOURCES = (PUBLISHED, ONLY_IN_SDK, ONLY_IN_DOCS, ONLY_IN_CLIENTS)
"""The methods of each path, by the source of the knowledge."""

METHODS: dict[str, tuple[str, ...]] = {}
"""Path → its methods, for every known path."""
for _source in (*SOURCES, OURS):
    for _path, _methods in _source.items():
        METHODS[_path] = METHODS.get(_path, ()) + _methods

_EVERY = _OPERATIONS + _OPERATIONS_OF_SDK + _OPERATIONS_OF_DOCS + _OPERATIONS_OF_CLIENTS + _OPERATIONS_OF_OURS
_LAST_WORDS = {path: words[-1] for path, *words in map(str.split, _EVERY.splitlines())}
"""Path → its module, its alias, or, if nothing models it, a method."""

ALIASES = {path: word for path, word in _LAST_WORDS.items() if word.startswith("/")}
"""Path → the path with another name whose operations answer there, too."""

MODELLED_IN = {path: word for path, word in _LAST_WORDS.items() if word[0].islower()}
MODELLED_IN |= {path: MODELLED_IN[other] for path, other in ALIASES.items()}
"""Path → the module of `fake_bluejay.bluejay` that answers all its methods."""

MODULES = frozenset({*MODELLED_IN.values(), "drafts"})
"""The modules that declare operations or resources. Drafts have no path, because only tests add them."""
