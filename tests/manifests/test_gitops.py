"""The component `gitops`: the order in which Argo CD applies things, and what tells it of an overlay."""

from collections.abc import Callable

import jsonschema

from tests.conftest import ROOT
from tests.manifests.test_knative_manifests import documents
from tests.support.kustomize import Manifest

KNATIVE = ROOT / "knative"


def waves(items: list[Manifest]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for item in items:
        wave = item["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "missing")
        kind = "Function" if item["apiVersion"] == "serving.knative.dev/v1" else item["kind"]
        found.setdefault(kind, set()).add(int(wave) if wave != "missing" else 99)
    return found


def test_with_gitops_nothing_flows_before_there_is_somebody_to_take_it(render: Callable[..., list[Manifest]]) -> None:
    found = waves(render("archive", "watch", "kubewatch", "installation", "gitops"))
    found |= waves(render("installation", "gitops"))
    order = ["Namespace", "ServiceAccount", "StatefulSet", "Function", "Trigger", "ApiServerSource"]
    assert [min(found[kind]) for kind in order] == sorted({min(found[kind]) for kind in order})
    assert found["PingSource"] == found["ApiServerSource"]
    assert max(found["Broker"]) < min(found["Trigger"])
    assert found["Service"] == found["StatefulSet"] != found["Function"], "NATS's servers find each other by a Service"
    assert [kind for kind, numbers in found.items() if 99 in numbers] == [], "each kind has its wave"


APPLICATION = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "argoproj.io/v1alpha1"},
        "kind": {"const": "Application"},
        "metadata": {"required": ["name", "namespace"]},
        "spec": {
            "additionalProperties": False,
            "required": ["project", "source", "destination"],
            "properties": {
                "project": {"type": "string"},
                "source": {
                    "required": ["repoURL", "targetRevision", "path"],
                    "additionalProperties": {"type": "string"},
                },
                "destination": {"required": ["server", "namespace"]},
                "syncPolicy": {"properties": {"syncOptions": {"items": {"pattern": "^[A-Za-z]+=(true|false)$"}}}},
            },
        },
    },
}


def test_the_application_names_an_overlay_that_exists() -> None:
    (item,) = documents(KNATIVE / "components" / "gitops" / "application.yaml")
    jsonschema.validate(item, APPLICATION)
    assert (ROOT / item["spec"]["source"]["path"] / "kustomization.yaml").is_file()
    assert "ServerSideApply=true" in item["spec"]["syncPolicy"]["syncOptions"]


def test_argo_cd_compares_as_knatives_webhooks_would_have_it() -> None:
    """Containers of a Knative Service are an atomic list: whoever writes a field of one owns all of them."""
    (item,) = documents(KNATIVE / "components" / "gitops" / "application.yaml")
    options = item["metadata"]["annotations"]["argocd.argoproj.io/compare-options"].split(",")
    assert set(options) == {"ServerSideDiff=true", "IncludeMutationWebhook=true"}
