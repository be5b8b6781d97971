"""Issues: problems that Bluejay finds across conversations. The fake finds none by itself; a test adds them.

The documentation names the filters and the fields of a change; no source publishes the shape of an answer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationError

from fake_bluejay.bluejay.mistakes import pydantics_messages
from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations, Paging, as_fields, given_fields
from fake_bluejay.core.clock import Day, Moment, instant_of, iso
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Entity, Link, Resource, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

# The values of a `StrEnum` that is made of names are these in lower case.
IssueStatus = StrEnum("IssueStatus", "OPEN IN_PROGRESS RESOLVED IGNORED")
IssueStatus.__doc__ = "The progress of an issue."


Priority = Literal["low", "medium", "high", "urgent"]
IssueType = Literal["deterministic", "non_deterministic"]
"""The type of an issue: an error that is recognized at once, or a pattern across conversations."""


class NewIssue(Wire):
    """An issue to add, which only a test does: Bluejay finds its issues itself. By default it was last seen now."""

    title: str
    type: IssueType = "non_deterministic"
    status: IssueStatus = IssueStatus.OPEN
    priority: Priority | None = None
    assignee_id: str | None = None
    due_date: Day | None = None
    last_seen_at: Moment | None = None
    conversation_ids: list[str] = Field(default_factory=list)


class UpdateIssueRequest(Wire):
    """A change of an issue: null clears a field, and a field that is not given stays.

    The fields are published as texts, and 400 as the answer to a wrong one.
    """

    status: str | None = None
    priority: str | None = None
    assignee_id: str | None = None
    due_date: str | None = None


class _IssueChange(Wire):
    """The values that a change of an issue may have, where not any text will do."""

    status: IssueStatus | None = None
    priority: Priority | None = None
    due_date: Day | None = None


class IssueResponse(Wire):
    """An issue, with the conversations in which it was found."""

    id: str
    title: str
    type: IssueType
    status: IssueStatus
    priority: Priority | None = None
    assignee_id: str | None = None
    due_date: Day | None = None
    conversation_ids: list[str]
    last_seen_at: Moment
    created_at: Moment


def _new_issue(world: World, organisation: str, request: NewIssue) -> Entity:
    fields = as_fields(request)
    fields["last_seen_at"] = iso(world.settle() if request.last_seen_at is None else instant_of(request.last_seen_at))
    return world.resources[ISSUES].add(organisation, issues.linked(world, organisation, fields))


ISSUES = Resource(
    "issue",
    ids=uuid_ids,
    links=(Link("conversation_ids", to="call log", ids=uuid_ids),),
    example={"title": "The agent ends the call without a confirmation."},
)
issues = Operations(ISSUES, returns=IssueResponse, new=_new_issue, request=NewIssue, id_type=str)


@issues.operation(
    "GET",
    "/v1/observability/issues",
    paging=Paging("limit", 50, most=200, place="offset"),
    returns=shape(
        "IssuesListResponse", "A part of the issues.", issues=list[IssueResponse], total=int, limit=int, offset=int
    ),
)
def list_issues(
    call: ApiCall,
    status: IssueStatus | None = None,
    priority: Priority | None = None,
    type: IssueType | None = None,
    assignee_id: str | None = None,
) -> list[Entity]:
    """Return the issues that match all filters, the one that was last seen first."""
    wanted = {"status": status, "priority": priority, "type": type, "assignee_id": assignee_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    kept = call.world.resources[ISSUES].of(call.organisation, **given)[::-1]
    return sorted(kept, key=lambda issue: str(issue.fields["last_seen_at"]), reverse=True)


issues.get("GET", "/v1/observability/issues/{issue_id}")


@issues.operation("PUT", "/v1/observability/issues/{issue_id}")
def update_issue(call: ApiCall, issue: Entity, request: UpdateIssueRequest) -> Entity:
    """Change an issue. Documented: null clears a field, except the status."""
    given = given_fields(request)
    try:
        given |= given_fields(_IssueChange.model_validate(given))
    except ValidationError as error:
        raise Refused("; ".join(pydantics_messages(error))) from None
    if request.status is None:
        given.pop("status", None)
    issues.change(call.world, issue, given)
    return issue
