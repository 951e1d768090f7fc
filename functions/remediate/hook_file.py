"""Reading files of hooks: every mistake of every file at once, each with its line; nothing of a wrong file is used."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from functions.remediate.hook import (
    ACTS_ON,
    ANY,
    KNOWN,
    NODE,
    Circuit,
    Globs,
    Hook,
    Limit,
    Only,
    Scale,
    Thing,
)
from functions.remediate.hook_forms import FILE, PART
from shared.cluster.kinds import Kind
from shared.episodes.policy_content import match_of
from shared.episodes.policy_file import contents_of, named_twice, problem_at, texts_of
from shared.episodes.policy_forms import WRONG
from shared.events.problem import Problem, ProblemsError

Item = Mapping[str, Any]
Wrong = Iterator[tuple[str, str]]
_HOUR: Final = 3_600.0
_SHORTEST: Final = 60.0
_LONGEST: Final = 7 * 86_400.0
_NEVER: Final = (
    *("rbac.authorization.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"),
    *("certificates.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "policy", "apiregistration.k8s.io"),
    *("authorization.openshift.io", "oauth.openshift.io", "security.openshift.io", "user.openshift.io"),
)
"""API groups by which somebody would get rights, or others lose their protection."""
_CORE: Final = ("Secret", "ServiceAccount", "Namespace")
"""The same of the core group; a namespace's labels say what pods in it may do (Pod Security Admission)."""
_PATCHED: Final = ("annotations", "labels")


class HooksError(ProblemsError):
    """Hooks that cannot be put in force."""


def load_hooks(path: Path | None) -> tuple[Hook, ...]:
    """Return the hooks of a file, or of a folder's files in the order of their paths. Raises HooksError."""
    if path is None:
        return ()
    texts, problems = texts_of(path)
    hooks, wrong = read_texts(texts)
    if problems or wrong:
        raise HooksError(sorted([*problems, *wrong]))
    return hooks


def read_texts(texts: Iterable[tuple[str, str]]) -> tuple[tuple[Hook, ...], list[Problem]]:
    """Return the hooks of files that are in force together, told by name and text, and all that is wrong with them."""
    items, problems = looked_at(texts)
    return (() if problems else tuple(map(_hook, items))), problems


def looked_at(texts: Iterable[tuple[str, str]]) -> tuple[list[Item], list[Problem]]:
    """Return what such files say of hooks that are not switched off, as far as it is sound, and all that is wrong."""
    contents, problems = contents_of(texts, FILE)
    items = [item for content in contents for item in content.get(PART, ())]
    sound = [item for item in items if WRONG not in item and item.get("enabled", True)]
    problems += (problem_at(item, *wrong) for item in sound for wrong in _meaning(item))
    problems += named_twice(contents, PART)
    return sound, sorted(set(problems))


def _meaning(item: Item) -> Wrong:
    """Find what no single member shows: what does not go together, and what may never be."""
    if not item["when"]:
        yield "`when` asks for nothing: every problem would do it", "name a condition, as {condition: crash-loop}"
    yield from _of_times(item)
    yield from _of_thing(item)
    yield from _of_scale(item)
    yield from _of_patch(item)


def _of_times(item: Item) -> Wrong:
    if item.get("after", 0.0) > _HOUR:
        yield "`after` is longer than 1h", "the broker keeps the event so long: write at most 1h"
    if item.get("after") and item.get("while") == "resolved":
        yield "`after` asks how long it lasts, `while: resolved` that it is over", "leave one of them out"
    if not _SHORTEST <= item.get("cooldown", _HOUR) <= _LONGEST:
        yield "`cooldown` is from 1m to 7d", "write how long a thing is left alone, as 1h"
    for name in ("limit", "circuit"):
        if not _SHORTEST <= item.get(name, {}).get("within", _HOUR) <= _LONGEST:
            yield f"`within` of `{name}` is from 1m to 7d", "write a time, as 1h"


