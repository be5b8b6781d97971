"""Every resource beside a naive model: what was added is there, in order, until it or what it depends on is removed."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fake_bluejay import FakeBluejay
from fake_bluejay.bluejay.modules import declared, resource_names
from fake_bluejay.core.resources import Entity, Link, OnDelete, plural_of
from tests.thoroughness import examples

ORGANISATIONS = ["default", "others"]
USED_UP = {"drafts", "evaluation_scripts"}
"""The collections whose entities the next request of their kind takes away."""
NAMES = [name for name in resource_names() if declared(name).request is not None and name not in USED_UP]
BY_REQUEST: dict[str, tuple[str, str, dict[str, Any]]] = {
    "integrations": ("PATCH", "/v1/integrations", {"vapi_api_key": "v"}),
    "text_messages": ("POST", "/v1/send-http-text-message", {"message": "Hello."}),
    "translations": ("POST", "/v1/translate-transcript", {"target_language": "de"}),
}
"""The collections that no command adds to → the request that makes an entity, which may name a test result."""
ELSEWHERE = {
    "alert_results": "the clock makes them, of violations: test_alerts.py",
    "human_evaluations": "people make them, of the conversations of a lab: test_labs.py",
    "lab_evaluations": "a lab makes them, of its conversations by its metrics: test_labs.py",
    "metric_revisions": "a lab makes them, of its metrics: test_labs.py",
}
"""The collections that are not tested here → the reason, and the file that tests them."""
LISTED_OTHERWISE = {"traces", "elevenlabs_agents"}
"""The collections whose entities are listed in groups with ids of their own, or by ids that another service gave."""
KEYS = {"others": "other-key"}
ID_FIELDS = ["id", "schedule_id"]
"""The fields for an entity's own id in a list; the first that it has counts."""
NOT_SEEN = (403, 404)
Key = tuple[str, Any]
"""The collection of an entity, and its id."""


def plain_path(name: str, what: str) -> str | None:
    """The path of the operation that gets one entity of a resource, or lists all, if it needs nothing else."""
    operations = declared(name)
    called = f"get_{operations.of.field}" if what == "get" else f"list_{operations.of.plural}"
    for one in operations.all:
        needs_nothing = not any(parameter.required for parameter in one.in_query.values())
        ids = len(one.in_path)
        if (one.method, one.answer.__name__, ids) == ("GET", called, what == "get") and needs_nothing:
            return one.path
    return None


GET = {name: path for name in NAMES if (path := plain_path(name, "get"))}
LIST = {name: path for name in NAMES if name not in LISTED_OTHERWISE and (path := plain_path(name, "list"))}


def ids_in(answer: Any) -> list[Any]:
    """The ids in the answer to a request for a list, which is one or has one."""
    listed = answer if isinstance(answer, list) else next(one for one in answer.values() if isinstance(one, list))
    return [next(one[name] for name in ID_FIELDS if one.get(name) is not None) for one in listed]


def linked(entity: Entity, link: Link) -> list[Any]:
    """Return the ids that an entity links to."""
    value = entity.fields.get(link.field)
    return value if isinstance(value, list) else [] if value is None else [value]


