"""End conversations that run for too long."""

import os

import requests

URL = "https://api.getbluejay.ai/v1"


class StillRunning(Exception):
    """Some conversations could not be marked for ending."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"could not end {ids}")
        self.ids = ids


def end(ids: list[int], api_key: str | None = None) -> list[int]:
    """Mark conversations for ending; the ids that were marked.

    Raises `StillRunning` if Bluejay refused some, and `requests.HTTPError` if it refused the request.
    """
    response = requests.post(
        f"{URL}/end-conversations",
        headers={"X-API-Key": api_key or os.environ["BLUEJAY_API_KEY"]},
        json={"test_result_ids": ids},
        timeout=10,
    )
    response.raise_for_status()
    answer = response.json()
    if answer.get("failed_ids"):
        raise StillRunning(answer["failed_ids"])
    return answer["test_result_ids"]


def is_running(id: int) -> bool:
    """Whether a conversation is still running."""
    response = requests.get(
        f"{URL}/retrieve-simulation-result/{id}", headers={"X-API-Key": os.environ["BLUEJAY_API_KEY"]}, timeout=10
    )
    response.raise_for_status()
    return response.json()["simulation_result"]["status"] == "RUNNING"
