"""`minimise`: what a destination is not to know of people is in nothing that it is sent (guarantees.md, Privacy)."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.delivery.links import Places
from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_compiled import compile_mapping, compiled_file
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from shared.events.episode import Episode, Occurrence
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from tests.support.minimising import KEY, TICKET, audit, judged, of_record, of_ticket, read, ticket_of
from tests.support.tickets import START, episode, resolved


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
    group = {"kind": "Group", "users": [f"user-{n}" for n in range(401)]}
    one, verdict = judged(audit(requestObject=group))
    assert of_record("{users: drop}", one, verdict) == Rejected(
        "mapping", "the event holds more than 400 names, which cannot be minimised"
    )


def test_what_is_nested_too_deeply_is_not_sent() -> None:
    deep: Any = "mallory"
    for _ in range(5000):
        deep = {"a": deep}
    one, verdict = judged(audit())
    shown = of_record("{users: drop}", one.model_copy(update={"original": deep}), verdict)
    assert shown == Rejected("mapping", "the event is nested too deeply to be minimised")


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
    compiled_file(file).write_bytes(compile_mapping(file))
    made, whole = load_mapping(file, Terms(shipped=file)), load_mapping(file)
    assert isinstance(made, Mapping)
    assert isinstance(whole, Mapping)
    assert made.minimise == whole.minimise is not None


def entangled() -> Episode:
    """Return an episode that names others all over: who suffers, what took it in, who changed what, what happened."""
    path = "Pod/shop/neighbour-0"
    turns = [
        {"revision": 1, "time": START, "what": "affected", "before": "0", "after": "1", "things": [path]},
        {"revision": 2, "time": START, "what": "taken", "after": "neighbour-1 is broken",
         "things": [f"{path[:-1]}1"]},
    ]  # fmt: skip
    return episode(
        affected=[{"kind": "Pod", "namespace": "shop", "name": "neighbour-0", "severity": "high", "since": START}],
        affected_count=1,
        cause={"kind": "consequence", "id": "c-1", "summary": "neighbour-2 is broken", "object": "Node/neighbour-2"},
        suspects=[{"id": "s-1", "time": START, "what": "Deployment/shop/api: image, by mallory", "who": "mallory"}],
        relations={"node": "neighbour-3", "claim": "shop/neighbour-4", "image": "registry.example/api:1"},
        timeline=turns,
    )  # fmt: skip


def test_names_of_others_go_from_every_place_of_an_episode_and_words_of_ours_stay() -> None:
    one = entangled()
    for wanted in ("drop", "pseudonym"):
        said = of_ticket(f"{{names: {wanted}}}", one, KEY)
        assert "neighbour" not in json.dumps(said)
        assert [turn["what"] for turn in said["whole"]["timeline"]] == ["affected", "taken"]
        assert said["whole"]["cause"]["id"] == "c-1"
        assert said["whole"]["relations"]["image"] == "registry.example/api:1"
        assert "mallory" in json.dumps(said)


def test_names_of_a_groups_members_go_also_of_those_that_left_and_where_a_line_was_cut() -> None:
    said = f"Pod/shop/neighbour-7: {'x' * 165} Back-off of neighbour-7, neighbo"
    one = episode(
        relations={"group": "group-"},
        message=f"{said}\nPod/shop/web-0: Failed",
        history=[{"time": START, "reason": "Failed", "message": "Pod/shop/neighbour-8: neighbour-8 is broken"}],
    )
    for wanted in ("drop", "pseudonym"):
        assert "neighbo" not in json.dumps(of_ticket(f"{{names: {wanted}}}", one, KEY))


def test_who_changed_what_is_a_person() -> None:
    said = json.dumps(of_ticket("{users: drop}", entangled()))
    assert "mallory" not in said
    assert "neighbour-0" in said


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("mallory: delete pods web-0: 200", "[user]: delete pods web-0: 200"),
        ("mallory: delete pods : delete pods web-0: 200", ""),
        ("Node worker-1 status is now: NodeReady", "Node worker-1 status is now: NodeReady"),
    ],
)
def test_who_ended_a_problem_is_a_person_whatever_had_told_of_it(message: str, shown: str) -> None:
    reason = "delete pods" if "delete" in message else "NodeReady"
    one = resolved(component="kubelet", ended_by=reason, ended_message=message)
    assert of_ticket("{users: drop}", one)["whole"]["ended_message"] == shown


def test_an_address_of_which_a_name_was_taken_is_no_link_any_more() -> None:
    places = Places({"": "https://console.example.com"}, siem="https://siem.example.com/?q={problem_key}")
    text = "operations:\n  open: {console: '{{ links.console }}', siem: '{{ links.siem }}'}\n"
    found = render(read(text, "{names: drop}"), "open", context_of(episode(), places=places))
    assert found == {"siem": f"https://siem.example.com/?q={episode().problem_key}"}
