"""Ending conversations."""

from __future__ import annotations

from pydantic import Field

from fake_bluejay.bluejay.models.wire import Wire


class EndConversationsRequest(Wire):
    """The conversations to end: at least one test result's id."""

    test_result_ids: list[int] = Field(min_length=1)


class EndConversationsResponse(Wire):
    """The conversations that were marked, and those that were not. The order of the fields is the published one."""

    success: bool
    ended_count: int
    test_result_ids: list[int]
    failed_ids: list[int] | None = None
    message: str
