"""`minimise`: what a destination is not to know of people is in nothing that it is sent (guarantees.md, Privacy)."""

import contextlib
import copy
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_compiled import FILE, compile_mapping
from shared.delivery.mapping_file import read_text
from shared.delivery.minimise import _either
from shared.episodes.fold import Policy
from shared.episodes.machine import observe
from shared.episodes.record import Record
from shared.events.episode import Episode, Occurrence
from shared.events.model import Classified, Observation, Verdict
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.pseudonyms import PseudonymKeys
from shared.runtime.registry import FUNCTIONS, load
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics
from tests.support.specimens import Place, decoded, observations, specimens
from tests.support.tickets import START, episode

WHOLE = (
    "operations:\n  record: {whole: {from: observation}, verdict: {from: verdict}, "
    "text: '{{ observation }}{{ verdict }}'}\n"
)
TICKET = "operations:\n  open: {whole: {from: episode}, text: '{{ episode }}'}\n"
RULES = load_shipped(None)
AUDIT = [one for one in specimens() if one.dialect == "audit"]
KEY = b"k" * 32


def read(text: str, minimise: str, keys: bytes = b"") -> Mapping:
    found = read_text(f"{text}minimise: {minimise}\n", "m")
    assert isinstance(found, Mapping), found
    return replace(found, keys=lambda _cluster: keys)


def of_record(minimise: str, one: Observation, verdict: Verdict, keys: bytes = b"", text: str = WHOLE) -> Any:
    return render(read(text, minimise, keys), "record", {"observation": one, "verdict": verdict})


def of_ticket(minimise: str, one: Episode, keys: bytes = b"", text: str = TICKET) -> Any:
    return render(read(text, minimise, keys), "open", {"episode": one})


def audit(**changes: Any) -> Observation:
    """Return what alice did, with changes of the record."""
    record = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "stage": "ResponseComplete",
        "auditID": "5d1c0b7e-0000-4000-8000-000000000005", "verb": "create",
        "requestURI": "/api/v1/namespaces/shop/pods/web-0/exec?command=id&as=alice%40example.com",
        "user": {"username": "alice@example.com", "uid": "7f1", "groups": ["system:authenticated", "ops"],
                 "extra": {"full-name": ["Alice A."]}},
        "impersonatedUser": {"username": "bob"}, "sourceIPs": ["203.0.113.7", "2001:db8::7"],
        "userAgent": "kubectl/v1.31.0",
        "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-0", "subresource": "exec"},
        "responseStatus": {"code": 101, "message": 'for User "bob" from 203.0.113.7'},
        "stageTimestamp": "2026-08-20T09:41:07.104000Z",
    }  # fmt: skip
    (seen,) = observations({**record, **changes})
    return seen


def judged(one: Observation) -> tuple[Observation, Verdict]:
    return one, classify(one, RULES)


def test_users_are_dropped_wherever_they_stand() -> None:
    one, verdict = judged(audit())
    assert verdict.part == "alice@example.com"
    shown = of_record("{users: drop}", one, verdict)
    text = json.dumps(shown)
    for name in ("alice", "bob", "Alice A.", "7f1", "alice%40example.com"):
        assert name not in text, name
    assert shown["whole"]["message"].startswith("[user] as [user]: create pods/exec shop/web-0: 101")
    assert shown["whole"]["original"]["user"] == {"username": "", "uid": "", "groups": ["system:authenticated", "ops"]}
    assert shown["whole"]["object"]["name"] == "web-0"
    assert "203.0.113.7" in text
    assert shown["whole"]["identity"] == one.identity
    assert shown["verdict"]["problem_key"] == verdict.problem_key
    assert shown["verdict"]["part"] == ""


def test_addresses_are_dropped_from_lists_and_texts() -> None:
    shown = of_record("{addresses: drop}", *judged(audit()))
    text = json.dumps(shown)
    assert "203.0.113.7" not in text
    assert "2001:db8" not in text
    assert "from [address]" in shown["whole"]["message"]
    assert shown["whole"]["original"]["sourceIPs"] == []
    assert shown["whole"]["original"]["user"]["username"] == "alice@example.com"


def test_names_of_objects_are_dropped_where_that_is_asked_and_namespaces_and_clusters_stay() -> None:
    shown = of_record("{names: drop}", *judged(audit()))
    assert "web-0" not in json.dumps(shown)
    assert shown["whole"]["object"] == {**shown["whole"]["object"], "kind": "Pod", "namespace": "shop", "name": ""}
    assert "create pods/exec shop/[name]: 101" in shown["whole"]["message"]
    assert shown["whole"]["cluster"] == "by-default"


