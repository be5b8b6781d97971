"""Seeds: the world that a server begins with, from a file in TOML, YAML or JSON; and saved worlds, which go on.

Rules of this file:
- A seed is data, never code. Its shape is `Seed`, whose JSON Schema is published as `docs/seed.schema.json`.
- Everything that a seed can have besides options is a `Command`. To add one, write it in `commands.py`, and give `Seed`
  a list of it.
- An error names file, line and field.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, create_model, field_validator

from fake_bluejay.bluejay.mistakes import WRONG_TYPES, place_in, unknown_name, what_is_wrong
from fake_bluejay.bluejay.options import WorldOptions, world_of
from fake_bluejay.bluejay.service import Service
from fake_bluejay.core.behaviors import agent_from_text
from fake_bluejay.core.clock import MOST_SPEED, check_start, instant_of
from fake_bluejay.core.readings import Question, Readings, questions
from fake_bluejay.core.suggest import Place, check_known, meant, unknown, written_place
from fake_bluejay.core.test_results import Organisation
from fake_bluejay.core.world import DEFAULT_ORGANISATION
from fake_bluejay.http.faults import KINDS
from fake_bluejay.state import snapshot as dumps
from fake_bluejay.state.commands import (
    AgentText,
    AnyFault,
    Command,
    Key,
    Misfits,
    NewEntity,
    NewOrganisation,
    NewStub,
    NewTestResult,
    NewWebhook,
    RevokedKey,
    SeedCalls,
    SeedSimulation,
    Shape,
    checked,
)
from fake_bluejay.state.loaded_seed import MOST_WORLDS, LoadedSeed, Overrides


class SeedError(ValueError):
    """A seed that cannot be used: everything that is wrong with it, a line each, with file, line and field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# --- the shape ------------------------------------------------------------------------------------------------------


def _reading(question: Question) -> Any:
    """Return the type of a field of `readings`."""
    choices = [str(choice) for choice in question.choices]
    type_ = Annotated[str, checked(lambda choice: Readings().changed(**{question.name: choice}))]
    described = f"{question.question} Default: {choices[0]}."
    return type_ | None, Field(None, description=described, json_schema_extra={"enum": [*choices, None]})


def _instant(text: str) -> int:
    """Return the instant at which time is to begin.

    Raises:
        ValueError: The text is no such moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"a moment with its offset is needed, e.g. 2026-03-01T12:00:00Z, not {text!r:.80}")
    return check_start(instant_of(moment))


_Moment = Annotated[str, checked(_instant), Field(json_schema_extra={"format": "date-time"})]
_ClockMode = Annotated[
    str,
    checked(lambda mode: check_known("clock", mode, ("real", "manual"))),
    Field(json_schema_extra={"enum": ["real", "manual"]}),
]


SeedReadings = create_model(
    "SeedReadings",
    __base__=Shape,
    __doc__="The fake's choices for the questions that Bluejay's documentation leaves open.",
    **{question.name: _reading(question) for question in questions()},
)


class Seed(Shape):
    """The world that a fake Bluejay begins with. Everything may be left out."""

    schema_: str | None = Field(None, alias="$schema", description="For editors.")
    seed: int | None = Field(
        None, description="The seed of everything random. Without one, ids of deliveries differ from run to run."
    )
    clock: _ClockMode = "real"
    speed: float = Field(
        1.0,
        ge=0,
        le=MOST_SPEED,
        allow_inf_nan=False,
        description="The number of seconds that pass in a real one; 0 is a pause.",
    )
    now: _Moment | None = Field(None, description="The start of the fake's time, with an offset or Z.")
    agent: AgentText | None = Field(None, description="The default behavior of agents.")
    api_keys: list[Key] = Field([], description="Of the default organisation; if there are any, others are refused.")
    evaluation_starts_after: float = Field(1.0, ge=0, allow_inf_nan=False, description="Seconds after the end.")
    evaluation_takes: float = Field(5.0, ge=0, allow_inf_nan=False, description="Seconds.")
    readings: SeedReadings = Field(default_factory=SeedReadings)  # type: ignore[valid-type]
    organisations: list[NewOrganisation] = Field([])
    revoked_keys: list[Key] = Field([], description="Keys that are refused, whosever they are.")
    calls: SeedCalls = Field(default_factory=SeedCalls)  # type: ignore[arg-type]
    resources: dict[str, list[NewEntity]] = Field(
        {}, description="By the name of a resource, as `folders`: the fields of the request that makes one, each."
    )
    webhooks: list[NewWebhook] = Field([])
    simulations: list[SeedSimulation] = Field([])
    test_results: list[NewTestResult] = Field([])  # type: ignore[valid-type]
    stubs: list[NewStub] = Field([])
    faults: list[AnyFault] = Field([])

    @field_validator("speed")
    @classmethod
    def _has_a_speed(cls, speed: float, info: ValidationInfo) -> float:
        Overrides(info.data.get("clock"), speed).check_clock()
        return speed

    def options(self, overrides: Overrides) -> WorldOptions:
        """Return the options of a service of this seed."""
        start = None if self.now is None else _instant(self.now)
        own = Overrides(
            self.clock,
            self.speed,
            self.agent,
            self.readings.model_dump(exclude_none=True),  # type: ignore[attr-defined]
            tuple(self.api_keys),
        )
        options = own.overridden(overrides).options(start)
        if self.seed is not None:
            options["seed"] = self.seed
        options["evaluation_starts_after"] = self.evaluation_starts_after
        options["evaluation_takes"] = self.evaluation_takes
        return options

    def parts(self) -> Iterable[tuple[Place, Command]]:
        """Yield the commands in the order in which they are applied, each with its place in the seed."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Command):
                yield (name,), value
            elif name == "resources":
                for resource, entities in value.items():
                    for number, one in enumerate(entities):
                        yield (name, resource, number), one.of(resource)
            elif name == "revoked_keys":
                yield from (((name, number), RevokedKey(api_key=one)) for number, one in enumerate(value))
            elif isinstance(value, list):
                yield from (((name, number), one) for number, one in enumerate(value) if isinstance(one, Command))


