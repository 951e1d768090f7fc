"""`minimise`, whatever the event: no destination is sent a name that is to be dropped, and none takes long."""

import contextlib
import copy
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.delivery.minimise import _either
from shared.episodes.machine import Known, observe
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.record import Record
from shared.events.model import Classified, Observation
from shared.events.outcome import Rejected
from shared.rules.classify import classify
from shared.runtime.registry import FUNCTIONS, load
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics
from tests.support.changes import completed, failed, running
from tests.support.examples import examples
from tests.support.minimising import KEY, RULES, WHOLE, audit, judged, of_record, of_ticket, read, ticket_of
from tests.support.specimens import Place, decoded, observations, specimens
from tests.support.tickets import episode

AUDIT = [one for one in specimens() if one.dialect == "audit"]
SENTINEL = "mallory.q-7"
DROPPED = "minimise: {users: drop}\n"
MAPPED = {"QRADAR_AUDIT": "mapped"}
OTHERWISE = {"qradar_forwarder": {"mapped": MAPPED, "cef": {**MAPPED, "QRADAR_FORMAT": "cef"}}}
"""Settings that make a destination send something else of the same event."""


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each text, at any depth."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*place, index))


def put(value: Any, place: Place, text: str) -> None:
    for step in place[:-1]:
        value = value[step]
    value[place[-1]] = text


def name_users(value: Any) -> None:
    """Let every user of the records be the sentinel; of a record that a collector carries as text, too."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("user", "impersonatedUser") and isinstance(item, dict):
                item["username"] = SENTINEL
            elif isinstance(item, str) and "auditID" in item and item.startswith("{") and item.endswith("}}"):
                with contextlib.suppress(json.JSONDecodeError):
                    inner = json.loads(item)
                    name_users(inner)
                    value[key] = json.dumps(inner)
            else:
                name_users(item)
    elif isinstance(value, list):
        for item in value:
            name_users(item)


@st.composite
def with_a_sentinel(draw: st.DrawFn) -> Any:
    """Return a specimen of an audit record whose user is the sentinel, which also stands in some other texts of it."""
    payload = copy.deepcopy(draw(st.sampled_from(AUDIT)).payload)
    name_users(payload)
    for place in draw(st.lists(st.sampled_from(list(places(payload))), max_size=3)):
        there = payload
        for step in place:
            there = there[step]
        form = draw(st.sampled_from(["{0}", "{1} {0}", "{0}: {1}", "{1}/{0}", '{{"a": "{0}"}}']))
        put(payload, place, form.format(SENTINEL, there))
    name_users(payload)
    return payload


@pytest.fixture(scope="module")
def destinations(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return every destination with each mapping that it ships, by the mapping's name, without users."""
    folder = tmp_path_factory.mktemp("own")
    extending = folder / "own.yaml"
    extending.write_text(f"extends: shipped\n{DROPPED}", encoding="utf-8")
    built: dict[str, Any] = {}
    for name, registered in FUNCTIONS.items():
        if (destination := registered.destination) is None:
            continue
        wanted = {name: ({}, extending)}
        for ready in sorted((root / "functions" / name / "mappings").glob("*.yaml")):
            own = folder / f"{name}-{ready.name}"
            own.write_text(f"{ready.read_text(encoding='utf-8')}\n{DROPPED}", encoding="utf-8")
            wanted[f"{name}/{ready.stem}"] = ({}, own)
        wanted |= {f"{name}/{more}": (also, extending) for more, also in OTHERWISE.get(name, {}).items()}
        for called, (also, path) in wanted.items():
            environ = {**destination.example, **also, destination.mapping: str(path)}
            built[called] = load(name, environ, Metrics(), store=open_store("memory:", {}))
    return built


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payload=with_a_sentinel())
def test_with_users_dropped_no_destination_is_sent_the_name_of_the_user_of_an_audit_record(
    destinations: dict[str, Any], payload: Any
) -> None:
    found = decoded(payload)
    for one in found if isinstance(found, list) else []:
        for name, made in sent(one, destinations).items():
            assert SENTINEL not in str(made), name