def test_pseudonyms_are_the_same_for_one_key_and_tell_nothing_without_it() -> None:
    wanted = "{users: pseudonym, addresses: pseudonym, names: pseudonym}"
    first, again = (of_record(wanted, *judged(audit()), KEY)["whole"] for _ in range(2))
    other = of_record(wanted, *judged(audit()), b"j" * 32)["whole"]
    user, address = first["original"]["user"]["username"], first["original"]["sourceIPs"][0]
    assert first == again
    assert (user[:2], address[:2], first["object"]["name"][:2]) == ("u-", "a-", "n-")
    assert user in first["message"]
    assert address in first["message"]
    assert user != other["original"]["user"]["username"]
    assert "alice" not in json.dumps(first)
    mine = of_ticket(wanted, ticket_of(audit()), KEY)["whole"]
    assert mine["part"] == user, "a ticket and a record name the same person by the same pseudonym"


def test_without_a_key_what_should_be_a_pseudonym_is_dropped() -> None:
    assert of_record("{users: pseudonym}", *judged(audit())) == of_record("{users: drop}", *judged(audit()))


def test_programs_are_not_people() -> None:
    account = "system:serviceaccount:shop:web"
    shown = of_record("{users: drop}", *judged(audit(user={"username": account}, impersonatedUser=None)))
    assert account in shown["whole"]["message"]
    assert shown["whole"]["original"]["user"]["username"] == account


def test_users_that_an_object_names_are_users_too() -> None:
    binding = {"kind": "RoleBinding", "subjects": [{"kind": "User", "name": "carol"}, {"kind": "Group", "name": "ops"}]}
    shown = of_record("{users: drop}", *judged(audit(requestObject=binding)))
    assert "carol" not in json.dumps(shown)
    assert "ops" in json.dumps(shown)
    group = {"kind": "Group", "users": ["dave", "erin"], "metadata": {"name": "dave"}}
    assert not {"dave", "erin"} & set(
        json.dumps(of_record("{users: drop}", *judged(audit(requestObject=group)))).split('"')
    )


def ticket_of(one: Observation) -> Episode:
    step = observe(Record(), Classified(observation=one, verdict=classify(one, RULES)), {}, Policy())
    return step.snapshots[-1].episode


def test_a_ticket_has_only_texts_and_the_user_is_found_in_them() -> None:
    one = ticket_of(audit())
    assert "alice" in one.summary + one.message + one.part
    shown = of_ticket("{users: drop, addresses: drop}", one)
    assert not any(name in json.dumps(shown) for name in ("alice", "bob", "203.0.113.7"))
    assert shown["whole"]["id"] == one.id
    assert shown["whole"]["problem_key"] == one.problem_key
    assert shown["whole"]["scope"] == one.scope
    assert shown["whole"]["history"][0]["message"].startswith("[user] as [user]: create pods/exec")


SENTENCES = [
    (
        "falco",
        "Shell spawned",
        "Notice A shell was spawned | evt_type=execve user=mallory container_id=3ad7",
        "mallory",
    ),
    ("falco", "Shell spawned", 'Notice a shell (ka.user.name="mallory smith" verb=get)', "mallory smith"),
    ("rbac", "Forbidden", 'roles "w" is forbidden: user "mallory" (groups=["x"]) is attempting', "mallory"),
    ("acs", "ACS CREATE", "mallory: CREATE /v1/policies: REQUEST_SUCCEEDED", "mallory"),
    ("kubectl", "", "Deployment/shop/api changed by mallory with kubectl (Update): spec.replicas 1 → 2", "mallory"),
    ("kubectl", "", "Deployment/shop/api changed by mallory: spec.replicas 1 → 2", "mallory"),
    ("auditd", "USER_LOGIN", "type=USER_LOGIN msg='op=login acct=\"mallory\" addr=203.0.113.7 res=failed'", "mallory"),
]


@pytest.mark.parametrize(("component", "reason", "message", "user"), SENTENCES)
def test_users_are_found_in_the_sentences_of_others(component: str, reason: str, message: str, user: str) -> None:
    one = episode(component=component, reason=reason, message=message, summary=f"{user} did it", labels={"by": user})
    shown = of_ticket("{users: drop}", one)
    assert user not in json.dumps(shown)
    assert shown["whole"]["summary"] == "[user] did it"