class _OwnWorld(Shape):
    """The world of one organisation, beside the one that the others share, as `--save` writes it."""

    name: str = Field(min_length=1)
    api_key: Key
    world: dict[str, Any]


class _Saved(Shape):
    own_worlds: list[_OwnWorld] = Field(default=[], max_length=MOST_WORLDS)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a seed, for editors and other programs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Seed.model_json_schema()}


# --- from a file ----------------------------------------------------------------------------------------------------


def load_seed(path: Path, overrides: Overrides | None = None) -> LoadedSeed:
    """Return a service whose world is that of a file.

    Raises:
        SeedError: The seed cannot be used.
        OSError: The file cannot be read.
        ValueError: One of the overrides is not allowed.
    """
    overrides = overrides or Overrides()
    world_of(overrides.options())  # else their problems would be reported as the file's
    source = _Source(path)
    data = source.read()
    if "format" in data:  # a saved world
        if source.problems:
            raise SeedError(source.problems)
        return _goes_on(source, data, overrides)
    problems = source.problems
    wrong = source.problem_places
    try:
        seed = Seed.model_validate(data)
    except ValidationError as error:
        found = [one for one in _in_words(error, data) if one[0] not in source.problem_places]
        problems += [source.problem(*one) for one in found]
        wrong = wrong | {place for place, _ in found}
    if wrong:
        problems += [source.problem(*one) for one in _Rest(data, wrong).misfits(overrides)]
    if problems:
        raise SeedError(problems)
    try:
        return loaded(seed, overrides)
    except Misfits as error:
        raise SeedError([source.problem(*one) for one in error.found]) from None
    except ValueError as error:
        raise SeedError([source.problem((), str(error))]) from None


def loaded(seed: Seed, overrides: Overrides) -> LoadedSeed:
    """Return a service whose world is that of a seed.

    Raises:
        Misfits: Parts of the seed do not fit.
        ValueError: One of the overrides is not allowed.
    """
    service = Service(**seed.options(overrides))

    def fill() -> None:
        misfits = Misfits()
        for place, part in seed.parts():
            with misfits.at(*place):
                part.apply(service)
        misfits.check()

    def reset() -> None:
        service.reset()
        fill()

    fill()
    return LoadedSeed(service, reset)


