"""Which signals an audit policy lets through: the policy as the API server reads it, and what that means."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.sources.audit.policy import LEVELS, Policy, Request, decide, read_policy
from shared.sources.audit.profiles import PROFILES, policy_of, read_profile
from shared.sources.audit.visibility import SIGNALS, Visibility, visible
from tests.support.servers import ROOT

HEAD = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
ALICE = ("alice", ("developers", "system:authenticated"))


def policy(*rules: dict[str, Any], **more: Any) -> Policy:
    found = read_policy({**HEAD, "rules": list(rules), **more})
    assert isinstance(found, Policy), found
    return found


def under(found: Policy) -> dict[str, Visibility]:
    return {each.signal: each for each in visible(found)}


EXEC = Request("create", *ALICE, resource="pods", subresource="exec", namespace="shop", name="web-0")
READ = Request("get", *ALICE, resource="secrets", namespace="shop", name="db")
SCALE = Request(
    "patch", *ALICE, group="apps", resource="deployments", subresource="scale", namespace="shop", name="web"
)
NODE = Request("get", *ALICE, resource="nodes", name="worker-3")
HEALTH = Request("get", *ALICE, path="/healthz/etcd")
BEFORE = Request("get", None, path="/api")


@pytest.mark.parametrize(
    ("rule", "request_", "matches"),
    [
        ({}, EXEC, True),
        ({"users": ["alice"]}, EXEC, True),
        ({"users": ["bob"]}, EXEC, False),
        ({"users": ["alice"]}, BEFORE, False),
        ({"userGroups": ["developers"]}, EXEC, True),
        ({"userGroups": ["system:authenticated"]}, BEFORE, False),
        ({"verbs": ["create"]}, EXEC, True),
        ({"verbs": ["get"]}, EXEC, False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, EXEC, False),
        ({"resources": [{"group": "", "resources": ["pods/exec"]}]}, EXEC, True),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, EXEC, True),
        ({"resources": [{"group": "", "resources": ["*"]}]}, EXEC, True),
        ({"resources": [{"group": "*", "resources": ["*"]}]}, EXEC, False),
        ({"resources": [{"group": ""}]}, EXEC, True),
        ({"resources": [{"resources": ["secrets"]}]}, READ, True),
        ({"resources": [{"group": "", "resources": ["secrets"], "resourceNames": ["db"]}]}, READ, True),
        ({"resources": [{"group": "", "resources": ["secrets"], "resourceNames": ["other"]}]}, READ, False),
        ({"resources": [{"group": "apps", "resources": ["*/scale"]}]}, SCALE, True),
        ({"resources": [{"group": "apps", "resources": ["*/status"]}]}, SCALE, False),
        ({"namespaces": ["shop"]}, EXEC, True),
        ({"namespaces": [""]}, NODE, True),
        ({"namespaces": [""]}, EXEC, False),
        ({"namespaces": [""]}, HEALTH, False),
        ({"resources": [{"group": ""}]}, HEALTH, False),
        ({"nonResourceURLs": ["/healthz*"]}, HEALTH, True),
        ({"nonResourceURLs": ["/healthz"]}, HEALTH, False),
        ({"nonResourceURLs": ["*"]}, BEFORE, True),
        ({"nonResourceURLs": ["*"]}, EXEC, False),
    ],
)
def test_a_rule_matches_as_in_the_api_server(rule: dict[str, Any], request_: Request, *, matches: bool) -> None:
    assert (decide(policy({"level": "Metadata", **rule}), request_).rule == 1) is matches


def test_the_first_match_decides_and_stages_are_omitted_by_both() -> None:
    found = policy(
        {"level": "None", "verbs": ["watch"]},
        {"level": "Request", "verbs": ["create"], "omitStages": ["ResponseStarted"]},
        {"level": "Metadata", "verbs": ["create"]},
        omitStages=["RequestReceived"],
    )
    decision = decide(found, EXEC)
    assert (decision.level, decision.rule) == ("Request", 2)
    assert decision.omitted == {"RequestReceived", "ResponseStarted"}
    assert decide(found, READ) == ("None", frozenset({"RequestReceived"}), 0)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "this is no audit policy"),
        ({**HEAD, "kind": "APIServer"}, "this is no audit policy"),
        ({**HEAD}, "a list of rules"),
        ({**HEAD, "rules": []}, "a list of rules"),
        ({**HEAD, "rules": [{"level": "Everything"}]}, "rule 1: the level is one of None, Metadata"),
        ({**HEAD, "rules": [{"level": None}]}, "rule 1: the level is one of None, Metadata"),
        ({**HEAD, "rules": [{"level": "None", "verb": ["get"]}]}, "rule 1: there is no 'verb' in a rule"),
        ({**HEAD, "rules": [{"level": "None", "verbs": "get"}]}, "rule 1: verbs is a list of texts"),
        ({**HEAD, "rules": [{"level": "None", "resources": "pods"}]}, "rule 1: resources is a list"),
        ({**HEAD, "rules": [{"level": "None", "omitStages": ["Done"]}]}, "rule 1: there is no stage 'Done'"),
        ({**HEAD, "rules": [{"level": "None"}], "omitStages": ["Done"]}, "the policy: there is no stage 'Done'"),
    ],
)
def test_what_is_no_policy_is_told(document: Any, problem: str) -> None:
    found = read_policy(document)
    assert not isinstance(found, Policy)
    assert any(problem in each for each in found), found


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(LEVELS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["level", "verbs", "resources", "group", "users", "omitStages"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(_json, _json)
def test_reading_is_total(rules: Any, stages: Any) -> None:
    found = read_policy({**HEAD, "rules": [rules], "omitStages": stages})
    if isinstance(found, Policy):
        assert len(visible(found)) == len(SIGNALS)
    read_profile({"spec": {"audit": {"profile": stages, "customRules": rules}}})


def test_everything_at_request_response_shows_every_signal() -> None:
    assert {each.seen for each in visible(policy({"level": "RequestResponse"}))} == {"yes"}


def test_no_level_shows_none_and_says_which_rule() -> None:
    found = under(policy({"level": "None"}))
    assert {each.seen for each in found.values()} == {"never"}
    assert found["secret_read"].why.startswith("not logged (rule 1: None): alice get secrets, ")
    nothing = under(policy({"level": "Metadata", "users": ["bob"]}))
    assert "no rule matches it" in nothing["node_deleted"].why


def test_metadata_shows_all_but_what_only_a_body_tells() -> None:
    found = under(policy({"level": "Metadata"}))
    without = {name for name, each in found.items() if each.seen == "without details"}
    assert without == {name for name, signal in SIGNALS.items() if signal.level == "Request"}
    assert "cluster_admin_bound" in without
    assert {each.seen for name, each in found.items() if name not in without} == {"yes"}


def test_a_policy_that_hides_some_who_show_a_signal_shows_it_in_part() -> None:
    found = under(policy({"level": "None", "userGroups": ["system:serviceaccounts"]}, {"level": "Request"}))
    assert found["secret_read"].seen == "in part"
    assert "system:serviceaccount:shop:web get secrets" in found["secret_read"].why
    assert "alice" not in found["secret_read"].why
    assert found["pod_exec_attach"].seen == "yes"


def test_a_session_is_seen_at_either_stage_and_an_answer_only_at_its_end() -> None:
    found = under(policy({"level": "RequestResponse", "omitStages": ["ResponseComplete"]}))
    assert found["pod_exec_attach"].seen == "yes"
    assert found["pod_exec_attach"].why == "rule 1: RequestResponse without ResponseComplete"
    assert found["server_error"].seen == "yes"
    assert found["secret_read"].seen == "never"


# --- OpenShift's profiles ---


def test_the_profiles_of_openshift_show_what_their_names_say() -> None:
    shown = {name: under(policy_of(name)) for name in PROFILES}
    assert set(PROFILES) == {"Default", "WriteRequestBodies", "AllRequestBodies", "None"}
    assert {each.seen for each in shown["None"].values()} == {"never"}
    assert {each.seen for each in shown["WriteRequestBodies"].values()} == {"yes"}
    assert {each.seen for each in shown["AllRequestBodies"].values()} == {"yes"}
    bodies = {name for name, signal in SIGNALS.items() if signal.level == "Request"}
    assert {name for name, each in shown["Default"].items() if each.seen != "yes"} == bodies


def test_secrets_are_logged_without_body_by_every_profile() -> None:
    levels = {decide(policy_of(name), READ._replace(verb="update")).level for name in PROFILES if name != "None"}
    assert levels == {"Metadata"}


def test_a_custom_rule_gives_a_group_another_profile() -> None:
    audit = {"profile": "None", "customRules": [{"group": "system:authenticated", "profile": "Default"}]}
    assert {each.seen for each in visible(_profile(audit))} == {"never"}, "with the profile None nothing is logged"
    found = {each.signal: each for each in visible(_profile({**audit, "profile": "WriteRequestBodies"}))}
    assert found["csr_denied"].seen == "without details"
    assert _profile({}) == policy_of("Default")


def _profile(audit: dict[str, Any]) -> Policy:
    found = read_profile({"kind": "APIServer", "spec": {"audit": audit}})
    assert isinstance(found, Policy)
    return found


def test_an_unknown_profile_is_told() -> None:
    found = read_profile({"spec": {"audit": {"profile": "Loud", "customRules": [{"group": "x", "profile": "Quiet"}]}}})
    assert found == tuple(f"there is no profile {name!r}: {', '.join(PROFILES)}" for name in ("Loud", "Quiet"))


# --- what we recommend ---


def test_under_the_recommended_policy_every_signal_can_be_seen() -> None:
    document = yaml.safe_load((ROOT / "docs/sources/audit-policy.yaml").read_text(encoding="utf-8"))
    found = read_policy(document)
    assert isinstance(found, Policy), found
    assert [each for each in visible(found) if each.seen != "yes"] == []
    assert decide(found, READ._replace(verb="create")).level == "Metadata", "no body of a Secret is logged"
    lease = Request("update", "system:node:worker-3", ("system:nodes",), "coordination.k8s.io", "leases")
    assert decide(found, lease).level == "None"
