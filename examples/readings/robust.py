"""A client that relies on nothing that Bluejay does not document. It passes with every reading."""

import requests

URL = "https://api.getbluejay.ai/v1/end-conversations"


def end(ids: list[int], api_key: str) -> tuple[list[int], list[int]]:
    """Mark conversations for ending, and return those that were marked and those that were not."""
    response = requests.post(URL, headers={"X-API-Key": api_key}, json={"test_result_ids": ids}, timeout=10)
    if response.status_code in (400, 404):  # perhaps the answer when none could be marked
        return [], ids
    response.raise_for_status()
    failed = response.json().get("failed_ids") or []  # null, empty or left out
    return [id for id in ids if id not in failed], failed