_REFERRED_TO = ("organisations", "resources", "simulations")
"""The parts of a seed that other parts refer to, or whose ids they may count on."""


class _Rest:
    """A seed without its wrong values, so that one check also reports what does not fit in the rest.

    A misfit that may only follow from a wrong value is left out: a reference to a part that has one cannot be judged.

    Args:
        data: The seed, as JSON.
        wrong: The places of the values that are wrong.
    """

    def __init__(self, data: dict[str, Any], wrong: Iterable[Place]) -> None:
        self._parts = {name: _entries(value) for name, value in data.items()}
        self._names = {field.alias or name for name, field in Seed.model_fields.items()}
        self._written: dict[str, str] = {}
        """The name of a part → the unknown one under which the seed has it."""
        self._unjudged: set[str] = set()
        """The names of the parts to which no reference can be judged."""
        for name, *within in wrong:
            if name in self._names:
                self._leave_out(str(name), within)
            else:
                self._rename(str(name), data.get(str(name)))

    def _leave_out(self, name: str, within: list[str | int]) -> None:
        """Leave out a part, or the entry of it in which a value is wrong."""
        if name in _REFERRED_TO:
            self._unjudged.add(name)
        entries = self._parts.get(name)
        if not within or not isinstance(entries, dict):
            self._parts.pop(name, None)
        elif name != "test_results":
            entries.pop(within[0], None)
        elif not within[1:] or within[1] in ("id", "count"):
            entries.pop(within[0], None)
            self._unjudged.add(name)
        elif (entry := entries.get(within[0])) is not None:  # one that only takes the same ids stands in for it
            kept = {"id", "count", "organisation"} - {within[1]}
            entries[within[0]] = {name: value for name, value in entry.items() if name in kept}

    def _rename(self, name: str, value: Any) -> None:
        """Take an unknown name for the one that it probably means, if it has a value of such a part."""
        self._parts.pop(name, None)
        known = meant(name, self._names)
        if known in _REFERRED_TO and known not in self._parts and _is_part(known, value):
            self._parts[known], self._written[known] = _entries(value), name
        elif known in _REFERRED_TO:
            self._unjudged.add(known)
        elif not known and isinstance(value, (list, dict)):  # it may be any
            self._unjudged.update(_REFERRED_TO)

    def misfits(self, overrides: Overrides) -> Iterator[tuple[Place, str]]:
        """Yield what does not fit in the rest, with its place, given the options that override those of the seed."""
        numbers = {name: list(value) for name, value in self._parts.items() if isinstance(value, _Entries)}
        rest = {name: list(value.values()) if name in numbers else value for name, value in self._parts.items()}
        try:
            loaded(Seed.model_validate(rest), overrides)
        except ValueError as error:
            for place, what in error.found if isinstance(error, Misfits) else ():
                name, *inner = place
                if name in numbers:
                    inner[0] = numbers[str(name)][int(inner[0])]
                if not self._may_follow(place):
                    yield (self._written.get(str(name), name), *inner), what

    def _may_follow(self, place: Place) -> bool:
        """Return whether a misfit at this place may only follow from a wrong value."""
        if place[-1] == "organisation":
            causes = {"organisations"}
        elif place[-1] == "id":  # runs of simulations make test results, too, whose ids another may then have
            causes = {"simulations", "test_results"}
        elif place[0] == "simulations":
            causes = {"simulations", "resources"}
        else:
            causes = {"resources"} if place[0] == "resources" or place[-1] in ("agents", "folders") else set()
        return not self._unjudged.isdisjoint(causes)


class _Entries(dict[Any, Any]):
    """The entries of a list by their numbers."""


def _entries(value: Any) -> Any:
    """Return the entries of a list or an object, in which some can be left out; any other value as it is."""
    if isinstance(value, list):
        return _Entries(enumerate(value))
    return dict(value) if isinstance(value, dict) else value


def _is_part(name: str, value: Any) -> bool:
    """Return whether a value is one that a seed may have under a name."""
    try:
        Seed.model_validate({name: value})
    except ValidationError:
        return False
    return True


