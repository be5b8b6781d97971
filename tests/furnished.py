"""A world with something of everything, and the ids in it by the names that requests have for them."""

import functools
from typing import Any

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.integrations import INTEGRATIONS
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.bluejay.simulations import SIMULATIONS

CODE_ID = "0d2c3f4b-26f3-4d6c-8a1f-6b1e7a525a69"
"""The `bluejay_as_code_id` of the first simulation."""


@functools.cache
def furnished_world() -> Any:
    """A dump with at least two entities of each resource; integer ids are 1 and 2, external ids and names are `a`.

    The test results 1 and 2 are evaluated, 3 is RUNNING.
    """
    fake = FakeBluejay(seed=5)
    workflow = {"nodes": {"a": {"type": "start"}, "b": {}}, "edges": {"e": {"source": "a", "target": "b"}}}
    agent = fake.add_agent(
        external_agent_id="a", http_webhook="http://127.0.0.1/", workflow=workflow, eleven_labs_agent_id="agent"
    )
    fake.add_simulation(digital_humans=2, agent=agent)
    fake.add_simulation(digital_humans=0)
    fake.add_digital_human(test_name="a")
    for name in resource_names():
        if declared(name).request is not None:
            while len(fake.resources(name)) < 2:
                fake.add(name)
    fake.add("label")  # those that there are already are on versions
    simulations = fake.world.resources[SIMULATIONS]
    fake.world.resources.change(simulations.all()[0], {"bluejay_as_code_id": CODE_ID})
    fake.world.resources[INTEGRATIONS].add("default", {"vapi_api_key": "v"})
    fake.webhooks.add(lambda delivery: None)
    fake.queue_run(1)
    fake.queue_run(2)
    fake.clock.advance(3600)
    fake.add_test_result()
    return fake.dump()


@functools.cache
def ids_by_name() -> dict[str, list[Any]]:
    """The ids of two entities of each resource, by the names of parameters and fields: `folder_id`, `folder_ids`."""
    known: dict[str, list[Any]] = {}
    for name in resource_names():
        operations = declared(name)
        if name in furnished_world():
            ids = [one["id"] for one in furnished_world()[name]["all"][:2]]
            known |= {f"{operations.of.field}_id": ids, f"{operations.of.field}_ids": ids}
            # A path may call the id otherwise: `/v1/custom-metric/{metric_id}`.
            for operation in operations.all:
                if (parameter := list(operation.in_path)[-1:]) and parameter[0].endswith("_id"):
                    known.setdefault(parameter[0], ids)
    known["simulation_bac_id"], known["simulation_bluejay_id"] = [CODE_ID], ["1", CODE_ID]
    # Clients choose the id of a trace, so that is a field of its own.
    known["trace_id"] = [one["fields"]["trace_id"] for one in furnished_world()["traces"]["all"][:2]]
    known["span_id"] = [one["fields"]["spans"][0]["span_id"] for one in furnished_world()["traces"]["all"][:2]]
    return known
