"""Identities and keys: the same thing always gives the same key, another thing another."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.identity import (
    digest,
    episode_id,
    event_identity,
    fingerprint,
    normalise,
    object_key,
    payload_identity,
    problem_key,
    scope_key,
    workload_name,
)
from shared.events.model import ObjectRef

_KEY = re.compile(r"^[a-z0-9-]+$")


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digests_are_equal_for_equal_parts_alone(left: list[str], right: list[str]) -> None:
    assert _KEY.match(digest(*left))
    assert (digest(*left) == digest(*right)) == (left == right)


@given(st.text(), st.text(), st.text(), st.text(), st.text())
def test_f47_a_problem_key_has_no_character_that_means_something(
    cluster: str, namespace: str, name: str, condition: str, part: str
) -> None:
    """F47: encoded query injection in ServiceNow via object name: the key is a hash."""
    thing = ObjectRef(kind="Pod", namespace=namespace, name=name)
    key = problem_key(cluster, thing, condition, part)
    assert _KEY.match(episode_id(key, datetime(2026, 1, 1, tzinfo=UTC)))
    assert key == problem_key(cluster, thing.model_copy(update={"uid": "other"}), condition, part)


def test_a_virtual_machine_and_its_instance_are_one_thing() -> None:
    machine = ObjectRef(kind="VirtualMachine", namespace="vms", name="db")
    instance = ObjectRef(kind="VirtualMachineInstance", namespace="vms", name="db")
    assert object_key("c", machine) == object_key("c", instance)
    assert problem_key("c", machine, "down") == problem_key("c", instance, "down")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Back-off pulling image (attempt 3)", "Back-off pulling image (attempt 17)"),
        ("node 10.0.0.1 gone", "node 10.0.12.7 gone"),
        (
            "pod web_shop(1f0ebf14-0000-4000-8000-000000000000) failed",
            "pod web_shop(2a0ebf14-0000-4000-8000-00000000aaaa) failed",
        ),
        ("waited 30s", "waited 1.5s"),
        ("(combined from similar events): waited 5s", "waited 7s"),
        ("exit at 0xdeadbeef", "exit at 0x1"),
    ],
)
def test_variable_parts_do_not_split_a_message(left: str, right: str) -> None:
    assert normalise(left) == normalise(right)
    assert fingerprint(left) == fingerprint(right)


def test_different_words_do_split_a_message() -> None:
    assert fingerprint('secret "a" not found') != fingerprint('secret "b" not found')


@pytest.mark.parametrize(
    ("kind", "name", "owner"),
    [
        ("Pod", "web-7c9d6b5f4-x2x9k", "web"),
        ("Pod", "pg-0", "pg"),
        ("Pod", "agent-x2x9k", "agent"),
        ("ReplicaSet", "web-7c9d6b5f4", "web"),
        ("Pod", "standalone", "standalone"),
        ("Deployment", "web-1", "web-1"),
    ],
)
def test_a_workload_is_guessed_from_its_pods_name(kind: str, name: str, owner: str) -> None:
    assert workload_name(ObjectRef(kind=kind, namespace="shop", name=name)) == owner


def test_pods_of_one_workload_share_a_scope_and_nodes_have_their_own() -> None:
    pods = [ObjectRef(kind="Pod", namespace="shop", name=f"web-7c9d6b5f4-{end}") for end in ("x2x9k", "zzzzz")]
    assert len({scope_key("c", pod, None, "") for pod in pods}) == 1
    owner = ObjectRef(kind="Deployment", name="web")
    assert scope_key("c", pods[0], owner, "") == scope_key("c", pods[0], None, "")
    nodes = {scope_key("c", ObjectRef(kind="Node", name=name), None, "") for name in ("a", "b")}
    assert len(nodes) == 2


def test_an_event_is_the_same_at_the_same_count_and_another_at_the_next() -> None:
    assert event_identity("c", "u", 3) == event_identity("c", "u", 3)
    assert len({event_identity("c", "u", count) for count in (1, 2, 3)}) == 3


def test_what_has_no_id_is_known_by_content_and_minute() -> None:
    early, late = datetime(2026, 1, 1, 10, 0, 5, tzinfo=UTC), datetime(2026, 1, 1, 10, 1, 5, tzinfo=UTC)
    assert payload_identity("c", {"a": 1, "b": 2}, early) == payload_identity("c", {"b": 2, "a": 1}, early)
    assert payload_identity("c", {"a": 1}, early) != payload_identity("c", {"a": 1}, late)
