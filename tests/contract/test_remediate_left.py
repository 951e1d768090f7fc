"""What `remediate` leaves alone, whatever a hook says: what people do, what is not on its list, what is another's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.episode import Cause, Suspect
from shared.events.model import ObjectRef
from shared.events.outcome import Ignored
from tests.support.remedies import RESTART, WEB, Rig, hook, names, report, standing


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with standing(tmp_path) as one:
        yield one


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"baseline": True}, "it was there before first contact with the cluster"),
        ({"quiet": "night"}, "people want quiet there (night)"),
        ({"cause": Cause(kind="consequence", summary="node down")}, "it is the consequence of another problem"),
    ],
)
def test_nobody_is_overruled(rig: Rig, changes: dict[str, Any], why: str) -> None:
    lab = rig.lab()
    (result,) = lab.tell(lab.problem(**changes))
    assert report(result)["reason"] == f"restart: not done: {why}"
    assert rig.server.requests == []


def test_a_member_of_a_group_is_acted_on_and_the_groups_own_problem_is_not(rig: Rig) -> None:
    lab = rig.lab()
    group = lab.problem("web-2", relations={"group": "group"})
    member = lab.problem(cause=Cause(kind="group", id="x"))
    assert names(lab.tell(group, member)) == ["Ignored", "Done"]


@pytest.mark.parametrize(
    ("namespace", "namespaces"), [("other", ["shop"]), ("kube-system", "*"), ("openshift-etcd", ["*"])]
)
def test_the_allow_list_is_kept(rig: Rig, namespace: str, namespaces: Any) -> None:
    rig.server.deployment("web", namespace=namespace)
    lab = rig.lab(hook(only={"kinds": ["Deployment"], "namespaces": namespaces}))
    (result,) = lab.tell(lab.problem(namespace=namespace))
    assert result.outcome == Ignored("no hook takes it")
    assert rig.server.requests == []


def test_our_own_namespace_is_never_touched(rig: Rig) -> None:
    rig.server.deployment("web", namespace="tidings")
    lab = rig.lab(hook(only={"kinds": ["Deployment"], "namespaces": ["tidings"]}))
    (result,) = lab.tell(lab.problem(namespace="tidings"))
    assert report(result)["reason"] == "restart: not done: it is in our own namespace"


def test_a_kind_that_the_way_ends_at_and_the_list_has_not_is_left(rig: Rig) -> None:
    lab = rig.lab(hook(only={"kinds": ["StatefulSet"], "namespaces": ["shop"]}))
    (result,) = lab.tell(lab.problem())
    assert "its `only` does not allow Deployment/shop/web" in report(result)["reason"]
    assert rig.server.done == []


def test_what_the_list_of_one_hook_has_not_is_for_the_next(rig: Rig) -> None:
    rig.server.deployment("api", "api-1")
    rig.server.deployment("other", "other-1")
    lists = ({"names": ["web"]}, {"kinds": ["StatefulSet"]}, {"names": ["api"]})
    lab = rig.lab(*(hook(name=f"h{number}", only={**RESTART["only"], **one}) for number, one in enumerate(lists)))
    results = lab.tell(lab.problem("api-1"), lab.problem("other-1"), lab.problem("api-1"), lab.problem("web-1"))
    assert names(results) == ["Done", "Ignored", "Duplicate", "Done"]
    assert [report(one)["reason"] for one in results] == [
        "h2: restart Deployment/shop/api",
        "h2: not done: its `only` does not allow Deployment/shop/other",
        "h2: restart Deployment/shop/api",
        "h0: restart Deployment/shop/web",
    ]


def test_what_people_keep_us_from_is_left(rig: Rig) -> None:
    rig.server.deployment("web", metadata={"annotations": {"tidings.dev/remediate": "off"}})
    lab = rig.lab()
    assert "people keep us from it" in report(lab.tell(lab.problem())[0])["reason"]
    assert rig.server.done == []


@pytest.mark.parametrize("name", ["../../secrets/db", "web-1/eviction", "a" * 300, "Web"])
def test_f47_a_name_that_no_object_has_reaches_no_path(rig: Rig, name: str) -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash. Here: refused."""
    lab = rig.lab()
    assert "its name is none" in report(lab.tell(lab.problem(name))[0])["reason"]
    assert rig.server.requests == []


def test_a_pod_that_is_gone_and_one_that_took_its_name_are_left(rig: Rig) -> None:
    lab = rig.lab()
    other = ObjectRef(api_version="v1", kind="Pod", namespace="shop", name="web-1", uid="of-the-first")
    results = lab.tell(lab.problem("web-9"), lab.problem(object=other))
    assert [report(one)["reason"].rpartition(": ")[2] for one in results] == [
        "it is gone",
        "there is another of its name by now",
    ]


def test_a_controller_that_took_the_name_of_another_is_left(rig: Rig) -> None:
    rig.server.put(WEB, metadata={"uid": "made anew"}, spec={"replicas": 2})
    lab = rig.lab()
    assert "there is another of its name by now" in report(lab.tell(lab.problem())[0])["reason"]


def test_a_change_of_our_own_that_is_a_suspect_stops_it(rig: Rig) -> None:
    lab = rig.lab()
    one = lab.problem()
    mine = Suspect(id="c", time=one.started, what="restartedAt", who="tidings-remediate")
    (result,) = lab.tell(one.model_copy(update={"suspects": (mine,)}))
    assert report(result)["reason"] == "restart: not done: a change of our own is a suspect"
