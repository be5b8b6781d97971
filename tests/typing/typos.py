"""Typos that the type checkers must find, on the lines that end with `# typo` and on no others; it is not run."""

from __future__ import annotations

from fake_bluejay import Bluejay, FakeBluejay, MakeBluejay, Status
from fake_bluejay.agents import ends_after
from fake_bluejay.webhooks import Request


def options(make_bluejay: MakeBluejay) -> None:
    make_bluejay(agnt="silent")  # typo
    make_bluejay(agent="silnt")  # typo
    make_bluejay(unmet="wran")  # typo
    make_bluejay(readings={"sucess": "always"})  # typo
    make_bluejay(readings={"success": "allways"})  # typo
    FakeBluejay(clock="manuel")  # typo
    FakeBluejay(sleep="skipp")  # typo
    FakeBluejay(seed="7")  # typo


def results(bluejay: Bluejay) -> None:
    bluejay.add_test_result(status="RUNING")  # typo
    bluejay.add_test_result(status=Status.RUNNNG)  # typo
    bluejay.add_test_result(agent="silnt")  # typo
    bluejay.add_test_result(agent=ends_after("2"))  # typo
    bluejay.test_result(1).set_status("COMPLETE")  # typo
    bluejay.test_result(1).happen("ended")  # typo
    print(bluejay.test_result(1).statuss)  # typo
    bluejay.add_test_resultt()  # typo


def faults(bluejay: Bluejay) -> None:
    bluejay.faults.respond("503")  # typo
    bluejay.faults.respond(503, path=5)  # typo
    bluejay.faults.delay(5, time=2)  # typo
    bluejay.faults.reset(probability="0.5")  # typo
    bluejay.faults.billing("NO_MONEY")  # typo
    bluejay.faults.rate_limit(1, time=2)  # typo
    bluejay.faults.losse_response()  # typo
    bluejay.readings.set(sucess="always")  # typo
    bluejay.readings.set(success="allways")  # typo


def assertions(bluejay: Bluejay) -> None:
    bluejay.assert_ended(1, by="wachdog")  # typo
    bluejay.assert_ended("1")  # typo
    bluejay.assert_requested("POST", "/v1/ping", time=1)  # typo
    bluejay.assert_requested("POST", "/v1/ping", query="a=1")  # typo


def webhooks(bluejay: Bluejay) -> None:
    def receive(request: Request) -> None:
        print(request.bdy)  # typo

    def receive_text(text: str) -> None: ...

    bluejay.webhooks.add(receive, events=["simulation_endd"])  # typo
    bluejay.webhooks.add(receive_text)  # typo
    bluejay.webhooks.send("simulation_endd", {})  # typo
    bluejay.webhooks.send_alert("simulation_alert", "triggered")  # typo
    bluejay.webhooks.send_alert("simulation_alert_triggered", "recoverd")  # typo
