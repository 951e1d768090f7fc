"""What tells two versions of an object apart: nothing where they are equal, no noise, no secret, whatever they hold."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.changes.difference import Difference, compare
from shared.changes.kinds import KINDS, NOISE_ANNOTATIONS, kind_of
from shared.changes.projection import MAX_BYTES, WHOLE, _shape, pack, project, relevant, shape_of, unpack
from shared.changes.record import encode
from shared.events.difference import MOST, NOT_SHOWN, what
from shared.events.identity import digest
from tests.support.examples import examples
from tests.support.objects import Object, manager, observed, taken, thing, told

ON_ANY_MACHINE = settings(deadline=None, max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
SENTINEL = "hunter2sEcReTvalue"
NAMES = st.sampled_from(("name", "key", "image", "replicas", "a.b/c", "x", "[0]", "data", ""))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.text("abc é/.", max_size=60),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)
SPECS = st.dictionaries(NAMES, VALUES, max_size=5)
ANY_KIND = st.sampled_from((*KINDS, "Widget"))


def messages(*versions: Any) -> list[str]:
    return [one.message for one in told(*versions)]


@ON_ANY_MACHINE
@given(kind=ANY_KIND, spec=SPECS, status=SPECS)
def test_equal_objects_differ_in_nothing(kind: str, spec: Object, status: Object) -> None:
    parts = relevant(thing(kind, spec=spec, status=status), kind_of(kind))
    shape = shape_of(parts, kind_of(kind))
    assert compare(shape, copy.deepcopy(shape)).number == 0
    assert messages(thing(kind, 1, spec=spec), thing(kind, 2, spec=spec)) == []


@ON_ANY_MACHINE
@given(kind=ANY_KIND, spec=SPECS)
def test_the_order_of_members_says_nothing(kind: str, spec: Object) -> None:
    turned = dict(reversed(spec.items()))
    assert messages(thing(kind, 1, spec=spec), thing(kind, 2, spec=turned)) == []


def test_an_image_is_told_with_its_registry_and_rights_with_their_words() -> None:
    images = [f"registry.example.com:5000/team-a/shop/frontend/web:v1.{minor}.0" for minor in (4, 5)]
    specs = ({"template": {"spec": {"containers": [{"name": "web", "image": image}]}}} for image in images)
    (said,) = messages(*(thing("Deployment", number, spec=spec) for number, spec in enumerate(specs)))
    assert said.endswith(f"containers[web].image {images[0]} → {images[1]}")
    seen = ["pods", "pods/log", "services", "endpoints", "configmaps", "deployments"]
    rules = ([{"resources": seen}], [{"resources": [*seen, "secrets"]}])
    (said,) = messages(*(thing("ClusterRole", number, rules=each) for number, each in enumerate(rules)))
    assert said.endswith(", deployments, secrets]")


def test_what_an_earlier_release_kept_as_a_hash_is_no_difference() -> None:
    image = "registry.example.com:5000/team-a/shop/frontend/web:v1.4.0"
    kept = {"spec": {"image": _shape(image, {}, WHOLE, hidden=False), "x": "1"}}
    assert isinstance(kept["spec"]["image"], list)
    now = shape_of({"spec": {"image": image, "x": "2"}}, kind_of("Widget"))
    assert [one.path for one in compare(kept, now).told] == ["spec.x"]
    other = shape_of({"spec": {"image": f"{image}-rc1", "x": "1"}}, kind_of("Widget"))
    assert compare(kept, other).told == (Difference("spec.image", NOT_SHOWN, NOT_SHOWN),)


def test_the_first_noise_of_an_object_is_no_change_either() -> None:
    """A Deployment is made without annotations, and its controller writes the revision into them at once."""
    made = thing("Deployment", 1, spec={"replicas": 1})
    noted = {"annotations": {"deployment.kubernetes.io/revision": "1"}}
    revised = thing("Deployment", 2, noted, spec={"replicas": 1})
    assert messages(made, revised) == []


def test_noise_that_an_earlier_release_kept_is_no_change() -> None:
    note = min(NOISE_ANNOTATIONS)
    kept = {"metadata": {"annotations": {note: "1", "owner": "team-a"}}, "spec": {"replicas": 1}}
    now = {"metadata": {"annotations": {"owner": "team-a"}}, "spec": {"replicas": 1}}
    assert compare(kept, now).number == 0
    assert [one.path for one in compare(kept, {**now, "spec": {"replicas": 2}}).told] == ["spec.replicas"]


def test_a_first_label_or_annotation_is_told_by_its_name() -> None:
    guarded = thing("Namespace", 2, {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}})
    (said,) = messages(thing("Namespace", 1), guarded)
    assert said.endswith(": metadata.labels[pod-security.kubernetes.io/enforce] added (privileged)")
    (said,) = messages(guarded, thing("Namespace", 3))
    assert said.endswith(": metadata.labels[pod-security.kubernetes.io/enforce] removed (was privileged)")
    labelled = {"labels": {"app": "web"}}
    restarted = {**labelled, "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-08-20T09:41:07Z"}}
    pods = ((1, labelled), (2, restarted))
    (said,) = messages(*(thing("Deployment", n, spec={"template": {"metadata": one}}) for n, one in pods))
    assert said.endswith("annotations[kubectl.kubernetes.io/restartedAt] added (2026-08-20T09:41:07Z)")


@ON_ANY_MACHINE
@given(spec=SPECS, status=SPECS, note=st.sampled_from(sorted(NOISE_ANNOTATIONS)), text=st.text(max_size=20))
def test_noise_alone_is_no_change(spec: Object, status: Object, note: str, text: str) -> None:
    noisy = {
        "generation": 7,
        "annotations": {note: text, "kubectl.kubernetes.io/last-applied-configuration": text},
        "managedFields": [manager("someone", "status")],
    }
    before = thing("Deployment", 1, {"annotations": {}}, spec=spec)
    assert messages(before, thing("Deployment", 2, noisy, spec=spec, status=status)) == []


@ON_ANY_MACHINE
@given(before=SPECS, after=SPECS)
def test_what_differs_is_told_and_the_way_back_too(before: Object, after: Object) -> None:
    kind = kind_of("Widget")
    old, new = (shape_of(relevant(thing("Widget", spec=spec), kind), kind) for spec in (before, after))
    assume(old != new)
    found, back = compare(old, new), compare(new, old)
    assert 0 < found.number == back.number
    assert len(found.told) == min(found.number, MOST)
    turned = [Difference(one.path, one.after, one.before) for one in back.told]
    assert list(found.told) == turned


def nested(width: int, depth: int) -> Any:
    """Return a value that does not compress, so wide at each of so many levels."""
    if not depth:
        return digest(str(width))
    return {digest(str(depth), str(place))[:9]: nested(width + place, depth - 1) for place in range(width)}


@ON_ANY_MACHINE
@given(width=st.integers(0, 8), depth=st.integers(0, 3), beside=st.integers(0, 100))
def test_a_projection_is_at_most_two_kilobytes_and_says_at_which_depth_it_is_folded(
    width: int, depth: int, beside: int
) -> None:
    spec = {"deep": nested(width, depth), **nested(beside, 1)}
    parts = relevant(thing("Widget", spec=spec), kind_of("Widget"))
    made = project(parts, kind_of("Widget"))
    assert len(made.packed) <= MAX_BYTES
    assert unpack(made.packed) == shape_of(parts, kind_of("Widget"), made.depth)
    assert (made.depth == WHOLE) is (len(pack(shape_of(parts, kind_of("Widget")))) <= MAX_BYTES)


def test_a_large_object_is_folded_and_a_change_deep_in_it_is_told_of_its_part() -> None:
    def large(version: int, changed: str) -> Object:
        schema = {
            f"field-{number}": {"type": "string", "description": f"{number} {'x' * number}"} for number in range(400)
        }
        schema["field-77"]["type"] = changed
        versions = [{"name": "v1", "schema": schema}, {"name": "v2", "schema": {"small": True}}]
        return thing("CustomResourceDefinition", version, spec={"scope": "Namespaced", "versions": versions})

    (only,) = told(large(1, "string"), large(2, "integer"))
    assert only.message.endswith("spec.versions[v1].schema changed")
    assert project(relevant(large(1, "x"), kind_of("x")), kind_of("x")).depth != WHOLE


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"replicas": 3}, {"replicas": 5}, "spec.replicas 3 → 5"),
        ({"paused": False}, {"paused": True}, "spec.paused false → true"),
        ({}, {"paused": True}, "spec.paused added (true)"),
        ({"paused": True}, {}, "spec.paused removed (was true)"),
        ({"x": {"a": 1}}, {}, "spec.x removed"),
        ({"x": None}, {"x": 1}, "spec.x null → 1"),
        ({"x": ""}, {"x": "a"}, 'spec.x "" → a'),
        ({"x": {}}, {"x": {"a": 1}}, "spec.x.a added (1)"),
        ({"verbs": ["get"]}, {"verbs": ["get", "list"]}, "spec.verbs [get] → [get, list]"),
        ({"labels": {"a.b/c": "1"}}, {"labels": {"a.b/c": "2"}}, "spec.labels[a.b/c] 1 → 2"),
        ({"text": "x" * 60}, {"text": "y" * 60}, "spec.text changed"),
        ({"text": "x" * 60}, {"text": "y"}, "spec.text changed"),
        (
            {"c": [{"name": "web", "image": "a:1"}, {"name": "log", "image": "b:1"}]},
            {"c": [{"name": "log", "image": "b:1"}, {"name": "web", "image": "a:2"}]},
            "spec.c[web].image a:1 → a:2",
        ),
        ({"r": [{"x": 1}, {"x": 2}]}, {"r": [{"x": 1}]}, "spec.r[1] removed"),
        (
            {str(number): number for number in range(20)},
            {str(number): -number for number in range(20)},
            "and 7 more",
        ),
    ],
)
def test_a_difference_in_words(before: Object, after: Object, text: str) -> None:
    (message,) = messages(thing("Widget", 1, spec=before), thing("Widget", 2, spec=after))
    assert message.endswith(text)


def test_the_members_of_a_difference_stand_in_the_original_for_rules() -> None:
    (only,) = told(thing("Widget", 1, spec={"replicas": 3}), thing("Widget", 2, spec={"replicas": 5}))
    assert only.original["change"]["fields"] == [{"path": "spec.replicas", "before": "3", "after": "5"}]
    assert only.original["spec"] == {"replicas": 5}


def secretive(depth: int, value: str) -> Object:
    """Return an object of every place that a secret can have, so deep."""
    inner: Object = {
        "password": value, "env": [{"name": "TOKEN", "value": value}, {"name": "MODE", "value": value}],
        "args": ["--token", value, f"--password={value}"], "url": f"https://me:{value}@example.org/",
        "template": {"kind": "Secret", "data": {"pin": value}, "stringData": {"pin": value}},
    }  # fmt: skip
    for _ in range(depth):
        inner = {"deeper": [inner], "name": "x"}
    return inner


@ON_ANY_MACHINE
@given(kind=ANY_KIND, depth=st.integers(0, 30))
def test_f41_no_secret_value_is_in_what_is_kept_or_told_at_any_depth(kind: str, depth: int) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"password": SENTINEL})}
    versions = [
        thing(kind, number, {"annotations": applied}, spec=secretive(depth, value), data={"password": value})
        for number, value in enumerate((f"{SENTINEL}-1", f"{SENTINEL}-2"), 1)
    ]
    first = taken(None, versions[0])
    second = taken(first.record, versions[1])
    for done in (first, second):
        assert done.record is not None
        kept = encode(done.record).partition(b"\n")[0] + json.dumps(unpack(done.record.projection.packed)).encode()
        assert SENTINEL.encode() not in kept
    assert SENTINEL not in json.dumps([one.model_dump(mode="json") for one in told(*versions)])


def test_f41_of_a_secret_the_names_of_keys_are_told_and_neither_values_nor_their_hashes_are_kept() -> None:
    """F41: no value leaves the process; key names kept. Its projection is the same whatever the values are."""
    first, other = (
        taken(None, thing("Secret", 1, type="Opaque", data={"db-login": value})).record
        for value in ("aGk=", "b3RoZXI=")
    )
    assert first == other
    before = thing("Secret", 1, type="Opaque", data={"old": "aGk="})
    (only,) = told(before, thing("Secret", 2, type="Opaque", data={"new-key": "aGk="}))
    assert only.message.endswith("data.new-key added, data.old removed")


def test_that_a_masked_value_changed_is_told_by_who_wrote_when() -> None:
    def secret(version: int, time: str, value: str) -> Object:
        return thing("Secret", version, {"managedFields": [manager("vault", "data", time=time)]}, data={"pin": value})

    (only,) = told(secret(1, "2026-11-24T09:00:00Z", "YQ=="), secret(2, "2026-11-24T10:00:00Z", "Yg=="))
    assert only.message == "Secret/shop/web was changed by vault: data changed"
    assert told(secret(1, "2026-11-24T09:00:00Z", "YQ=="), secret(2, "2026-11-24T09:00:00Z", "YQ==")) == []


def test_of_a_config_map_it_is_told_whose_value_changed_but_not_to_what() -> None:
    before = thing("ConfigMap", 1, data={"mode": "a", "level": "info"})
    (only,) = told(before, thing("ConfigMap", 2, data={"mode": "b", "level": "info"}))
    assert only.message.endswith(": data.mode changed")


def test_an_environment_variable_that_comes_is_told_without_its_value() -> None:
    def web(version: int, *names: str) -> Object:
        env = [{"name": name, "value": SENTINEL} for name in names]
        return thing("Deployment", version, spec={"template": {"spec": {"containers": [{"name": "web", "env": env}]}}})

    (only,) = told(web(1, "A"), web(2, "A", "B"))
    assert only.message.endswith(": spec.template.spec.containers[web].env[B] added")


def test_an_object_whose_original_was_cut_is_compared_whole() -> None:
    def large(version: int, replicas: int) -> Object:
        return thing("Widget", version, spec={"blob": ["x" * 1000] * 300, "replicas": replicas})

    assert observed(large(1, 3)).original["truncated"]
    (only,) = told(large(1, 3), large(2, 5))
    assert only.message.endswith("spec.replicas 3 → 5")


def test_a_difference_that_is_not_shown_says_only_that_it_is_there() -> None:
    assert what([("a", NOT_SHOWN, NOT_SHOWN), ("b", None, NOT_SHOWN), ("c", NOT_SHOWN, None)], 3) == (
        "a changed, b added, c removed"
    )
