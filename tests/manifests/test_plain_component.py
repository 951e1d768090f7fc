"""The component `plain`: what its `watch` may read is what it is told to watch."""

from collections.abc import Callable

from shared.cluster.kinds import parse_kind
from shared.sources.resources import plural
from tests.support.kustomize import Manifest, of_kind, one


def granted(items: list[Manifest], account: str) -> set[tuple[str, str, str]]:
    """Return the group, resource and verb of everything that an account may do, anywhere."""
    assert not of_kind(items, "RoleBinding")
    bound = [
        binding["roleRef"]["name"]
        for binding in of_kind(items, "ClusterRoleBinding")
        if account in {subject["name"] for subject in binding["subjects"]}
    ]
    return {
        (group, resource, verb)
        for name in bound
        for rule in one(items, "ClusterRole", name)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_watch_may_read_what_it_watches_and_nothing_else(render: Callable[..., list[Manifest]]) -> None:
    items = render("plain")
    pod = one(items, "Deployment", "watch")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value", "") for each in container["env"]}
    kinds = [parse_kind(text) for text in environment["WATCH_KINDS"].split(",")]
    wanted = {(kind.api_version.rpartition("/")[0], plural(kind.name)) for kind in kinds}
    one(items, "ServiceAccount", pod["serviceAccountName"])
    assert granted(items, pod["serviceAccountName"]) == {
        (group, resource, verb) for group, resource in wanted for verb in ("get", "list", "watch")
    }


def test_no_account_is_there_that_nobody_runs_under(render: Callable[..., list[Manifest]]) -> None:
    """The base has one with rights over 28 kinds, for `reconcile`, which is not here."""
    items = render("plain")
    running = {
        item["spec"]["template"]["spec"].get("serviceAccountName")
        for item in items
        if "template" in item.get("spec", {})
    }
    assert {item["metadata"]["name"] for item in of_kind(items, "ServiceAccount")} <= running
    bound = {subject["name"] for item in of_kind(items, "ClusterRoleBinding") for subject in item["subjects"]}
    assert bound == {one(items, "Deployment", "watch")["spec"]["template"]["spec"]["serviceAccountName"]}