class Resources(RuleBasedStateMachine):
    """Adds and removes entities of all resources; the model knows which there are, and what each links to."""

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[Key, str] = {}
        """Each entity, in the order in which they were added, and its organisation."""

    @initialize()
    def begin(self) -> None:
        self.fake = FakeBluejay(seed=7)
        self.fake.add_organisation("others", "other-key")
        for organisation in ORGANISATIONS:  # what much else depends on
            agent = self.fake.add("agent", organisation=organisation)
            self.fake.add("simulation", organisation=organisation, agent_id=str(agent.id))
            self.fake.add("schedule", organisation=organisation, simulation_id=str(agent.id))
            self.fake.add("prompt", organisation=organisation, agent_id=agent.id)
            humans = [self.fake.add("digital human", organisation=organisation).id for _ in range(2)]
            self.fake.add("community", organisation=organisation, digital_human_ids=humans)
        self.there = {key: entity.organisation for key, entity in self.entities().items()}

    # --- what the fake has ------------------------------------------------------------------------------------------

    def entities(self) -> dict[Key, Entity]:
        return {(one.resource.plural, entity.id): entity for one in self.fake.world.resources for entity in one.all()}

    def links(self) -> list[tuple[Key, Key, OnDelete]]:
        """Return the links: the entity that links, the other, and the effect of the other's removal."""
        return [
            (key, (plural_of(link.to), id), link.on_delete_in(self.fake.world.readings))
            for key, entity in self.entities().items()
            for link in entity.resource.links
            for id in linked(entity, link)
        ]

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), organisation=st.sampled_from(ORGANISATIONS), data=st.data())
    def add(self, name: str, organisation: str, data: st.DataObject) -> None:
        operations, fields = declared(name), {}
        assert operations.request is not None
        for link in operations.of.links:
            of = plural_of(link.to)
            known = [id for (plural, id), whose in self.there.items() if (plural, whose) == (of, organisation)]
            field = operations.request.model_fields.get(link.field)
            if field is None:
                continue
            if not known:
                if field.is_required() or link.field in operations.of.example:
                    return  # there is nothing that it could be of
                continue
            id = data.draw(st.sampled_from(known))
            fields[link.field] = [id] if link.field.endswith("s") else str(id) if field.annotation is str else id
        added = self.fake.add(name, organisation=organisation, **fields)
        new = self.entities().keys() - self.there.keys()
        assert (name, added.id) in new
        # Entities that came with it are its organisation's too: the labels of a version, say.
        self.there |= {key: organisation for key in self.entities() if key in new}

    @rule(name=st.sampled_from(sorted(BY_REQUEST)), organisation=st.sampled_from(ORGANISATIONS))
    def make_by_request(self, name: str, organisation: str) -> None:
        method, path, body = BY_REQUEST[name]
        result = str(self.fake.add_test_result(organisation=organisation).id)
        headers = {"X-API-Key": KEYS.get(organisation, self.fake.api_key)}
        answer = self.fake.client().request(
            method, path, json={**body, "simulation_result_id": result}, headers=headers
        )
        assert answer.is_success, answer.text
        new = self.entities().keys() - self.there.keys()
        integrated = ("integrations", organisation) in ((plural, whose) for (plural, _), whose in self.there.items())
        assert [plural for plural, _ in new] == ([] if name == "integrations" and integrated else [name])
        self.there |= dict.fromkeys(new, organisation)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(list(self.there)))
        gone = self.going_with(key)
        self.fake.world.resources.remove(self.entities()[key])
        self.there = {one: whose for one, whose in self.there.items() if one not in gone}

    @precondition(lambda self: self.fake.world.results)
    @rule(data=st.data())
    def remove_test_result(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(list(self.fake.world.results)))
        gone = self.going_with(("test_results", id))
        self.fake.world.remove_test_result(id)
        self.there = {one: whose for one, whose in self.there.items() if one not in gone}

    def going_with(self, key: Key) -> set[Key]:
        """Return what goes with something that is removed, itself included."""
        gone, before = {key}, 0
        while before < len(gone):
            before = len(gone)
            gone |= {holder for holder, target, how in self.links() if target in gone and how is OnDelete.CASCADE}
        return gone

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """By the API, each organisation finds and lists its own, and nothing of the other's."""
        (name, id), whose = data.draw(st.sampled_from(list(self.there.items())))
        client = self.fake.client()
        for organisation in ORGANISATIONS:
            headers = {"X-API-Key": KEYS.get(organisation, self.fake.api_key)}
            if name in GET:
                path = GET[name]
                found = client.get(f"{path[: path.index('{')]}{id}{path[path.index('}') + 1 :]}", headers=headers)
                assert found.is_success if organisation == whose else found.status_code in NOT_SEEN, found.text
            if name in LIST:
                answer = client.get(LIST[name], headers=headers)
                ids = [one for (plural, one), owner in self.there.items() if (plural, owner) == (name, organisation)]
                assert ids_in(answer.json()) in (ids, ids[::-1]), (name, answer.text)

    @rule()
    def restore(self) -> None:
        dumped = self.fake.dump()
        self.fake = FakeBluejay.load(dumped)
        assert self.fake.dump() == dumped

    # --- what is always so ------------------------------------------------------------------------------------------

    @invariant()
    def each_organisation_sees_its_own_in_order(self) -> None:
        if not hasattr(self, "fake"):
            return
        assert set(self.entities()) == set(self.there)
        for collection in self.fake.world.resources:
            plural = collection.resource.plural
            for organisation in ORGANISATIONS:
                expected = [id for (name, id), whose in self.there.items() if (name, whose) == (plural, organisation)]
                assert [one.id for one in collection.of(organisation)] == expected

    @invariant()
    def links_lead_to_what_is_there(self) -> None:
        if not hasattr(self, "fake"):
            return
        there = {*self.there, *(("test_results", id) for id in self.fake.world.results)}
        for holder, target, on_delete in self.links():
            assert on_delete is OnDelete.KEEP or target in there, (holder, target)


Resources.TestCase.settings = settings(
    max_examples=examples(200, 20),
    stateful_step_count=20,
    derandomize=True,
    report_multiple_bugs=False,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestEveryResource = Resources.TestCase


def test_most_resources_are_looked_at_by_the_api() -> None:
    assert len(GET.keys() | LIST.keys()) > len(NAMES) // 2


def test_every_resource_is_here_or_says_where_it_is() -> None:
    assert {*NAMES, *BY_REQUEST, *USED_UP, *ELSEWHERE} == set(resource_names())
