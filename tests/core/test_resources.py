"""The engine's services to any resource: links, dumps, seeds, the control API, and the methods for a test."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.control.app import control_app
from fake_bluejay.core.resources import Link, OnDelete, Resource, int_ids, plural_of, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.facade.fake import fake_over
from fake_bluejay.state.seed import SeedError, load_seed
from fake_bluejay.state.snapshot import restore

TARGET = Resource("target")


def linked(on_delete: Any) -> tuple[World, Any, Any]:
    """A world with a target, and an entity that links to it twice."""
    world = World()
    holders = Resource(
        "holder", links=(Link("target_id", "target", on_delete), Link("target_ids", "target", on_delete))
    )
    target, other = (world.resources[TARGET].add("default", {}) for _ in range(2))
    holder = world.resources[holders].add("default", {"target_id": target.id, "target_ids": [target.id, other.id]})
    return world, target, holder


def test_detached_entity_stays_without_its_links() -> None:
    world, target, holder = linked(OnDelete.DETACH)
    world.resources.remove(target)
    assert holder.fields == {"target_id": None, "target_ids": [2]}
    assert [len(one) for one in world.resources] == [1, 1]


def test_cascade_removes_dependents_and_publishes_each() -> None:
    world, target, _ = linked(OnDelete.CASCADE)
    told: list[Any] = []
    world.on_change = lambda *change: told.append(change)
    world.resources.remove(target)
    assert told == [("holder-removed", 1), ("target-removed", 1)]


def test_undone_changes_leave_no_trace_and_are_not_published() -> None:
    world, target, holder = linked(OnDelete.DETACH)
    published: list[Any] = []
    world.on_change = lambda *change: published.append(change)
    with world.resources.undone():
        targets = world.resources[TARGET]
        world.resources.change(target, {"name": "new"})
        world.resources[Resource("other")].add("default", {})
        world.resources.remove(targets.add("default", {}))
        world.resources.remove(target)
    assert published == []
    assert (target.fields, holder.fields["target_ids"]) == ({}, [1, 2])
    assert [(one.resource.name, len(one), one.last_id) for one in world.resources] == [
        ("target", 2, 2),
        ("holder", 1, 1),
        ("other", 0, 0),
    ]
    assert world.resources[TARGET].add("default", {}).id == 3
    assert published == [("target-added", world.resources[TARGET].get(3))]


def test_kept_entity_links_to_nothing() -> None:
    world, target, holder = linked(lambda readings: OnDelete.KEEP)
    world.resources.remove(target)
    assert holder.fields == {"target_id": 1, "target_ids": [1, 2]}


def test_cascade_goes_round_a_circle_once() -> None:
    world = World()
    one = Resource("one", links=(Link("other_id", "other", OnDelete.CASCADE),))
    other = Resource("other", links=(Link("one_id", "one", OnDelete.CASCADE),))
    first = world.resources[one].add("default", {"other_id": 1})
    world.resources[other].add("default", {"one_id": 1})
    world.resources.remove(first)
    assert [len(each) for each in world.resources] == [0, 0]


def test_entity_of_another_organisation_is_not_touched() -> None:
    world, target, _ = linked(OnDelete.CASCADE)
    holders = next(one for one in world.resources if one.resource.name == "holder")
    foreign = holders.add("others", {"target_id": target.id, "target_ids": []})
    world.resources.remove(target)
    assert holders.all() == [foreign]


@pytest.mark.parametrize(
    ("value", "id"),
    [(7, 7), ("7", 7), ("07", 7), (True, None), ("x", None), ("٣", None), ("1" * 19, None), (1.0, None)],
)
def test_integer_ids_are_read(value: object, id: object) -> None:
    assert int_ids.read(value) == id


def test_uuid_ids_are_read_however_they_are_written() -> None:
    id = uuid_ids.make(5, "folder", 1)
    assert uuid_ids.read(UUID(str(id))) == uuid_ids.read(str(id).upper()) == id
    assert uuid_ids.read("x") is uuid_ids.read(7) is None


def test_plurals() -> None:
    names = ("folder", "digital human", "digital-humans", "Community", "communities", "api_key")
    plurals = ["folders", "digital_humans", "digital_humans", "communities", "communities", "api_keys"]
    assert [plural_of(name) for name in names] == plurals


@pytest.mark.parametrize("name", resource_names())
def test_every_resource_is_added_dumped_and_loaded(furnished: Any, name: str) -> None:
    fake = FakeBluejay.load(furnished)
    if declared(name).request is None:
        pytest.skip("none can be added by itself")
    if "agent_id" not in declared(name).request.model_fields:  # type: ignore[union-attr]
        fake.add(name)
    again = FakeBluejay.load(fake.dump())
    assert again.dump() == fake.dump()
    assert [one.fields for one in again.resources(name)] == [one.fields for one in fake.resources(name)]
    assert len(again.resources(name)) >= 2


def test_added_entity_is_a_live_view() -> None:
    fake = FakeBluejay()
    folder = fake.add("folder", name="Support")
    assert (folder.fields, folder.organisation, str(folder.created_at)) == (
        {"name": "Support"},
        "default",
        "2026-01-01 00:00:00+00:00",
    )
    assert fake.resources("folders") == [folder]
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        client.delete(f"/v1/folder/{folder.id}")
    with pytest.raises(KeyError, match=f"there is no folder {folder.id}"):
        _ = folder.fields


def test_id_can_be_chosen() -> None:
    fake, id = FakeBluejay(), "6b1e7a52-26f3-4d6c-8a1f-0d2c3f4b5a69"
    assert fake.add("folder", id=id.upper()).id == id
    assert [fake.add("agent", id=7).id, fake.add("agent").id] == [7, 8]
    before = fake.dump()
    for name, chosen, message in (
        ("folder", id, f"the folder id {id} is taken"),
        ("agent", 7, "the agent id 7 is taken"),
        ("folder", 7, "id of a folder: a UUID is needed, not 7"),
        ("agent", "x", "id of an agent: an integer above 0 is needed, not 'x'"),
        ("agent", 0, "id of an agent: an integer above 0 is needed, not 0"),
    ):
        with pytest.raises(ValueError, match=message):
            fake.add(name, id=chosen)
    with pytest.raises(ValueError, match="the agent id 7 is taken"):
        fake.add("agent", id=7, folder="New")
    assert fake.dump() == before


def test_mistakes_are_named_and_change_nothing() -> None:
    fake = FakeBluejay()
    before = fake.dump()
    with pytest.raises(ValueError, match="unknown resource 'foldre'; did you mean 'folders'"):
        fake.add("foldre")
    with pytest.raises(ValueError, match="unknown resource 'foldre'"):
        fake.resources("foldre")
    with pytest.raises(ValueError, match="unknown field of a folder 'nme'; did you mean 'name'"):
        fake.add("folder", nme="Support")
    with pytest.raises(ValueError, match="name of a folder: a string is needed, not 7"):
        fake.add("folder", name=7)
    with pytest.raises(ValueError, match="unknown organisation 'nobody'"):
        fake.add("folder", organisation="nobody")
    with pytest.raises(ValueError, match="Digital human not found"):
        fake.add("community", digital_human_ids=[7])
    assert fake.dump() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "x"}, r"folders.all\[0\].id: a UUID is needed, not 'x'"),
        ({"organisation": "nobody"}, r"folders.all\[0\].organisation: unknown organisation 'nobody'"),
        ({"fields": {"name": 7}}, r"folders.all\[0\].fields.name: a string is needed, not 7"),
        ({"fields": {}}, r"folders.all\[0\].fields.name: missing"),
        ({"updated_at": "x"}, r"folders.all\[0\].updated_at: Invalid isoformat"),
    ],
)
def test_dump_that_no_answer_could_show_is_refused(change: Any, message: str) -> None:
    fake = FakeBluejay()
    fake.add("folder")
    dump = fake.dump()
    dump["folders"]["all"][0].update(change)
    before = fake.dump()
    with pytest.raises(ValueError, match=message):
        restore(fake.world, dump)
    assert fake.dump() == before


def test_seed_has_resources(tmp_path: Path) -> None:
    seed = tmp_path / "world.yaml"
    seed.write_text(
        "resources: {folders: [{name: Support}], digital_humans: [{}, {}], communities: [{digital_human_ids: [1, 2]}]}"
    )
    fake = fake_over(load_seed(seed).service)
    assert [folder.fields["name"] for folder in fake.resources("folder")] == ["Support"]
    assert fake.resources("community")[0].fields["digital_human_ids"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resources:\n  foldres: [{}]", "world.yaml:2: resources.foldres[0]: unknown resource 'foldres'"),
        (
            "resources:\n  folders:\n  - {}\n  - {nme: A}",
            "world.yaml:4: resources.folders[1]: unknown field of a folder",
        ),
        ("resources:\n  folders:\n  - {organisation: no}", "world.yaml:3: resources.folders[0]"),
        ("resources: {communities: [{digital_human_ids: [9]}]}", "Digital human not found"),
    ],
)
def test_mistake_in_a_seed_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    seed = tmp_path / "world.yaml"
    seed.write_text(text)
    with pytest.raises(SeedError) as error:
        load_seed(seed)
    assert message in str(error.value)


async def test_control_api_has_every_resource() -> None:
    fake = FakeBluejay()
    transport = httpx.ASGITransport(control_app(fake.service, fake.reset))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/_fake/") as control:
        listed = (await control.get("resources")).json()
        assert [one["collection"] for one in listed] == resource_names()
        made = await control.post("resources/folder", json={"name": "Support"})
        assert made.status_code == 201
        id = made.json()["id"]
        assert (await control.get(f"resources/folders/{id}")).json() == made.json()
        changed = await control.patch(f"resources/folders/{id}", json={"fields": {"name": "Help"}})
        assert changed.json()["fields"] == {"name": "Help"}
        found = await control.get("resources/folders?q=help")
        assert (found.json(), found.headers["x-total-count"]) == ([changed.json()], "1")
        assert (await control.get("resources/folders?q=support")).json() == []
        fake.add_agent(folder="Help")
        assert (await control.delete(f"resources/folders/{id}")).json() == {"removed": 1}
        assert fake.resources("agent")[0].fields["folder_id"] is None
        for method, path, body, status, detail in (
            ("GET", "resources/foldres", None, 404, "unknown resource 'foldres'"),
            ("GET", f"resources/folders/{id}", None, 404, f"there is no folder '{id}'"),
            ("GET", "resources/agents/x", None, 404, "there is no agent 'x'"),
            ("POST", "resources/folders", {"nme": "x"}, 400, "unknown field of a folder 'nme'"),
            ("PATCH", "resources/agents/1", {"fields": {"nme": "x"}}, 400, "unknown field of an agent 'nme'"),
            ("PATCH", "resources/agents/1", {"fields": {"name": 7}}, 400, "name: a string is needed"),
            ("PATCH", "resources/agents/1", {"fields": {"folder_id": id}}, 404, "Folder not found"),
        ):
            answer = await control.request(method, path, json=body)
            assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text


def test_events_tell_of_every_resource() -> None:
    fake = FakeBluejay()
    subscription = fake.service.events.subscribe(lambda: None)
    subscription.take()
    folder = fake.add("folder")
    with fake.client(headers={"X-API-Key": fake.api_key}) as client:
        client.put(f"/v1/update-folder/{folder.id}", json={"name": "Help"})
        client.delete(f"/v1/folder/{folder.id}")
    told = [(change.kind, change.data) for change in subscription.take() or () if change.kind.startswith("folder")]
    assert told == [
        ("folder-added", {"id": folder.id, "at": "2026-01-01T00:00:00.000000Z", "organisation": "default"}),
        ("folder-changed", {"id": folder.id, "fields": ["name"]}),
        ("folder-removed", {"id": folder.id}),
    ]


def test_subscriber_that_comes_while_a_request_is_tried_misses_nothing_after_it() -> None:
    fake = FakeBluejay()
    with fake.world.lock, fake.world.resources.undone():
        subscription = fake.service.events.subscribe(lambda: None)
    fake.add("folder")
    assert [change.kind for change in subscription.take() or ()] == ["folder-added"]


def test_no_module_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from fake_bluejay import FakeBluejay\n"
        "with FakeBluejay() as fake:\n"
        "    fake.add_test_result()\n"
        "    fake.load(fake.dump())\n"
        "    fake.client().get('/v1/ping')\n"
        "    fake.url\n"
        "assert 'fake_bluejay.control.models' not in sys.modules\n"
        "loaded = [name for name in sys.modules if name.startswith('fake_bluejay.bluejay.')]\n"
        "assert not {'agents', 'folders', 'communities', 'simulations'} & {one.rpartition('.')[2] for one in loaded}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
