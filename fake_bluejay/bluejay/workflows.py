"""Scenarios: graphs of the course of a call, from the scenario builder. The API's paths call them workflows."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire, like, shape
from fake_bluejay.bluejay.resources import Answered, Operations, as_fields, changes
from fake_bluejay.core.clock import Moment
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Entity, Link, Resource, uuid_ids
from fake_bluejay.core.scenario_graphs import check_graph
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

_Name = Annotated[str, Field(min_length=1, max_length=255)]


class CreateWorkflowV2Request(Wire):
    """A new scenario."""

    name: _Name
    agent_ids: list[int] | None = None
    description: str | None = None
    definition: dict[str, Any]


class DuplicateWorkflowV2Request(Wire):
    """The name of a copy; by default, `Copy of` and the name of the original."""

    name: _Name | None = None


class WorkflowValidateDefinitionRequest(Wire):
    """A graph to check: as an object, or as JSON in a text."""

    definition: dict[str, Any] | None = None
    json_text: str | None = None


class WorkflowV2Response(Wire):
    """A scenario; the answer to a change of its graph counts the digital humans that it changed."""

    id: str
    organization_id: str | None = None
    agent_ids: list[int] = Field([])
    name: str
    description: str | None = None
    definition: dict[str, Any]
    created_at: Moment
    dh_sync_summary: dict[str, Any] | None = None


class WorkflowValidateDefinitionResponse(Wire):
    """The answer for a valid graph."""

    success: bool = True


def _checked(world: World, organisation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a scenario as they are stored.

    Raises:
        NotFound: One of its agents does not exist.
        Refused: One of its agents is a text agent, or the graph breaks a rule.
    """
    if fields.get("definition") is not None:
        check_graph(fields["definition"])
        fields = {**fields, "definition": {"nodes": [], "edges": [], **fields["definition"]}}
    fields = workflows.linked(world, organisation, fields)
    for id in fields.get("agent_ids") or ():
        if world.resources.require("agent", id, organisation).fields["mode"] == "TEXT":
            raise Refused(f"Agent {id} is a TEXT agent: scenarios are for VOICE agents only")
    return fields


def create_workflow(world: World, organisation: str, request: CreateWorkflowV2Request) -> Entity:
    """Make a scenario. Raises `NotFound` and `Refused` as `_checked` does."""
    return world.resources[WORKFLOWS].add(organisation, _checked(world, organisation, as_fields(request)))


WORKFLOWS = Resource(
    "workflow",
    ids=uuid_ids,
    links=(Link("agent_ids", to="agent"),),
    example={"name": "Scenario", "definition": {}},
)
workflows = Operations(WORKFLOWS, returns=WorkflowV2Response, new=create_workflow)

workflows.create("POST", "/v1/workflow", CreateWorkflowV2Request)
workflows.get("GET", "/v1/workflow/{workflow_id}")
workflows.list(
    "GET",
    "/v1/workflow",
    filters={"agent_id": int | None},
    returns=shape("WorkflowsV2ListResponse", "Scenarios.", workflows=list[WorkflowV2Response], total_count=int),
)
workflows.delete(
    "DELETE",
    "/v1/workflow/{workflow_id}",
    returns=shape("DeleteWorkflowV2Response", "A scenario that was deleted.", message=str, deleted_workflow_id=str),
)


@workflows.operation(
    "PUT",
    "/v1/workflow/{workflow_id}",
    takes=like(
        CreateWorkflowV2Request,
        "UpdateWorkflowV2Request",
        "A change of a scenario; its agents (null or an empty list for none) and its graph are replaced.",
    ),
)
def update_workflow(call: ApiCall, workflow: Entity, request: Wire) -> Answered:
    """Change a scenario. Digital humans generated from it stay as they are, so all counts of the summary are 0."""
    changed = changes(request, call.world.readings, workflows.never_null)
    if "agent_ids" in request.model_fields_set:  # null removes all, by any reading
        changed["agent_ids"] = as_fields(request)["agent_ids"]
    changed = _checked(call.world, call.organisation, changed)
    call.world.resources.change(workflow, changed)
    none = {"updated": 0, "created": 0, "marked_stale": 0, "skipped": 0, "errors": []}
    return Answered(workflow, dh_sync_summary=none if "definition" in changed else None)


@workflows.operation("POST", "/v1/workflow/{workflow_id}/duplicate")
def duplicate_workflow(call: ApiCall, workflow: Entity, request: DuplicateWorkflowV2Request) -> Entity:
    """Copy a scenario, with its agents."""
    name = request.name or f"Copy of {workflow.fields['name']}"
    return call.world.resources[WORKFLOWS].add(call.organisation, {**workflow.fields, "name": name})


@workflows.operation("POST", "/v1/workflow/validate-definition")
def validate_workflow_definition(
    call: ApiCall, request: WorkflowValidateDefinitionRequest
) -> WorkflowValidateDefinitionResponse:
    """Check a graph by the rules for scenarios, and store nothing."""
    definition = request.definition
    if definition is None:
        if request.json_text is None:
            raise Refused("Send a definition, or one as json_text")
        try:
            definition = json.loads(request.json_text)
        except (ValueError, RecursionError):
            raise Refused("json_text is not valid JSON") from None
    if not isinstance(definition, dict):
        raise Refused("The definition must be an object")
    check_graph(definition)
    return WorkflowValidateDefinitionResponse()
