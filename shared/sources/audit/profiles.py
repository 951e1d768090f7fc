"""OpenShift's audit profiles as the policies that they stand for (config.openshift.io/v1 APIServer, `spec.audit`).

A profile is chosen by name; `customRules` choose another one for a group of users, the first match wins.
"""

from typing import Any

from shared.sources.audit.policy import Policy, Resources, Rule
from shared.sources.context import mapping, text

_EVERYBODY = ("system:authenticated", "system:unauthenticated")
_WRITES = ("update", "patch", "create", "delete", "deletecollection")
_TOKENS = (Resources("oauth.openshift.io", ("oauthaccesstokens", "oauthauthorizetokens"), ()),)
_ALWAYS = (
    Rule("None", groups=_EVERYBODY, urls=("/api*", "/version", "/healthz", "/readyz", "/livez")),
    Rule(
        "None",
        users=("system:apiserver",),
        namespaces=("",),
        resources=(Resources("apiserver.openshift.io", ("apirequestcounts", "apirequestcounts/*"), ()),),
    ),
)
# Who logs in and out is logged whole: bodies of tokens hold no token.
_LOGINS = (
    Rule(
        "RequestResponse",
        verbs=("create", "update", "patch"),
        resources=(Resources("user.openshift.io", ("identities",), ()),),
    ),
    Rule("RequestResponse", verbs=("create", "delete"), resources=_TOKENS),
)
_WITHOUT_BODY = Rule(
    "Metadata",
    resources=(
        Resources("route.openshift.io", ("routes", "routes/status"), ()),
        Resources("", ("secrets",), ()),
        Resources("oauth.openshift.io", ("oauthclients", "tokenreviews"), ()),
        Resources("authentication.k8s.io", ("tokenreviews", "tokenrequests"), ()),
    ),
)
_BY_PROFILE: dict[str, tuple[Rule, ...]] = {
    "Default": (*_LOGINS, Rule("Metadata")),
    "WriteRequestBodies": (*_LOGINS, _WITHOUT_BODY, Rule("RequestResponse", verbs=_WRITES), Rule("Metadata")),
    "AllRequestBodies": (*_LOGINS, _WITHOUT_BODY, Rule("RequestResponse")),
    "None": (Rule("None"),),
}
PROFILES: tuple[str, ...] = tuple(_BY_PROFILE)


def policy_of(profile: str, custom: tuple[tuple[str, str], ...] = ()) -> Policy:
    """Return the policy of a profile, with other profiles for groups. Raises KeyError for an unknown profile."""
    narrowed = [rule._replace(groups=(group,)) for group, name in custom for rule in _BY_PROFILE[name]]
    return Policy((*_ALWAYS, *narrowed, *_BY_PROFILE[profile]), ("RequestReceived",))


def read_profile(document: Any) -> Policy | tuple[str, ...]:
    """Return the policy that OpenShift's object `apiserver/cluster` asks for, or what is wrong with it."""
    audit = mapping(mapping(mapping(document).get("spec")).get("audit"))
    profile = text(audit.get("profile")) or "Default"
    rules = audit.get("customRules")
    custom = tuple(
        (text(mapping(rule).get("group")), text(mapping(rule).get("profile")))
        for rule in (rules if isinstance(rules, list) else ())
    )
    unknown = {name for name in (profile, *(name for _, name in custom)) if name not in _BY_PROFILE}
    if unknown:
        return tuple(f"there is no profile {name[:80]!r}: {', '.join(PROFILES)}" for name in sorted(unknown))
    # With the profile None nothing is logged, whatever the custom rules say.
    return policy_of(profile, () if profile == "None" else custom)
