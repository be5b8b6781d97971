"""A client that believes what it saw once. It passes with the default readings, and fails with others."""

import requests

URL = "https://api.getbluejay.ai/v1/end-conversations"


def end(ids: list[int], api_key: str) -> tuple[list[int], list[int]]:
    """Mark conversations for ending, and return those that were marked and those that were not."""
    response = requests.post(URL, headers={"X-API-Key": api_key}, json={"test_result_ids": ids}, timeout=10)
    response.raise_for_status()  # believes that a request of unknown ids alone is a 200
    answer = response.json()
    if not answer["success"] and answer["ended_count"]:  # believes that success means that any was marked
        raise RuntimeError(answer["message"])
    return answer["test_result_ids"], answer["failed_ids"] or []  # believes that these are the marked ones
