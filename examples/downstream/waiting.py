"""Waiting for conversations to end: by tenacity, by backoff, by a deadline, and for many at once."""

import asyncio
import time
from time import sleep

import backoff
import httpx
import requests
import tenacity

URL = "https://api.getbluejay.ai/v1"
IN_PROGRESS = {"INITIALIZING", "QUEUED", "READY", "DISPATCHED", "RUNNING", "CONVERSATION_ENDED", "EVALUATING"}
"""A status that is none of these is final. There are many of those, and Bluejay may add to them."""


def status(id: int, api_key: str) -> str:
    """The status of a conversation."""
    response = requests.get(f"{URL}/retrieve-simulation-result/{id}", headers={"X-API-Key": api_key}, timeout=10)
    response.raise_for_status()
    return response.json()["simulation_result"]["status"]


def by_tenacity(id: int, api_key: str) -> str:
    """Poll every five seconds until its status is final, for two minutes at most."""
    return tenacity.retry(
        retry=tenacity.retry_if_result(lambda status: status in IN_PROGRESS) | tenacity.retry_if_exception_type(),
        wait=tenacity.wait_fixed(5),
        stop=tenacity.stop_after_delay(120),
    )(status)(id, api_key)


def by_backoff(id: int, api_key: str) -> str:
    """Poll ever more slowly until its status is final."""
    patiently = backoff.on_predicate(backoff.expo, lambda status: status in IN_PROGRESS, jitter=None, max_time=300)
    return patiently(
        backoff.on_exception(backoff.constant, requests.RequestException, interval=1, jitter=None)(status)
    )(id, api_key)


def by_deadline(id: int, api_key: str, patience: float = 60) -> str:
    """Poll until its status is final, or raise `TimeoutError`."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (found := status(id, api_key)) not in IN_PROGRESS:
            return found
        sleep(min(5, deadline - time.monotonic()))
    raise TimeoutError(f"{id} is {found}")


async def all_at_once(ids: list[int], api_key: str) -> list[str]:
    """Poll for many, each at its own pace."""

    async def one(client: httpx.AsyncClient, id: int) -> str:
        async with asyncio.timeout(120):
            while True:
                answer = await client.get(f"/retrieve-simulation-result/{id}")
                found: str = answer.json()["simulation_result"]["status"]
                if found not in IN_PROGRESS:
                    return found
                await asyncio.sleep(4 + id % 7 / 2)

    async with httpx.AsyncClient(base_url=URL, headers={"X-API-Key": api_key}) as client:
        return await asyncio.gather(*(one(client, id) for id in ids))
