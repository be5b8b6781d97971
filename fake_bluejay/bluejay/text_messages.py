"""Text messages: the messages and tool calls of a customer's text agent in a conversation.

The fake does not write the digital human's answers, and sends nothing to the agent's `http_webhook`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from fake_bluejay.bluejay.models.wire import Wire
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.bluejay.results import find_result
from fake_bluejay.core.errors import Refused
from fake_bluejay.core.resources import Link, OnDelete, Resource
from fake_bluejay.core.statuses import Event, Status
from fake_bluejay.http.operation import ApiCall


class _Sent(Wire):
    simulation_result_id: str
    end_conversation: bool | None = False
    end_turn: bool | None = True
    message_id: str | None = None


class HttpTextAgentUserMessageRequest(_Sent):
    """A message of the agent."""

    type: Literal["message"] = "message"
    message: str


class HttpTextAgentToolCallRequest(_Sent):
    """A tool call of the agent."""

    type: Literal["tool_call"]
    name: str
    parameters: dict[str, Any] | None = None
    output: Any | None = None


class SendHttpTextMessageRequest(
    RootModel[Annotated[HttpTextAgentUserMessageRequest | HttpTextAgentToolCallRequest, Field(discriminator="type")],]
):
    """A message or a tool call of the agent; by default a message."""

    model_config = ConfigDict(defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _is_a_message(cls, given: Any) -> Any:
        return {"type": "message", **given} if isinstance(given, dict) else given


class HttpTextMessageResponse(Wire):
    """A confirmation; `end_conversation` is true if the message has ended the conversation."""

    simulation_result_id: str
    status: str = "success"
    end_conversation: bool = False


class TextMessage(Wire):
    """A message or tool call, as a test finds it."""

    id: int
    simulation_result_id: int
    type: Literal["message", "tool_call"]
    message_id: str | None = None
    message: str | None = None
    name: str | None = None


TEXT_MESSAGES = Resource(
    "text message",
    links=(Link("simulation_result_id", to="test result", find=find_result, on_delete=OnDelete.CASCADE),),
)
text_messages = Operations(TEXT_MESSAGES, returns=TextMessage)


@text_messages.operation("POST", "/v1/send-http-text-message")
def send_http_text_message(call: ApiCall, request: SendHttpTextMessageRequest) -> HttpTextMessageResponse:
    """Take a message or a tool call of a text agent. The first one begins the conversation, and any may end it."""
    sent, world = request.root, call.world
    record = find_result(world, call.organisation, sent.simulation_result_id)
    answer = HttpTextMessageResponse(simulation_result_id=str(record.id), end_conversation=bool(sent.end_conversation))
    same = {"simulation_result_id": record.id, "message_id": sent.message_id}
    if sent.message_id is not None and world.resources[TEXT_MESSAGES].of(call.organisation, **same):
        return answer
    fields = as_fields(sent)
    world.begin(record.id)
    if record.status is not Status.RUNNING:  # then nothing has begun
        raise Refused("The simulation result is not active: its conversation is over")
    world.resources[TEXT_MESSAGES].add(call.organisation, {**fields, "simulation_result_id": record.id})
    if isinstance(sent, HttpTextAgentToolCallRequest):
        begun = record.created_at if record.start_time is None else record.start_time
        made = {
            "name": fields["name"],
            "start_offset_ms": (world.settle() - begun) // 1000,
            "parameters": fields["parameters"],
            "output": fields["output"],
        }
        world.edit(record.id, fields={"tool_calls": [*(record.fields.get("tool_calls") or ()), made]})
    if sent.end_conversation:
        world.change(record.id, Event.END, "api")
    return answer