def _goes_on(source: _Source, data: dict[str, Any], overrides: Overrides) -> LoadedSeed:
    """Restore a saved world, which goes on exactly where it stopped unless an option overrides that."""
    others = {"own_worlds": data.pop("own_worlds", [])}
    try:
        saved = _Saved.model_validate(others)
    except ValidationError as error:
        raise SeedError([source.problem(*one) for one in _in_words(error, others, _Saved)]) from None
    service = Service(webhooks_anywhere=overrides.webhooks_anywhere)
    try:
        dumps.restore(service.world, data)
    except dumps.DumpError as error:
        raise SeedError([source.problem(*one) for one in error.found]) from None
    world = service.world
    if overrides.clock is not None or overrides.speed is not None:
        world.switch_clock(overrides.clock or "real", 1.0 if overrides.speed is None else overrides.speed)
    if overrides.agent is not None:
        world.agent = agent_from_text(overrides.agent)
    world.readings = world.readings.changed(**overrides.readings)
    if overrides.api_keys:
        world.organisations[DEFAULT_ORGANISATION] = Organisation(DEFAULT_ORGANISATION, ())
        world.add_api_keys(DEFAULT_ORGANISATION, *overrides.api_keys)
        world.require_known_keys = True
    start = json.loads(json.dumps(dumps.dump(world)))

    def reset() -> None:
        service.reset()
        dumps.restore(world, start)

    whole = LoadedSeed(service, reset)
    _load_own_worlds(source, saved, whole)
    return whole


def _load_own_worlds(source: _Source, saved: _Saved, whole: LoadedSeed) -> None:
    """Restore the worlds of single organisations, whose names and keys must differ from all others."""
    make = whole.maker_of_empty_services()
    keys = set(whole.service.world.organisations.by_key)
    names = set(whole.service.world.organisations)
    for number, own in enumerate(saved.own_worlds):
        place: Place = ("own_worlds", number)
        service = _own_world(source, place, own, make)
        if own.name in names:
            raise SeedError([source.problem((*place, "name"), f"there is an organisation {own.name!r} already")])
        if not keys.isdisjoint(service.world.organisations.by_key):
            raise SeedError([source.problem(place, "one of its API keys belongs to an organisation elsewhere already")])
        names.add(own.name)
        keys.update(service.world.organisations.by_key)
        whole.own_worlds.append((own.name, own.api_key, service))


def _own_world(source: _Source, place: Place, own: _OwnWorld, make: Callable[[str], Service]) -> Service:
    """Return a saved world of one organisation, in which its key is known, whatever the world itself says."""
    service = make(own.api_key)
    try:
        dumps.restore(service.world, own.world)
    except dumps.DumpError as error:
        raise SeedError([source.problem((*place, "world", *inner), what) for inner, what in error.found]) from None
    if own.api_key not in service.world.organisations.by_key:
        service.world.add_api_keys(DEFAULT_ORGANISATION, own.api_key)
    return service


