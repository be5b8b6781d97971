"""The objects that a test holds have no public members but those for the test, each with a docstring."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.calls import Calls
from fake_bluejay.drafts import Drafts
from fake_bluejay.evaluations import Evaluations
from fake_bluejay.facade.handles import FakeClock, FakeReadings, Snapshot
from fake_bluejay.facade.remote import RemoteBluejay
from fake_bluejay.facade.resources import AgentView, DigitalHumanView, ResourceView, SimulationView
from fake_bluejay.facade.results import ControlObjectView, TestResult
from fake_bluejay.facade.runs import RunView
from fake_bluejay.facade.webhooks import AttemptView, DeliveryView, Webhooks
from fake_bluejay.http.faults import KINDS, Fault, Faults
from fake_bluejay.http.journal import Answer, Exchange, Requests

PUBLIC = [
    *(AgentView, Answer, AttemptView, Calls, ControlObjectView, DeliveryView, DigitalHumanView, Drafts, Evaluations),
    *(Exchange, FakeBluejay, FakeClock, FakeReadings, Fault, Faults, RemoteBluejay, Requests, ResourceView, RunView),
    *(SimulationView, Snapshot, TestResult, Webhooks),
]


def members(one: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers_static(one)
        if not name.startswith("_") and (isinstance(member, property) or callable(getattr(one, name)))
    }


@pytest.mark.parametrize("one", PUBLIC, ids=lambda one: one.__name__)
def test_each_public_member_has_a_docstring(one: type) -> None:
    assert one.__doc__
    inherited = members(tuple) if issubclass(one, tuple) else {}
    lacking = [name for name, member in members(one).items() if name not in inherited and not inspect.getdoc(member)]
    assert lacking == []


def test_faults_and_requests_show_nothing_of_their_machinery() -> None:
    assert set(members(Faults)) == {*KINDS, "clear"}
    assert set(members(Requests)) == {"clear"}
