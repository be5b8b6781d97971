"""Test a voice agent in a pipeline: queue a run, wait for its end, and exit by the rate of calls that passed.

    BLUEJAY_API_KEY=… python pipeline.py --callers callers.json --pass-rate 0.9

Exit status 0: enough calls passed; 1: too few did; 2: the run could not be made or read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import requests

GRACE = 60
"""Seconds that calls have to be over and evaluated, once they were told to end."""


class Bluejay:
    """The few calls that a pipeline needs."""

    def __init__(self) -> None:
        self.url = os.environ.get("BLUEJAY_API_URL", "https://api.getbluejay.ai/v1")
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = os.environ["BLUEJAY_API_KEY"]

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = self.session.request(method, f"{self.url}/{path}", json=body, timeout=30)
        response.raise_for_status()
        return response.json()


def set_up(bluejay: Bluejay, callers: list[dict[str, Any]], max_concurrent: int | None) -> int:
    """An agent, a simulation of it, and the callers. Returns the simulation's id."""
    agent = bluejay(
        "POST",
        "add-agent",
        {"name": "Front desk", "system_prompt": "You keep the calendar.", "knowledge_base": "", "goals": ["Be brief."]},
    )
    settings = {"agent_id": str(agent["agent_id"]), "max_concurrent": max_concurrent}
    simulation: int = bluejay("POST", "create-simulation", settings)["simulation_id"]
    for caller in callers:
        bluejay("POST", "create-digital-human", {"simulation_ids": [simulation], "digital_human": caller})
    return simulation


def run(bluejay: Bluejay, simulation: int, repetitions: int, budget: float, poll: float) -> dict[str, Any]:
    """Queue a run and poll it until it is over. What is still talking when the budget is spent is ended."""
    body = {"simulation_id": str(simulation), "runs_per_digital_human": repetitions}
    queued = bluejay("POST", "queue-simulation-run", body)
    deadline, told = time.monotonic() + budget, False
    while True:
        answer: dict[str, Any] = bluejay("GET", f"retrieve-simulation-results/{queued['simulation_run_id']}")
        if answer["simulation_run"]["status"] not in ("INITIALIZING", "RUNNING"):
            return answer
        if time.monotonic() > deadline:
            if told:
                raise TimeoutError(
                    f"run {queued['simulation_run_id']} is not over {budget + GRACE:g} s after its start"
                )
            end_stragglers(bluejay, answer["simulation_results"])
            deadline, told = time.monotonic() + GRACE, True
        time.sleep(poll)


def end_stragglers(bluejay: Bluejay, results: list[dict[str, Any]]) -> None:
    """Calls that are RUNNING can be ended; they are evaluated all the same."""
    running = [int(result["id"]) for result in results if result["status"] == "RUNNING"]
    if running:
        print(f"ending {len(running)} calls that are still talking")
        bluejay("POST", "end-conversations", {"test_result_ids": running})


def report(answer: dict[str, Any]) -> float:
    """Print what became of the calls. Returns the rate of those that passed, of all."""
    ends: dict[str, int] = {}
    for result in answer["simulation_results"]:
        end = result["status"].lower()
        if end == "completed":
            end = "passed" if all(one["goal_success"] for one in result["evaluations"]) else "failed"
        ends[end] = ends.get(end, 0) + 1
    for end, count in sorted(ends.items()):
        print(f"{count:5} {end}")
    counted = answer["simulation_run"]
    rate: float = counted["tests_passed"] / max(1, counted["total_tests"])
    print(f"{counted['tests_passed']} of {counted['total_tests']} calls passed: {rate:.0%}")
    return rate


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=Path, default=Path(__file__).with_name("callers.json"))
    parser.add_argument("--repetitions", type=int, default=1, help="calls of each caller")
    parser.add_argument("--max-concurrent", type=int, default=None, help="calls at a time")
    parser.add_argument("--budget", type=float, default=900, help="seconds after which what still talks is ended")
    parser.add_argument("--poll", type=float, default=5, help="seconds between two looks at the run")
    parser.add_argument("--pass-rate", type=float, default=1.0, help="at least so many calls must pass, of 1")
    options = parser.parse_args(arguments)
    try:
        bluejay = Bluejay()
        simulation = set_up(bluejay, json.loads(options.callers.read_text()), options.max_concurrent)
        rate = report(run(bluejay, simulation, options.repetitions, options.budget, options.poll))
    except (requests.RequestException, TimeoutError, OSError, ValueError, KeyError) as error:
        print(f"the run failed: {error!r}", file=sys.stderr)
        return 2
    return 0 if rate >= options.pass_rate else 1


if __name__ == "__main__":
    sys.exit(main())
