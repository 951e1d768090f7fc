"""What a real API server 1.37 posted, run with docs/sources/audit-policy.yaml: judged, and logged, as we say it is."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from shared.events.vocabulary import severity_rank
from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import SHIPPED
from shared.sources.audit.policy import Policy, Request, decide, read_policy
from shared.sources.audit.visibility import SIGNALS
from tests.support.catalogue import places
from tests.support.servers import ROOT
from tests.support.signals import FOLDER, rows, seen

RECORDED: list[dict[str, Any]] = json.loads((FOLDER / "recorded-signals.json").read_text(encoding="utf-8"))
each_recorded = pytest.mark.parametrize("item", RECORDED, ids=[item["rule"] for item in RECORDED])


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules as their YAML stands."""
    return load([SHIPPED], own=False).ruleset


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the policy that the server ran with."""
    found = read_policy(yaml.safe_load((ROOT / "docs/sources/audit-policy.yaml").read_text(encoding="utf-8")))
    assert isinstance(found, Policy)
    return found


@each_recorded
def test_a_real_record_is_judged_by_the_rule_of_its_signal(item: dict[str, Any], ruleset: RuleSet) -> None:
    observation = seen(item["record"])
    assert observation is not None
    assert classify(observation, ruleset).rule == item["rule"]
    assert item["rule"] in SIGNALS[item["signal"]].rules


@each_recorded
def test_a_real_record_is_as_grave_as_the_reference_says(
    item: dict[str, Any], ruleset: RuleSet, shared_data: Path
) -> None:
    observation = seen(item["record"])
    assert observation is not None
    verdict = classify(observation, ruleset)
    for row in rows(shared_data):
        # An administrator who is impersonated is graver than the reference, which does not tell him from others.
        if row.signal == item["signal"] and verdict.rule != "audit-impersonated-admin":
            assert severity_rank(verdict.severity) == row.severity
            assert f"{verdict.category}/{verdict.subcategory}" in places(row.category, row.subcategory)


@each_recorded
def test_the_server_logged_it_at_the_level_that_the_self_check_expects(item: dict[str, Any], policy: Policy) -> None:
    record = item["record"]
    user, reference = record["user"], record.get("objectRef", {})
    known = record["responseStatus"]["code"] != 401
    request = Request(
        record["verb"],
        user["username"] if known else None,
        tuple(user.get("groups", ())),
        reference.get("apiGroup", ""),
        reference.get("resource", ""),
        reference.get("subresource", ""),
        reference.get("namespace", ""),
        reference.get("name", ""),
        "" if reference else urlsplit(record["requestURI"]).path,
    )
    decision = decide(policy, request)
    assert decision.level == record["level"]
    assert record["stage"] not in decision.omitted
