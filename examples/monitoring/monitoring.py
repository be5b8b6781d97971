"""Send finished calls to Bluejay to be evaluated, and collect the results.

    BLUEJAY_API_KEY=… python monitoring.py --agent front-desk calls.json

Exit status 0: every call was evaluated, and reached its goal; 1: one did not, or could not be evaluated; 2: one was not
taken, or not evaluated in time.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import requests

EVENT = "observability_call_evaluated"
OVER = ("COMPLETED", "NOT_EVALUATED", "SYSTEM_ERROR")
ATTEMPTS = 4
"""How often a request is sent that the service has no time for: 429 asks to wait for the next minute, 503 a moment."""


class Bluejay:
    """The few calls that monitoring needs."""

    def __init__(self) -> None:
        self.url = os.environ.get("BLUEJAY_API_URL", "https://api.getbluejay.ai/v1")
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = os.environ["BLUEJAY_API_KEY"]

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            response = self.session.request(method, f"{self.url}/{path}", json=body, params=query, timeout=30)
            if response.status_code not in (429, 503) or attempt == ATTEMPTS:
                break
            time.sleep(60 if response.status_code == 429 else 2**attempt)
        response.raise_for_status()
        return response.json()


def evaluate(bluejay: Bluejay, agent: str, call: dict[str, Any]) -> str:
    """Send one call, as the provider describes it. Returns the conversation's id."""
    begun = call["started_at"]
    answer = bluejay(
        "POST",
        "evaluate",
        {
            "external_agent_id": agent,
            "start_time_utc": begun,
            "participants": [{"role": "AGENT"}, {"role": "USER", "phone_number": call.get("from")}],
            "transcript": [
                {
                    "speaker": "AGENT" if turn["who"] == "agent" else "USER",
                    "utterance": turn["text"],
                    "start_offset_ms": turn["from_ms"],
                    "end_offset_ms": turn["to_ms"],
                }
                for turn in call["turns"]
            ],
            "tool_calls": call.get("tools"),
            "metadata": {"provider_call_id": call["id"]},
        },
    )
    if answer.get("warning"):
        print(f"{call['id']}: {answer['warning']}", file=sys.stderr)
    return str(answer["call_id"])


def received(headers: dict[str, str], body: bytes, secret: str) -> dict[str, Any] | None:
    """Read what a webhook tells of an evaluated conversation; None if it tells of something else.

    Raises:
        PermissionError: The signature is not that of the secret.
    """
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = next((value for name, value in headers.items() if name.lower() == "x-bluejay-signature"), "")
    if not hmac.compare_digest(signature, given):
        raise PermissionError("the signature is wrong")
    told: dict[str, Any] = json.loads(body)
    return told if told["type"] == EVENT else None


def wait_for(bluejay: Bluejay, ids: list[str], budget: float = 600, poll: float = 10) -> dict[str, dict[str, Any]]:
    """Poll conversations until each is over, or the budget of seconds is spent; return those that are over."""
    deadline, over = time.monotonic() + budget, dict[str, dict[str, Any]]()
    while True:
        for id in ids:
            if id not in over:
                conversation = bluejay("GET", f"observability/conversations/{id}", include_transcript=False)
                if conversation["status"] in OVER:
                    over[id] = conversation
        if len(over) == len(set(ids)) or time.monotonic() >= deadline:
            return over
        time.sleep(poll)


def reached_its_goal(conversation: dict[str, Any]) -> bool:
    """Say whether the newest evaluation of a conversation found the goal reached."""
    evaluations = conversation["evaluations"] or []
    return conversation["status"] == "COMPLETED" and bool(evaluations) and bool(evaluations[-1]["goal_success"])


def open_issues(bluejay: Bluejay) -> list[dict[str, Any]]:
    """Return all issues that nobody has dealt with, part by part."""
    found: list[dict[str, Any]] = []
    while True:
        part = bluejay("GET", "observability/issues", status="open", limit=200, offset=len(found))["issues"]
        found += part
        if len(part) < 200:
            return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", type=Path, help="a JSON file of the calls")
    parser.add_argument("--agent", required=True, help="the id that the provider has for the agent")
    parser.add_argument("--budget", type=float, default=600, help="seconds for all evaluations")
    given = parser.parse_args(arguments)
    bluejay, sent, refused = Bluejay(), {}, 0
    for call in json.loads(given.calls.read_text()):
        try:
            sent[evaluate(bluejay, given.agent, call)] = call["id"]
        except requests.HTTPError as error:
            print(f"{call['id']}: not taken: {error.response.status_code} {error.response.text}", file=sys.stderr)
            refused += 1
    over = wait_for(bluejay, list(sent), given.budget)
    for id, name in sent.items():
        scores = {one["name"]: one["response_value"] for one in over[id]["metric_results"]} if id in over else {}
        outcome = "not evaluated in time" if id not in over else "reached" if reached_its_goal(over[id]) else "missed"
        print(f"{name}: {outcome} {json.dumps(scores)}")
    for issue in open_issues(bluejay):
        print(f"open issue: {issue['title']} ({len(issue['conversation_ids'])} calls)")
    if refused or len(over) < len(sent):
        return 2
    return 0 if all(map(reached_its_goal, over.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
