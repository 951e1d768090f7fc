"""Files of hooks: what may stand in them, what never may, and what each mistake is told with."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from functions.remediate.hook import passed_over, taking
from functions.remediate.hook_file import HooksError, load_hooks, read_texts
from functions.remediate.hook_forms import HOOK, hooks_schema
from functions.remediate.rights import review_of, rights_of
from functions.remediate.verbs import Right
from shared.cli.checked import check
from shared.events.episode import Episode
from shared.events.model import ObjectRef
from tests.conftest import ROOT
from tests.support.remedies import hook, problem, written

TARGET = {"kind": "Deployment", "namespace": "shop", "name": "web"}
READY = ROOT / "functions" / "remediate" / "hooks"


def mistakes(*hooks: dict[str, Any]) -> list[str]:
    return [one.message for one in read_texts([("hooks.yaml", written(*hooks))])[1]]


def episode(**changes: Any) -> Episode:
    return problem(lambda: 1_000_000.0, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": None}, "a hook needs `name`"),
        ({"when": {}}, "`when` asks for nothing: every problem would do it"),
        ({"when": None}, "a hook needs `when`"),
        ({"when": {"severity": "awful"}}, "there is no severity `awful`"),
        ({"do": "reboot"}, "`do` cannot be `reboot`"),
        ({"run": "sh -c true"}, "a hook has no member `run`"),
        ({"only": None}, "a hook has either `only` or `target`"),
        ({"target": TARGET}, "a hook has either `only` or `target`"),
        ({"only": {"kinds": ["Deployment"]}}, "`only` names no namespaces"),
        ({"only": {"namespaces": ["shop"]}}, "`only` needs `kinds`"),
        ({"only": {"kinds": ["Pod"], "namespaces": ["shop"]}}, "`restart` is nothing for a Pod"),
        ({"only": {"kinds": ["Secret"], "namespaces": ["shop"]}}, "nothing is done to a `Secret`"),
        ({"do": "cordon", "only": {"kinds": ["Node"], "namespaces": "*"}}, "a node is in no namespace"),
        ({"do": "cordon", "only": None, "target": TARGET}, "`cordon` is nothing for a Deployment"),
        ({"only": None, "target": {"kind": "Deployment", "name": "web"}}, "a Deployment is in a namespace"),
        ({"after": "2h"}, "`after` is longer than 1h"),
        ({"after": "1m", "while": "resolved"}, "`after` asks how long it lasts, `while: resolved` that it is over"),
        ({"cooldown": "10s"}, "`cooldown` is from 1m to 7d"),
        ({"cooldown": 0}, "`cooldown` is from 1m to 7d"),
        ({"limit": {"acts": 3, "within": "30d"}}, "`within` of `limit` is from 1m to 7d"),
        ({"limit": {"acts": 1000}}, "`acts` is a whole number from 1 to 100"),
        ({"circuit": {"within": "1s"}}, "`within` of `circuit` is from 1m to 7d"),
        ({"max_per_episode": 0}, "`max_per_episode` is a whole number from 1 to 100"),
        ({"scale": {"to": 3}}, "`do: scale` and `scale` go together"),
        ({"do": "scale"}, "`do: scale` and `scale` go together"),
        ({"do": "scale", "scale": {"to": 3, "by": 1}}, "`scale` says either `to`, or `by` and `up_to`"),
        ({"do": "scale", "scale": {"by": 1}}, "`scale` says either `to`, or `by` and `up_to`"),
        ({"do": "patch", "patch": {"spec": {}}}, "a patch names its one thing"),
    ],
)
def test_a_mistake_is_told_and_nothing_of_the_file_is_used(changes: dict[str, Any], said: str) -> None:
    assert said in mistakes(hook(**changes))
    assert read_texts([("hooks.yaml", written(hook(name="fine"), hook(**changes)))])[0] == ()


@pytest.mark.parametrize(
    "kind",
    [
        "v1/Secret", "v1/ServiceAccount", "rbac.authorization.k8s.io/v1/RoleBinding",
        "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
        "apiextensions.k8s.io/v1/CustomResourceDefinition", "certificates.k8s.io/v1/CertificateSigningRequest",
        "policy/v1/PodDisruptionBudget", "apiregistration.k8s.io/v1/APIService", "v1/Namespace",
        "security.openshift.io/v1/SecurityContextConstraints", "oauth.openshift.io/v1/OAuth",
    ],
)  # fmt: skip
def test_what_gives_rights_or_holds_secrets_is_never_patched(kind: str) -> None:
    target = {**TARGET, "kind": kind}
    (said,) = mistakes(hook(do="patch", only=None, target=target, patch={"spec": {"a": 1}}))
    assert said == f"a {kind.rpartition('/')[2]} is never patched: it gives rights or holds secrets"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({}, "`patch` changes nothing"),
        ({"kind": "Secret"}, "`kind` is nothing that a patch may change"),
        ({"status": {"ready": True}}, "`status` is nothing that a patch may change"),
        ({"metadata": {"finalizers": []}}, "of `metadata` a patch may change labels and annotations"),
        ({"metadata": {"ownerReferences": None}}, "of `metadata` a patch may change labels and annotations"),
    ],
)
def test_a_patch_changes_what_is_the_things_own(patch: dict[str, Any], said: str) -> None:
    assert mistakes(hook(do="patch", only=None, target=TARGET, patch=patch)) == [said]


def test_a_null_of_a_patch_stays_one() -> None:
    text = written(hook(do="patch", only=None, target=TARGET, patch={"spec": {"paused": None, "on": [1, "a", True]}}))
    ((found,), problems) = read_texts([("hooks.yaml", text)])
    assert problems == []
    assert found.patch == {"spec": {"paused": None, "on": [1, "a", True]}}


def test_two_hooks_of_one_name_are_told_with_both_places_and_one_that_is_off_is_not_there() -> None:
    texts = [("a.yaml", written(hook())), ("b.yaml", written(hook(), hook(name="off", enabled=False)))]
    hooks, problems = read_texts(texts)
    assert hooks == ()
    (one,) = problems
    assert (one.file, one.line, one.message) == ("b.yaml", 2, "there are two of the name `restart` in `hooks`")
    assert one.suggestion == "give it another; the first is at a.yaml:2"
    assert [one.name for one in read_texts(texts[1:])[0]] == ["restart"]


def test_a_folder_is_read_in_the_order_of_its_paths_and_an_empty_one_has_no_hooks(tmp_path: Path) -> None:
    assert load_hooks(None) == load_hooks(tmp_path) == ()
    (tmp_path / "b.yaml").write_text(written(hook(name="second")))
    (tmp_path / "a.yaml").write_text(written(hook(name="first")))
    assert [one.name for one in load_hooks(tmp_path)] == ["first", "second"]
    with pytest.raises(HooksError, match="cannot be read"):
        load_hooks(tmp_path / "none.yaml")


def test_the_schema_takes_the_ready_hooks_and_has_every_member() -> None:
    schema = hooks_schema()
    for path in READY.glob("*.yaml"):
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert set(schema["properties"]["hooks"]["items"]["properties"]) == set(HOOK.members)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"hooks": [hook(run="sh")]})
    assert json.loads((ROOT / "docs" / "schemas" / "hooks.json").read_text())["title"] == "Tidings hooks"


def test_validate_knows_hooks_and_warns_of_what_no_rule_says(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(written(hook(when={"condition": "crash-lop", "labels": {"colour": "red"}}), hook(do="reboot")))
    found = check([file])
    assert [(one.file, one.message) for one in found.problems][-1] == (str(file), "`do` cannot be `reboot`")
    assert [one.message.split(",")[0] for one in found.warnings] == [
        "`restart` asks for the condition `crash-lop`",
        "`restart` asks for the label `colour`",
    ]
    assert found.warnings[0].suggestion == 'did you mean "crash-loop"?'
    ready = check([READY])
    assert (ready.problems, ready.warnings) == ([], [])


def test_hooks_take_a_problem_in_their_order() -> None:
    texts = [("a.yaml", written(hook(name="one", when={"namespace": "other"}), hook(name="two"), hook(name="three")))]
    hooks, problems = read_texts(texts)
    assert problems == []
    assert [one.name for one in taking(hooks, episode())] == ["two", "three"]
    assert list(taking(hooks, episode(condition="image-pull"))) == []


@pytest.mark.parametrize(
    ("namespaces", "namespace", "takes"),
    [
        (["shop"], "shop", True),
        (["shop"], "shop-2", False),
        (["shop-*"], "shop-2", True),
        ("*", "anything", True),
        ("*", "kube-system", False),
        ("*", "openshift-etcd", False),
        ("*", "default", False),
        (["kube-*"], "kube-system", False),
        (["kube-system", "*"], "kube-system", True),
    ],
)
def test_a_star_never_means_a_namespace_of_the_cluster_itself(namespaces: Any, namespace: str, *, takes: bool) -> None:
    ((one,), _) = read_texts([("a", written(hook(only={"kinds": ["Deployment"], "namespaces": namespaces})))])
    assert (passed_over(one, episode(namespace=namespace)) == "") is takes


def test_who_wrote_a_star_is_told_what_it_does_not_mean() -> None:
    ((one,), _) = read_texts([("a", written(hook(only={"kinds": ["Deployment"], "namespaces": "*"})))])
    said = passed_over(one, episode(namespace="default"))
    assert said == "its `only` does not allow the namespace default, which a star does not mean: name it"


def test_a_node_is_found_also_from_what_runs_on_it() -> None:
    node = {"when": {"condition": "crash-loop"}, "only": {"kinds": ["Node"], "names": ["worker-*"]}}
    ((one,), problems) = read_texts([("a", written(hook(do="cordon", **node)))])
    assert problems == []
    assert passed_over(one, episode(relations={"node": "worker-3"})) == ""
    assert passed_over(one, episode(relations={"node": "master-1"})) == "its `only` does not allow Node/master-1"
    assert passed_over(one, episode()) == "nothing that it is about can be cordoned"


def test_f51_who_may_create_events_in_one_namespace_closes_no_node_by_them() -> None:
    """F51: spoofed by an allowed sender: an API server takes an Event that claims to be of a node in a namespace."""
    ((one,), _) = read_texts([("a", written(hook(do="cordon", when={"kind": "Node"}, only={"kinds": ["Node"]})))])
    claimed = episode(object=ObjectRef(kind="Node", namespace="shop", name="worker-3"), relations={"node": "worker-3"})
    assert passed_over(one, claimed) == "nothing that it is about can be cordoned"
    real = claimed.model_copy(update={"object": ObjectRef(kind="Node", name="worker-3")})
    assert passed_over(one, real) == ""


def test_a_kind_that_leads_nowhere_is_passed_over() -> None:
    ((one,), _) = read_texts([("a", written(hook(when={"condition": "crash-loop"})))])
    claim = ObjectRef(kind="PersistentVolumeClaim", namespace="shop", name="data")
    assert passed_over(one, episode(object=claim)) == "nothing that it is about can be restarted"


@pytest.mark.parametrize(
    ("changes", "rights"),
    [
        (
            {"do": "evict", "only": {"kinds": ["Pod"], "namespaces": ["shop", "team-*"]}},
            ["get pods in the namespace shop", "create pods/eviction in the namespace shop"],
        ),
        ({"do": "cordon", "only": {"kinds": ["Node"]}}, ["get nodes", "patch nodes"]),
        (
            {"do": "patch", "only": None, "target": {**TARGET, "kind": "v1/Service"}, "patch": {"spec": {}}},
            ["get services in the namespace shop", "patch services in the namespace shop"],
        ),
        (
            {"do": "run-job", "only": None, "target": {**TARGET, "kind": "CronJob"}},
            ["get cronjobs.batch in the namespace shop", "create jobs.batch in the namespace shop"],
        ),
    ],
)
def test_a_hook_takes_these_rights(changes: dict[str, Any], rights: list[str]) -> None:
    ((one,), problems) = read_texts([("a", written(hook(**changes)))])
    assert problems == []
    assert list(map(str, rights_of(one))) == rights


def test_a_right_is_asked_for_by_its_parts() -> None:
    asked = review_of(Right("create", "pods/eviction", "shop"))["spec"]["resourceAttributes"]
    assert asked == {"verb": "create", "group": "", "resource": "pods", "subresource": "eviction", "namespace": "shop"}
    asked = review_of(Right("get", "jobs.batch", "shop"))["spec"]["resourceAttributes"]
    assert asked == {"verb": "get", "group": "batch", "resource": "jobs", "subresource": "", "namespace": "shop"}
    wide = "roles.rbac.authorization.k8s.io"
    assert review_of(Right("get", wide))["spec"]["resourceAttributes"]["group"] == "rbac.authorization.k8s.io"
