"""Where the NATS store is and who we are there, and how keys become subjects."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.registry import FUNCTIONS, load
from shared.settings.environment import SettingsError
from shared.stores import nats_keys
from shared.stores.nats_place import Place, opened, place_of
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics

KEYS = st.text(nats_keys.ALPHABET, min_size=1, max_size=512)
PASSWORD = "hunter2-not-to-be-seen"  # noqa: S105 - what must not be shown


@given(KEYS)
def test_a_key_comes_back_from_its_subject_which_has_no_empty_token(key: str) -> None:
    subject = nats_keys.subject_of(key)
    assert nats_keys.key_of(subject) == key
    assert "" not in subject.split(".")


@given(KEYS, KEYS)
def test_a_prefix_is_a_filter_that_matches_exactly_the_keys_that_begin_with_it(prefix: str, key: str) -> None:
    own, below = nats_keys.filters_of(prefix)
    for one in (key, prefix + key, prefix):
        subject = nats_keys.subject_of(one[:512])
        matched = subject == own or subject.startswith(below.removesuffix(">"))
        assert matched == one[:512].startswith(prefix)


@given(st.text(nats_keys.ALPHABET, max_size=5), KEYS, KEYS)
def test_the_parts_below_an_end_hold_exactly_the_lesser_keys_and_are_in_order(prefix: str, key: str, end: str) -> None:
    for before in (end, prefix + end, "z" * 40, prefix + key):
        parts = nats_keys.below(prefix, before)
        for one in (prefix + key, prefix or "-", key, before[:-1] or "-"):
            among = [part for part, all_below in parts if one == part or (all_below and one.startswith(part))]
            assert len(among) == (one.startswith(prefix) and one < before)
        assert [part for part, _ in parts] == sorted(part for part, _ in parts)


@given(st.text(nats_keys.ALPHABET, max_size=20), KEYS, KEYS)
def test_the_children_of_a_prefix_are_in_the_order_of_keys(prefix: str, one: str, other: str) -> None:
    children = nats_keys.children(prefix)
    assert children == sorted(children)
    first, second = sorted((prefix + one, prefix + other))
    places = [next(place for place, child in enumerate(children) if key.startswith(child)) for key in (first, second)]
    assert places == sorted(places)
    assert nats_keys.is_past(prefix, first) is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nats://nats/tidings", Place(("nats://nats:4222",), "tidings", tls=False, replicas=None)),
        ("nats://nats//tidings/", Place(("nats://nats:4222",), "tidings", tls=False, replicas=None)),
        (
            "tls://a.nats:5222,b.nats,[::1]:1/b-1?replicas=3",
            Place(("tls://a.nats:5222", "tls://b.nats:4222", "tls://[::1]:1"), "b-1", tls=True, replicas=3),
        ),
    ],
)
def test_a_url_names_servers_bucket_and_replicas(url: str, expected: Place) -> None:
    assert place_of(url) == expected


@pytest.mark.parametrize("url", ["nats:///tidings?replicas=3", "nats:/tidings?replicas=3", "nats:tidings?replicas=3"])
def test_a_url_without_hosts_means_those_of_nats_url(url: str) -> None:
    place, _ = opened(url, {"NATS_URL": "tls://a:1,b"})
    assert place == Place(("tls://a:1", "tls://b:4222"), "tidings", tls=True, replicas=3, setting="NATS_URL")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nats:", "a NATS store is nats://host:4222/tidings"),
        ("nats://host", "a NATS store is"),
        ("nats://host/", "a NATS store is"),
        ("nats://host/a.b", "a NATS store is"),
        ("nats://host:x/b", "a NATS store is"),
        ("nats:///b", "a NATS store is"),
        ("nats://host/b?replica=3", "a NATS store is"),
        ("nats://host/b?replicas=2", "1, 3 or 5"),
        (f"nats://tidings:{PASSWORD}@host/b", "set NATS_USERNAME and NATS_PASSWORD"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_how_one_looks(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        open_store(url, {})
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"NATS_USERNAME": "u"}, "go together"),
        ({"NATS_PASSWORD": PASSWORD}, "go together"),
        ({"NATS_TOKEN": PASSWORD, "NATS_NKEY": "SU"}, "not NATS_TOKEN and NATS_NKEY"),
        ({"NATS_TOKEN": PASSWORD}, "only sent over TLS"),
        ({"NATS_USERNAME": "u", "NATS_PASSWORD": PASSWORD}, "only sent over TLS"),
        ({"NATS_CREDS_FILE": "/nowhere"}, "NATS_CREDS_FILE"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_a_secret(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        open_store("nats://far.example/b", environ)
    assert PASSWORD not in str(refused.value)


def test_a_password_for_this_machine_needs_no_tls() -> None:
    _, who = opened("nats://127.0.0.1/b", {"NATS_USERNAME": "u", "NATS_PASSWORD": PASSWORD})
    assert PASSWORD not in repr(who)


_KUBECONFIG = {
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}


@pytest.mark.parametrize("name", [name for name, one in FUNCTIONS.items() if "store" in one.parts])
def test_a_function_opens_its_store_by_the_settings_that_it_was_given(name: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(_KUBECONFIG))
    destination = FUNCTIONS[name].destination
    environ = {
        **(destination.example if destination is not None else {}),
        "CLUSTER": "c",
        "KUBECONFIG": str(kubeconfig),
        "K_SINK": "http://127.0.0.1:9",
        "STORE_URL": "nats:///tidings",  # is where NATS_URL is, and the environment of this process has none
    }
    with pytest.raises(SettingsError, match="STORE_URL: a NATS store is"):
        load(name, environ, Metrics())
    assert load(name, {**environ, "NATS_URL": "nats://127.0.0.1:4222"}, Metrics()).name == name