def test_the_same_name_goes_from_summary_history_and_keys_of_labels_but_not_from_other_words() -> None:
    old = Occurrence(time=START, reason="get secrets", message="al: get secrets shop/x: 200")
    one = episode(
        component="kube-apiserver", reason="get pods", message="zoe: get pods shop/x: 200", history=(old,),
        summary="AL also saw zoe, zoe_2 and zoes", labels={"zoe/team": "x"}, why="No rule names zoe.",
    )  # fmt: skip
    shown = of_ticket("{users: drop}", one)["whole"]
    assert shown["summary"] == "[user] also saw [user], [user]_2 and zoes"
    assert shown["why"] == "No rule names [user]."
    assert list(shown["labels"]) == ["[user]/team"]


@pytest.mark.parametrize("message", ["something of mallory", "x: get pods mallory: get pods shop/web-0: 200"])
def test_a_sentence_that_does_not_say_who_goes_as_a_whole(message: str) -> None:
    one = episode(
        component="kube-apiserver",
        reason="get pods",
        message=message,
        part="mallory",
        summary="mallory did it",
    )
    shown = of_ticket("{users: drop}", one)["whole"]
    assert (shown["message"], shown["part"], shown["summary"]) == ("", "", "")


@pytest.mark.parametrize("end", ["mal…", "mallor", "MALL"])
def test_the_beginning_of_a_name_at_the_end_of_a_text_that_was_cut_goes_as_well(end: str) -> None:
    summary = f"{'x' * 165} {end}"
    one = episode(component="kube-apiserver", reason="get pods", message="mallory: get pods a/b: 200", summary=summary)
    assert of_ticket("{users: drop}", one)["whole"]["summary"] == f"{'x' * 165} …"


ADDRESSES = [
    "10.0.0.1",
    "203.0.113.255",
    "2001:db8::1",
    "fe80::1",
    "::1",
    "1:2:3:4:5:6:7:8",
    "::ffff:10.0.0.1",
    "2001:DB8::A",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "form", ["{}", "from {}: refused", "http://[{}]:6443/x", "addr={} x", "[{}]:443", "({})", "{}/24", "ip: {}"]
)
def test_addresses_are_found_in_texts(address: str, form: str) -> None:
    shown = of_ticket("{addresses: drop}", episode(message=form.format(address)))
    assert address not in json.dumps(shown)
    hidden = of_ticket("{addresses: pseudonym}", episode(message=f"from {address}"), KEY)
    assert address not in json.dumps(hidden)


@pytest.mark.parametrize(
    "text", ["at 09:41:07.113", "std::vec", "v1.31.0", "aa:bb:cc:dd:ee:ff", "a: b: c", "k8s:infra::x"]
)
def test_what_is_no_address_stays(text: str) -> None:
    assert of_ticket("{addresses: drop}", episode(message=text))["whole"]["message"] == text


def test_too_many_names_are_not_sent_at_all() -> None:
    group = {"kind": "Group", "users": [f"user-{n}" for n in range(201)]}
    one, verdict = judged(audit(requestObject=group))
    assert of_record("{users: drop}", one, verdict) == Rejected(
        "mapping", "the event holds more than 200 names, which cannot be minimised"
    )


def test_what_is_nested_too_deeply_is_not_sent() -> None:
    deep: Any = "mallory"
    for _ in range(5000):
        deep = {"a": deep}
    one, verdict = judged(audit())
    shown = of_record("{users: drop}", one.model_copy(update={"original": deep}), verdict)
    assert shown == Rejected("mapping", "the event is nested too deeply to be minimised")


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


def test_overrides_go_by_the_event_as_it_was() -> None:
    text = f"{TICKET}overrides:\n- {{for: {{label: {{by: mallory}}}}, operations: {{open: {{team: blue}}}}}}\n"
    one = episode(message="user=mallory", labels={"by": "mallory"})
    shown = of_ticket("{users: drop}", one, text=text)
    assert shown["team"] == "blue"
    assert "mallory" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("minimise: {user: drop}", "`minimise` has no member `user`", 'did you mean "users"?'),
        ("minimise: {users: dorp}", "`users` cannot be `dorp`", 'did you mean "drop"?'),
        ("minimise: drop", "`minimise` must have members", ""),
    ],
)
def test_mistakes_are_told(text: str, message: str, suggestion: str) -> None:
    found = read_text(f"operations: {{open: {{a: b}}}}\n{text}\n", "m")
    assert isinstance(found, list)
    (problem,) = found
    assert isinstance(problem, Problem)
    assert (problem.line, message in problem.message, problem.suggestion) == (2, True, suggestion)


