"""What a Pod reaches and who reaches it, by all NetworkPolicies that select it together."""

from collections.abc import Callable

import pytest

from tests.support.kustomize import Manifest, of_kind, one
from tests.support.policies import ports, rules

Render = Callable[..., list[Manifest]]
NAMES = {53, 5353}  # of the cluster's DNS
JOBS = {
    "archive-export": {443, 4222},
    "archive-seal": {443},
    "publish-events-splunk": {443, 8088, 4222},
}


def labels(items: list[Manifest], kind: str, name: str) -> dict[str, str]:
    spec = one(items, kind, name)["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, str] = spec["template"]["metadata"]["labels"]
    return found


@pytest.mark.parametrize("name", JOBS)
def test_a_job_reaches_what_its_own_policy_names_and_nobody_reaches_it(name: str, render: Render) -> None:
    """With the component `oidc`, whose policy is for all functions."""
    items = render("archive", "archive-export", "splunk-cronjob", "oidc")
    pod = labels(items, "CronJob", name)
    assert ports(items, pod) == NAMES | JOBS[name]
    assert rules(items, pod, "Ingress") == []


def test_every_job_that_there_is_was_looked_at(render: Render) -> None:
    items = render("archive", "archive-export", "splunk-cronjob", "oidc")
    assert {item["metadata"]["name"] for item in of_kind(items, "CronJob")} == JOBS.keys()
