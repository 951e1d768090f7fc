"""The API server's audit policy (audit.k8s.io/v1 Policy): at which level it logs a request, and by which rule.

The first rule that matches decides; what none matches is not logged. A stage that the rule or the policy omits is not
told. `omitManagedFields` changes nothing about what can be seen.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.sources.context import mapping, text

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_LISTS = ("users", "userGroups", "verbs", "namespaces", "nonResourceURLs", "omitStages")
_MEMBERS = frozenset({"level", "resources", "omitManagedFields", *_LISTS})
_MOST_RULES = 10_000


class Request(NamedTuple):
    """What a policy goes by: a request for an object, or, with `path`, for a URL; `user` is None before any log-in."""

    verb: str
    user: str | None
    groups: tuple[str, ...] = ()
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def target(self) -> str:
        """Return what is asked for, as a policy writes it: `pods/exec`, or a path."""
        return self.path or "/".join(filter(None, (self.resource, self.subresource)))


class Resources(NamedTuple):
    """Resources of one API group; no resources are all of them, and so are no names."""

    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...]


class Rule(NamedTuple):
    """One rule; an empty list matches everything."""

    level: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    resources: tuple[Resources, ...] = ()


class Policy(NamedTuple):
    """Rules in their order, and stages that none of them logs."""

    rules: tuple[Rule, ...]
    omitted: tuple[str, ...] = ()


class Decision(NamedTuple):
    """What a policy does with a request; `rule` counts from 1, 0 where none matches."""

    level: str
    omitted: frozenset[str]
    rule: int


def decide(policy: Policy, request: Request) -> Decision:
    """Return the level of a request, the stages that are not told, and the rule that says so."""
    for number, rule in enumerate(policy.rules, start=1):
        if _matches(rule, request):
            return Decision(rule.level, frozenset((*policy.omitted, *rule.omitted)), number)
    return Decision("None", frozenset(policy.omitted), 0)


def _matches(rule: Rule, request: Request) -> bool:
    if rule.users and request.user not in rule.users:
        return False
    if rule.groups and not set(rule.groups) & set(request.groups):
        return False
    if rule.verbs and request.verb not in rule.verbs:
        return False
    if rule.namespaces or rule.resources:
        return not request.path and _matches_object(rule, request)
    return not rule.urls or (bool(request.path) and any(_is_path(request.path, url) for url in rule.urls))


def _matches_object(rule: Rule, request: Request) -> bool:
    if rule.namespaces and request.namespace not in rule.namespaces:
        return False
    return not rule.resources or any(_is_among(request, listed) for listed in rule.resources)


def _is_among(request: Request, listed: Resources) -> bool:
    if listed.group != request.group:
        return False  # `*` is no group: it matches nothing
    if not listed.resources:
        return True
    if listed.names and request.name not in listed.names:
        return False
    wanted = {request.target, "*", f"{request.resource}/*"}
    return bool(wanted & set(listed.resources)) or (
        bool(request.subresource) and f"*/{request.subresource}" in listed.resources
    )


def _is_path(path: str, pattern: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def read_policy(document: Any) -> Policy | tuple[str, ...]:
    """Return the policy of a parsed document, or what is wrong with it."""
    found = mapping(document)
    if found.get("kind") != "Policy" or not text(found.get("apiVersion")).startswith("audit.k8s.io/"):
        return ("this is no audit policy: it wants apiVersion: audit.k8s.io/v1 and kind: Policy",)
    rules = found.get("rules")
    if not isinstance(rules, list) or not rules or len(rules) > _MOST_RULES:
        return ("an audit policy has a list of rules",)
    problems: list[str] = []
    read = tuple(_rule(mapping(rule), f"rule {number}", problems) for number, rule in enumerate(rules, start=1))
    omitted = _words(found, "omitStages", "the policy", problems)
    _check_stages(omitted, "the policy", problems)
    return tuple(problems) or Policy(read, omitted)


def _rule(rule: Mapping[str, Any], where: str, problems: list[str]) -> Rule:
    level = rule.get("level")
    if level not in LEVELS:
        problems.append(f"{where}: the level is one of {', '.join(LEVELS)}")
    unknown = [str(key) for key in rule if key not in _MEMBERS]
    problems.extend(f"{where}: there is no {key[:80]!r} in a rule" for key in unknown)
    lists = {key: _words(rule, key, where, problems) for key in _LISTS}
    _check_stages(lists["omitStages"], where, problems)
    resources = rule.get("resources")
    if not isinstance(resources, list | None):
        problems.append(f"{where}: resources is a list")
    listed = tuple(
        Resources(
            text(mapping(item).get("group")),
            _words(mapping(item), "resources", where, problems),
            _words(mapping(item), "resourceNames", where, problems),
        )
        for item in (resources if isinstance(resources, list) else ())
    )
    return Rule(
        level=text(level),
        users=lists["users"],
        groups=lists["userGroups"],
        verbs=lists["verbs"],
        namespaces=lists["namespaces"],
        urls=lists["nonResourceURLs"],
        omitted=lists["omitStages"],
        resources=listed,
    )


def _words(rule: Mapping[str, Any], key: str, where: str, problems: list[str]) -> tuple[str, ...]:
    found = rule.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        problems.append(f"{where}: {key} is a list of texts")
        return ()
    return tuple(found)


def _check_stages(stages: tuple[str, ...], where: str, problems: list[str]) -> None:
    problems.extend(f"{where}: there is no stage {stage[:80]!r}" for stage in stages if stage not in STAGES)