def _of_thing(item: Item) -> Wrong:
    if ("only" in item) == ("target" in item):
        yield (
            "a hook has either `only` or `target`",
            "name kinds and namespaces by `only`, or the one thing by `target`",
        )
        return
    kinds = ACTS_ON[item["do"]]
    names = [kind.name for kind in kinds]
    if "target" in item:
        yield from _of_target(item["do"], item["target"], kinds)
        return
    only = item["only"]
    if not kinds:
        yield "a patch names its one thing", "write `target` with kind, namespace and name instead of `only`"
    elif foreign := [name for name in only["kinds"] if name not in names]:
        yield f"`{item['do']}` is nothing for a {foreign[0]}", f"use some of: {', '.join(names)}"
    if kinds == (NODE,):
        if "namespaces" in only:
            yield "a node is in no namespace", "leave `namespaces` out, or allow some by `names`"
    elif kinds and "namespaces" not in only:
        yield "`only` names no namespaces", 'write which, as [shop]; "*" is all but those of the cluster itself'


def _of_target(do: str, target: Item, kinds: tuple[Kind, ...]) -> Wrong:
    kind: Kind = target["kind"]
    if kinds and kind not in kinds:
        yield f"`{do}` is nothing for a {kind.name}", f"use one of: {', '.join(one.name for one in kinds)}"
    if kind.api_version.rpartition("/")[0] in _NEVER or (kind.api_version == "v1" and kind.name in _CORE):
        yield f"a {kind.name} is never patched: it gives rights or holds secrets", "let people do that"
    if kind in KNOWN.values() and (kind == NODE) == ("namespace" in target):
        yield f"a {kind.name} is in {'no' if kind == NODE else 'a'} namespace", "see to `namespace` of `target`"


def _of_scale(item: Item) -> Wrong:
    if (item["do"] == "scale") != ("scale" in item):
        yield "`do: scale` and `scale` go together", "write scale: {to: 3}, or {by: 1, up_to: 10}"
        return
    scale = item.get("scale", {"to": 0})
    if ("to" in scale) == bool(scale.keys() & {"by", "up_to"}) or ("by" in scale) != ("up_to" in scale):
        yield "`scale` says either `to`, or `by` and `up_to`", "write {to: 3}, or {by: 1, up_to: 10}"


def _of_patch(item: Item) -> Wrong:
    if (item["do"] == "patch") != ("patch" in item):
        yield "`do: patch` and `patch` go together", "write the members that shall be changed"
        return
    patch = item.get("patch", {"spec": {}})
    if not patch:
        yield "`patch` changes nothing", "write the members that shall be changed"
    for name in sorted(patch.keys() & {"apiVersion", "kind", "status"}):
        yield f"`{name}` is nothing that a patch may change", "leave it out"
    metadata = patch.get("metadata", {})
    if not isinstance(metadata, dict) or set(metadata) - set(_PATCHED):
        yield "of `metadata` a patch may change labels and annotations", "leave the rest out"


def _hook(item: Item) -> Hook:
    only, target = item.get("only"), item.get("target")
    said: dict[str, Any] = {
        name: item[name]
        for name in ("name", "do", "why", "after", "cooldown", "max_per_episode", "dry_run", "patch")
        if name in item
    }
    return Hook(
        when=match_of(item["when"]),
        state=item.get("while", "open"),
        only=None
        if only is None
        else Only(frozenset(only["kinds"]), _globs(only, "namespaces"), _globs(only, "names")),
        target=None if target is None else Thing(target["kind"], target.get("namespace", ""), target["name"]),
        limit=Limit(**item.get("limit", {})),
        circuit=Circuit(**item.get("circuit", {})),
        scale=Scale(**item["scale"]) if "scale" in item else None,
        **said,
    )


def _globs(only: Item, name: str) -> Globs:
    if name not in only:
        return ANY
    texts, globs = only[name]
    return Globs(frozenset(texts), globs)
