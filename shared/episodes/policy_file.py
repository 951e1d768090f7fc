"""Reading policy files: every mistake of every file at once, each with its line; nothing of a wrong file is used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.episodes.policy_forms import AT, FILE, LISTS, Form
from shared.episodes.spans import moment
from shared.events.nodes import Nodes, composed
from shared.events.problem import Problem
from shared.settings.folder import yaml_files

Content = dict[str, Any]
"""What a file says, in plain form: see `shared.episodes.policy_forms`."""


def read(path: Path, name: str = "") -> list[Content] | list[Problem]:
    """Read a policy file, or those of a folder at any depth in the order of their paths; `name` stands in messages."""
    texts, problems = texts_of(path, name)
    found = read_texts(texts)
    wrong = [*problems, *(one for one in found if isinstance(one, Problem))]
    return sorted(wrong) if wrong else [one for one in found if not isinstance(one, Problem)]


def texts_of(path: Path, name: str = "") -> tuple[list[tuple[str, str]], list[Problem]]:
    """Return name and text of a file, or of those of a folder at any depth, and what cannot be read of them."""
    problems: list[Problem] = []

    def refused(what: Path, error: OSError | UnicodeDecodeError) -> None:
        why = getattr(error, "strerror", None) or type(error).__name__
        problems.append(Problem(str(what), 0, f"cannot be read ({why})", "check the path and the permissions"))

    texts: list[tuple[str, str]] = []
    for file in yaml_files(path, refused):
        try:
            texts.append((name or str(file), file.read_text(encoding="utf-8-sig")))
        except (OSError, UnicodeDecodeError) as error:
            refused(file, error)
    return texts, problems


def read_texts(texts: Iterable[tuple[str, str]]) -> list[Content] | list[Problem]:
    """Read files that are in force together, told by name and text."""
    contents, problems = looked_at(texts)
    return problems or contents


def looked_at(texts: Iterable[tuple[str, str]]) -> tuple[list[Content], list[Problem]]:
    """Return what files say that are in force together, as far as it can be read, and all that is wrong with them."""
    contents, problems = contents_of(texts, FILE)
    problems += (problem for content in contents for problem in _meaning(content))
    problems += (problem for part in LISTS for problem in named_twice(contents, part))
    problems += _defaults_twice(contents)
    return contents, sorted(set(problems))


def contents_of(texts: Iterable[tuple[str, str]], form: Form) -> tuple[list[Content], list[Problem]]:
    """Return what files of one form say, as far as it can be read, and what cannot."""
    contents: list[Content] = []
    problems: list[Problem] = []
    for file, text in texts:
        root = composed(text, file)
        if isinstance(root, list):
            problems += root
            continue
        nodes = Nodes(file)
        if root is None:
            nodes.problem(None, "there is nothing in this file", f"begin with one of: {', '.join(form.members)}")
        else:
            contents.append(form.read(nodes, root))
        problems += nodes.problems
    return contents, problems


def _meaning(content: Content) -> Iterator[Problem]:
    """Find what no single member shows: what does not go together."""
    for item in (*([content["defaults"]] if "defaults" in content else []), *content.get("routes", ())):
        for message, suggestion in _of_policy(item):
            yield problem_at(item, message, suggestion)
    for item in content.get("maintenance", ()):
        for message, suggestion in _of_window(item):
            yield problem_at(item, message, suggestion)
    for item in content.get("silences", ()):
        if item.get("until") and moment(item["until"], item.get("timezone", "UTC")) is None:
            yield problem_at(item, *_no_time("until", item["until"]))


def _of_policy(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    after = item.get("open_after", {})
    if after.get("within") and "count" not in after:
        yield "`open_after` has `within` and no `count`", "add how many there must be, or use `lasting`"
    for one in item.get("escalate", ()):
        if not one.keys() & {"after", "count", "affected"}:
            yield "an escalation does not say when", "add `after`, `count` or `affected`"


def _of_window(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    timezone = item.get("timezone", "UTC")
    once = item.keys() & {"from", "to"}
    again = item.keys() & {"schedule", "duration"}
    if bool(once) == bool(again):
        yield "a maintenance window is either on a schedule or once", "write schedule and duration, or from and to"
        return
    for name in ("from", "to") if once else ("schedule", "duration"):
        if name not in item:
            yield f"a maintenance window needs `{name}`", f"add `{name}:` to it"
    if again and item.get("duration") == 0:
        yield "a maintenance window has no duration", "write how long it is, as 2h"
    times = {name: moment(item[name], timezone) for name in ("from", "to") if item.get(name)}
    for name, time in times.items():
        if time is None:
            yield _no_time(name, item[name])
    begin, end = times.get("from"), times.get("to")
    if begin is not None and end is not None and end <= begin:
        yield "a maintenance window ends before it begins", "let `to` be later than `from`"


def _no_time(name: str, written: str) -> tuple[str, str]:
    hint = "write an RFC 3339 time as 2026-12-24T18:00:00Z, or a local one with `timezone`, as 2026-12-24 18:00"
    return f"`{name}`: `{written[:40]}` is no time", hint


def problem_at(item: Mapping[str, Any], message: str, suggestion: str) -> Problem:
    """Return a problem at the place of a read item."""
    file, line = item[AT]
    return Problem(file, line, message, suggestion)


def named_twice(contents: Sequence[Content], part: str) -> Iterator[Problem]:
    """Find names that are there twice in the lists of one name."""
    first: dict[str, Mapping[str, Any]] = {}
    for item in (item for content in contents for item in content.get(part, ()) if item.get("name")):
        other = first.setdefault(item["name"], item)
        if other is not item:
            file, line = other[AT]
            message = f"there are two of the name `{item['name']}` in `{part}`"
            yield problem_at(item, message, f"give it another; the first is at {file}:{line}")


def _defaults_twice(contents: Sequence[Content]) -> Iterator[Problem]:
    """Find members of `defaults` that two files set."""
    having = [content["defaults"] for content in contents if "defaults" in content]
    for later in having[1:]:
        yield problem_at(later, "two files have `defaults`", f"keep those of {having[0][AT][0]}")