def test_to_keep_everything_is_to_minimise_nothing() -> None:
    assert read(TICKET, "{users: keep}").minimise is None


def test_it_is_compiled_with_a_shipped_mapping(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(f"{TICKET}minimise: {{users: pseudonym}}\n")
    (tmp_path / FILE).write_bytes(compile_mapping(file))
    made, whole = load_mapping(file, Terms(shipped=file)), load_mapping(file)
    assert isinstance(made, Mapping)
    assert isinstance(whole, Mapping)
    assert made.minimise == whole.minimise is not None


SENTINEL = "mallory.q-7"


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
def destinations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return every destination that there is, each with its shipped mapping, without users."""
    own = tmp_path_factory.mktemp("own") / "own.yaml"
    own.write_text("extends: shipped\nminimise: {users: drop}\n", encoding="utf-8")
    built: dict[str, Any] = {}
    for name, registered in FUNCTIONS.items():
        if (destination := registered.destination) is not None:
            environ = {**destination.example, destination.mapping: str(own)}
            built[name] = load(name, environ, Metrics(), store=open_store("memory:"))
    return built


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    episodes = [snapshot.episode for snapshot in observe(Record(), classified, {}, Policy()).snapshots]
    made: dict[str, Any] = {"all of a record": of_record("{users: drop}", one, classified.verdict)}
    made["all of a ticket"] = [of_ticket("{users: drop}", episode) for episode in episodes]
    for name, function in destinations.items():
        registered = FUNCTIONS[name].destination
        assert registered is not None
        subjects: list[Any] = [classified]
        if registered.subject == "episode":
            over = {"state": "resolved", "transition": "resolved", "resolved": one.time}
            subjects = [
                changed for one in episodes for changed in (one, one.model_copy(update={"ticket": True, **over}))
            ]
            subjects += [one.model_copy(update={"ticket": True}) for one in episodes]
        made[name] = [function.preview(subject) for subject in subjects]
        assert not any(isinstance(item, Rejected) for item in made[name]), made[name]
    return made


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


def test_functions_take_the_keys_of_their_cluster_and_forget_them_with_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys, own = tmp_path / "keys", tmp_path / "own.yaml"
    keys.mkdir()
    (keys / "prod-1").write_bytes(KEY)
    own.write_text(
        "extends: shipped\nminimise: {users: pseudonym}\noperations: {open: {u_who: '{{ episode.part }}'}}\n"
    )
    example_of = FUNCTIONS["servicenow_incident"].destination
    assert example_of is not None
    environ = {**example_of.example, "SERVICENOW_MAPPING": str(own), "PSEUDONYM_KEYS": str(keys)}
    function: Any = load("servicenow_incident", environ, Metrics())
    one = episode(message="user=mallory", part="mallory")

    def who() -> str:
        (preview,) = function.preview(one)
        return str(preview.body.get("u_who", ""))

    first = who()
    assert first.startswith("u-")
    assert who() == first
    (keys / "prod-1").write_bytes(b"another key of more than 16 bytes")
    assert who().startswith("u-")
    assert who() != first
    (keys / "prod-1").write_bytes(b"short")
    assert who() == ""
    (keys / "prod-1").unlink()
    assert who() == ""
    assert [record.getMessage() for record in caplog.records if record.name == "tidings.pseudonyms"] == [
        "no key for pseudonyms of cluster 'prod-1' in PSEUDONYM_KEYS: they are dropped"
    ]


@pytest.mark.parametrize("cluster", ["../keys/prod-1", "", ".", "..", "a/b", "prod-1\0", "x" * 300])
def test_a_cluster_whose_name_is_no_file_name_has_no_key(tmp_path: Path, cluster: str) -> None:
    (tmp_path / "prod-1").write_bytes(KEY)
    assert PseudonymKeys(tmp_path).of(cluster) == b""
    assert PseudonymKeys(None).of("prod-1") == b""
    assert PseudonymKeys(tmp_path).of("prod-1") == KEY


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20).filter(str.strip), st.text(max_size=30), st.text(max_size=30))
@example("İ", "i", "I")
@example("ß", "SS", "ẞ")
@example("\\", "\\1", "(")
def test_any_name_can_be_replaced_in_any_text(name: str, before: str, after: str) -> None:
    one = episode(message=f'{before} User "{name}" {after}', summary=f"{before} {name} {after}")
    assert isinstance(of_ticket("{users: drop, addresses: pseudonym, names: drop}", one, KEY), dict)