class _Source:
    """A file with the line of each place in it. Lines are looked up only for problems."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        """The values that are not JSON; the rest of the file is still checked."""
        self.problem_places: set[Place] = set()
        self._format = path.suffix.lower()
        if self._format not in _READERS:
            raise SeedError([f"{path}: the name of a seed ends in one of {', '.join(_READERS)}"])
        try:
            self._text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SeedError([f"{path}: not UTF-8: {error.reason} at byte {error.start}"]) from None

    def read(self) -> dict[str, Any]:
        """Return the content of the file, as JSON would have it.

        Raises:
            SeedError: It cannot be read.
        """
        data = self._parsed()
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise SeedError([f"{self.path}:1: a seed is a table of names and values, not {type(data).__name__}"])
        numbers = itertools.count() if self._format in (".yaml", ".yml") else itertools.repeat(0)
        not_json: list[_NotJson] = []
        try:
            whole: dict[str, Any] = _as_json(data, (), numbers, not_json)
        except _NotJson as error:
            raise SeedError([self.problem(error.place, str(error), error.name)]) from None
        except RecursionError:
            raise SeedError([f"{self.path}: too deeply nested, or something in it contains itself"]) from None
        self.problems = [self.problem(one.place, str(one), one.name) for one in not_json]
        self.problem_places = {one.place if one.name is None else (*one.place, str(one.name)) for one in not_json}
        return whole

    def _parsed(self) -> Any:
        try:
            return _READERS[self._format](self._text)
        except _Unreadable as error:
            raise SeedError([f"{self.path}:{error.line}: {error}"]) from None
        except json.JSONDecodeError as error:
            raise SeedError([f"{self.path}:{error.lineno}: not JSON: {error.msg}, column {error.colno}"]) from None
        except tomllib.TOMLDecodeError as error:
            said = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
            line = said[2] if said and said[2] else self._text.count("\n") + 1
            raise SeedError([f"{self.path}:{line}: not TOML: {said[1] if said else error}"]) from None
        except RecursionError:
            raise SeedError([f"{self.path}: too deeply nested"]) from None
        except ValueError as error:  # an integer with thousands of digits, which Python does not read
            raise SeedError([f"{self.path}: {error}"]) from None

    def problem(self, place: Place, what: str, name: Any = None) -> str:
        """Return a problem with its place: `world.toml:7: test_results[0].status: …`.

        With the name of a field, the line is that of the field.
        """
        line = self._line(place if name is None else (*place, name))
        field = written_place(place)
        return f"{self.path}{f':{line}' if line else ''}: {f'{field}: ' if field else ''}{what}"

    def _line(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest thing around it."""
        while place:
            line = self._line_of(place)
            if line is not None:
                return line
            place = place[:-1]
        return None

    @functools.cached_property
    def _line_of(self) -> Callable[[Place], int | None]:
        """Returns the line of a place that is written there. The file is read once for it, however much is wrong."""
        return _lines_in_toml(self._text).get if self._format == ".toml" else _lines_in_yaml(self._text)


class _Unreadable(ValueError):
    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


class _NotJson(ValueError):
    def __init__(self, what: str, place: Place, name: object = None) -> None:
        super().__init__(what)
        self.place = place
        self.name = name
        """The name of the field at that place that the problem is about, if any."""


_MOST_IN_YAML = 1_000_000
"""The most values, with aliases expanded: a few aliases, each of several others, soon exceed any memory."""

_DEEPEST = 200
"""The most levels of nesting. At Python's own limit, finalizers of any garbage that is collected would fail."""


def _as_json(value: Any, place: Place, counted: Iterator[int], problems: list[_NotJson]) -> Any:
    """Return a value of TOML or YAML as JSON has it: moments as text, names as text.

    A value that JSON does not have is replaced, and added to `problems`.

    Raises:
        _NotJson: The value is too large.
        RecursionError: It is too deeply nested, or has no end.
    """
    if len(place) > _DEEPEST:
        raise RecursionError
    if next(counted) > _MOST_IN_YAML:
        raise _NotJson(f"there are more than {_MOST_IN_YAML:,} values here, aliases written out", place[:1])
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                problems.append(_NotJson(f"a name is a text, not {name!r}; put it in quotes", place, name))
        return {str(name): _as_json(one, (*place, str(name)), counted, problems) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one, (*place, number), counted, problems) for number, one in enumerate(value)]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        problems.append(_NotJson(f"a finite number is needed, not {value!r}", place))
        return None
    if value is not None and not isinstance(value, str | int | float | bool):
        problems.append(_NotJson(f"this is no JSON: {type(value).__name__}", place))
        return None
    return value


@functools.cache
def _yaml_loader() -> Any:
    """Return a safe loader that refuses texts which YAML would silently turn into another value."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            if isinstance(node, yaml.MappingNode):  # the safe loader refuses every other tag
                seen = set()
                for key, _ in node.value:
                    name = key.tag, str(key.value)
                    if name in seen and key.tag != "tag:yaml.org,2002:merge":
                        raise _Unreadable(f"the name {key.value!r} is there twice", key.start_mark.line + 1)
                    seen.add(name)
            return super().construct_mapping(node, deep)

        def construct_yaml_int(self, node: Any) -> int:
            value: int = super().construct_yaml_int(node)
            if re.match(r"[-+]?0[0-7_]*[1-7]|.*:", node.value):
                as_text = f"{node.value} is the number {value} in YAML; write that, or put {node.value!r} in quotes"
                raise _Unreadable(as_text, node.start_mark.line + 1)
            return value

    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    return Loader


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_yaml_loader())  # noqa: S506 - a safe one
    except _Unreadable:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unreadable(f"not YAML: {error.problem}", mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, ValueError) as error:
        raise _Unreadable(f"not YAML: {' '.join(str(error).split())}", 1) from None


def _json(text: str) -> Any:
    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            # Python does not say where it is, so its last occurrence is named.
            at = max(text.rfind(json.dumps(twice)), text.rfind(json.dumps(twice, ensure_ascii=False)), 0)
            raise _Unreadable(f"the name {twice!r} is there twice in one object", text.count("\n", 0, at) + 1)
        return names

    return json.loads(text, object_pairs_hook=whole)


_READERS: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".yaml": _yaml, ".yml": _yaml, ".json": _json}
"""The end of a file's name → the function that reads such a file."""