def sent(one: Observation, destinations: dict[str, Any]) -> dict[str, Any]:
    """Return what destinations are sent of an observation and its episodes, and what takes all that there is."""
    classified = Classified(observation=one, verdict=classify(one, RULES))
    episodes = [snapshot.episode for snapshot in observe(Record(), classified, Known(), Policies(IMMEDIATE)).snapshots]
    made: dict[str, Any] = {"all of a record": of_record("{users: drop}", one, classified.verdict)}
    made["all of a ticket"] = [of_ticket("{users: drop}", episode) for episode in episodes]
    for name, function in destinations.items():
        registered = FUNCTIONS[name.partition("/")[0]].destination
        assert registered is not None
        subjects: list[Any] = [classified] if registered.subject in {"classified", "any"} else []
        if registered.subject == "change":
            who = str(one.original.get("user", {}).get("username", ""))
            told = {"user": who, "message": one.message, "cluster": one.cluster}
            subjects += [running(**told), completed(**told), failed(**told)]
        elif registered.subject != "classified":
            over = {"state": "resolved", "transition": "resolved", "resolved": one.time}
            subjects += [
                changed for one in episodes for changed in (one, one.model_copy(update={"ticket": True, **over}))
            ]
            subjects += [one.model_copy(update={"ticket": True}) for one in episodes]
        made[name] = [function.preview(subject) for subject in subjects]
        assert not any(isinstance(item, Rejected) for item in made[name]), made[name]
    return made


def test_an_audit_record_that_goes_to_qradar_as_it_was_sent_goes_without_what_is_to_be_dropped(
    destinations: dict[str, Any],
) -> None:
    one = audit()
    (preview,) = destinations["qradar_forwarder"].preview(Classified(observation=one, verdict=classify(one, RULES)))
    assert '"auditID"' in preview.body
    assert "alice" not in preview.body.lower()
    assert "bob" not in preview.body


def test_the_property_would_find_a_name_that_is_kept() -> None:
    """Or it would show nothing: without minimising, the sentinel is in what both kinds of destination are sent."""
    one = audit(user={"username": SENTINEL})
    assert SENTINEL in json.dumps(of_record("{users: keep}", one, classify(one, RULES)))
    assert SENTINEL in json.dumps(of_ticket("{users: keep}", ticket_of(one)))


OF_OTHERS = [
    ("falco", ("output_fields", "ka.user.name")),
    ("falco", ("output_fields", "user.name")),
    ("gatekeeper", ("requestUsername",)),
    ("acs", ("audit", "user", "username")),
]


@pytest.mark.parametrize(("dialect", "place"), OF_OTHERS)
def test_users_in_the_members_of_other_dialects_are_found(dialect: str, place: Place) -> None:
    found = [one for one in specimens() if one.dialect == dialect and place in set(places(one.payload))]
    assert found, "no specimen has it any more"
    for specimen in found:
        payload = copy.deepcopy(specimen.payload)
        put(payload, place, SENTINEL)
        for one in observations(payload):
            noted = one.model_copy(update={"message": f"{one.message} ({SENTINEL})"})
            assert SENTINEL in noted.model_dump_json()
            assert SENTINEL not in json.dumps(of_record("{users: drop}", noted, classify(noted, RULES)))


NAMES = st.lists(st.text("aAbß-. İ", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=12)


@settings(deadline=None)
@given(NAMES, st.integers(0, 25), st.sampled_from([" ", "/", ", ", "_"]))
def test_of_names_that_begin_alike_the_longest_is_replaced(names: list[str], branches: int, apart: str) -> None:
    pattern = re.compile(_either(sorted(set(names)), branches))
    for name in names:
        found = pattern.fullmatch(name)
        assert found is not None
        assert found[0] == name
    event = audit(requestObject={"kind": "Group", "users": names})
    shown = event.model_copy(update={"message": apart.join(sorted(names, key=len))})
    text = of_record("{users: drop}", shown, classify(event, RULES))["whole"].get("message", "")
    if apart != "_":  # or what is between two names is a part of a third
        assert not any(len(word) > 1 for word in re.findall(r"[aAbßİ]+", text))


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20).filter(str.strip), st.text(max_size=30), st.text(max_size=30))
@example("İ", "i", "I")
@example("ß", "SS", "ẞ")
@example("\\", "\\1", "(")
def test_any_name_can_be_replaced_in_any_text(name: str, before: str, after: str) -> None:
    one = episode(message=f'{before} User "{name}" {after}', summary=f"{before} {name} {after}")
    assert isinstance(of_ticket("{users: drop, addresses: pseudonym, names: drop}", one, KEY), dict)


@pytest.mark.parametrize("text", ["user- ", 'user "', "changed by ", "subject ", "0:", "1.", "u"])
def test_a_large_event_with_many_names_is_minimised_in_good_time(text: str) -> None:
    one, verdict = judged(audit())
    users = [f"user-{number:03d}-{'x' * 20}" for number in range(190)]
    original = {"users": users, "t": (text * 256_000)[:256_000]}
    large = one.model_copy(update={"original": original, "message": (text * 32_000)[:32_000]})
    begun = time.process_time()
    shown = read(WHOLE, "{users: pseudonym, addresses: pseudonym}", KEY).shown(
        {"observation": large, "verdict": verdict}
    )
    assert not isinstance(shown, Rejected)
    assert time.process_time() - begun < 2
