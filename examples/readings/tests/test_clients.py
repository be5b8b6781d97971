import importlib
import time

import pytest
import requests


@pytest.fixture(params=["hopeful", "robust"])
def end(request):
    return importlib.import_module(request.param).end


def test_a_client(bluejay_every_reading, end):
    bluejay = bluejay_every_reading
    running = bluejay.add_test_result()
    assert end([running.id, 999], bluejay.api_key) == ([running.id], [999])
    assert end([998, 999], bluejay.api_key) == ([], [998, 999])
    while status(running.id, bluejay.api_key) == "RUNNING":
        time.sleep(5)  # no test waits for this


def status(id, api_key):
    url = f"https://api.getbluejay.ai/v1/retrieve-simulation-result/{id}"
    return requests.get(url, headers={"X-API-Key": api_key}, timeout=10).json()["simulation_result"]["status"]