def _lines_in_yaml(text: str) -> Callable[[Place], int | None]:
    """Return a function that finds the line of a place in YAML, or in JSON, whose tabs YAML would refuse."""
    import yaml

    try:
        root = yaml.compose(text.replace("\t", " "), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return lambda place: None
    value_of = functools.cache(yaml.safe_load)

    def reads(written: Any, name: object) -> bool:
        """Return whether this is how a name is written; one that is not a text, as `1` or `yes`, has several ways."""
        return bool(
            written == name or (not isinstance(name, str) and isinstance(written, str) and value_of(written) == name)
        )

    def line_of(place: Place) -> int | None:
        node, line = root, None
        for one in place:
            if isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if reads(key.value, one)]
                if not found:
                    return None
                line, node = found[-1][0].start_mark.line + 1, found[-1][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(one, int) and one < len(node.value):
                node = node.value[one]
                line = node.start_mark.line + 1
            else:
                return None
        return line

    return line_of


def _lines_in_toml(text: str) -> dict[Place, int]:
    """Return the places in TOML, each with the first line of the statement that makes it."""
    lines: dict[Place, int] = {}
    tables: dict[Place, int] = {}
    """The number of tables that an array has so far."""
    table: Place = ()
    statement, begins = "", 1
    for number, line in enumerate(io.StringIO(text), 1):
        statement += line
        if statement != line and not re.search(r"]|}|\"\"\"|'''", line):  # nothing that has begun can end here
            continue
        try:
            said = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:  # it goes on
            continue
        if statement.lstrip().startswith("["):
            table = _table(said, tables)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], begins)
        else:
            for place in _places(said, table):
                lines.setdefault(place, begins)
        statement, begins = "", number + 1
    return lines


def _table(header: Any, tables: dict[Place, int]) -> Place:
    """Return the place of the table that a header of TOML begins, and count it if it is one of an array."""
    place: Place = ()
    while header:
        [(name, header)] = header.items()
        place = (*place, name)
        if isinstance(header, list):
            tables[place] = tables.get(place, 0) + 1
            [header] = header
        if place in tables:
            place = (*place, tables[place] - 1)
    return place


def _places(value: Any, place: Place) -> Iterator[Place]:
    """List the places in a value that stands at a place."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in named:
        yield (*place, name)
        yield from _places(inner, (*place, name))


def _in_words(errors: ValidationError, data: Any, shape: type[BaseModel] = Seed) -> Iterator[tuple[Place, str]]:
    """Yield Pydantic's errors, each with its place: what was wrong, and what was expected.

    A value of one of several types gets an error for each of them. If one is within the value, or of a value that has
    its type, it says more.
    """
    found = [(*_placed(error, data, shape), error["type"]) for error in errors.errors(include_url=False)]
    of_its_type = {place for place, _, kind in found if kind not in WRONG_TYPES}
    for place, what, kind in found:
        is_within = any(len(other) > len(place) and other[: len(place)] == place for other, _, _ in found)
        if not is_within and not (kind in WRONG_TYPES and place in of_its_type):
            yield place, what


def _placed(error: Any, data: Any, shape: type[BaseModel]) -> tuple[Place, str]:
    place = place_in(data, error)
    if error["type"] == "union_tag_invalid":
        return (*place, "kind"), unknown("kind of fault", error["ctx"]["tag"], KINDS)
    if error["type"] == "union_tag_not_found":
        return (*place, "kind"), "missing"
    if error["type"] == "extra_forbidden":
        return place, unknown_name(shape, error["loc"])
    return place, what_is_wrong(error)
