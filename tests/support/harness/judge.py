"""The judge: compares what arrived with what was accepted, and with what an undisturbed run made of the same stream.

Pure: it gets values and returns what is wrong in words; nothing wrong is an empty list.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.harness.workload import SECRET, Problem

Ticket = Mapping[str, str]
_CANCELLED = "8"
_SHOWN = 5
# What depends on when and how often something was sent, or is drawn at random by the instance. The state is judged by
# itself; the rest must be equal.
_OF_SENDING = frozenset(
    {"state", "sys_id", "number", "correlation_id", "correlation_display", "sys_mod_count", "work_notes", "comments"}
    | {f"{what}_at" for what in ("opened", "resolved", "closed", "activity_due", "work_start", "work_end")}
    | {"sys_created_on", "sys_updated_on", "calendar_duration", "business_duration", "time_worked", "calendar_stc"}
)
# An incident shows how things stood when it was opened and when it was resolved. Of a problem that was told of several
# times that may be any of them: their order of arrival decides, and may differ.
_MOVING = re.compile(
    r"^(First seen|Last seen|Occurrences):.*$|after [^,]*, \d+ occurrences|First seen \S+,", re.MULTILINE
)
# What was told of its turns, and the latest messages, stand there as of the last time that the description was written:
# by whoever remembers that he wrote it (docs/how-it-fails.md), so after lost claims that is earlier.
_TOLD = re.compile(r"\n\n(?:Timeline|Last messages):(?:\n- .*)+")


@dataclass(frozen=True, slots=True)
class Record:
    """What the judge needs of one SIEM record: whose it is, a digest of all that it says, whether a secret is in it."""

    identity: str
    content: str
    leaked: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is there when all is over: SIEM records, incidents as they are stored, the number of dead letters."""

    records: Sequence[Record]
    tickets: Sequence[Ticket]
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Expected:
    """What should be there. `payloads` by identity and `fields` by problem key are of the undisturbed run.

    Where there are payloads, they are to be of all that was posted: what has none cannot be compared, and is told.
    """

    accepted: Collection[str]
    posted: Collection[str]
    problems: Sequence[Problem]
    payloads: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def judge(expected: Expected, arrived: Arrived) -> list[str]:
    """Return everything that is wrong, each kind of fault in one sentence with some examples."""
    letters = [f"{arrived.letters} dead letters"] if arrived.letters else []
    return [*letters, *judge_records(expected, arrived.records), *judge_tickets(expected, arrived.tickets)]


def judge_records(expected: Expected, records: Sequence[Record]) -> list[str]:
    """Return what is wrong in the SIEM: every accepted event is there, nothing else, and all copies are equal."""
    seen = {record.identity for record in records}
    payloads = expected.payloads
    changed = {one.identity for one in records if payloads.get(one.identity, one.content) != one.content}
    alone = (seen & set(expected.posted)) - payloads.keys() if payloads else set()
    return [
        *_told("accepted and not arrived", set(expected.accepted) - seen),
        *_told("arrived and never posted", seen - set(expected.posted)),
        *_told("arrived with another payload", changed),
        *_told("arrived and not in the undisturbed run", alone),
        *_told("arrived with a secret", {record.identity for record in records if record.leaked}),
    ]


def judge_tickets(expected: Expected, tickets: Sequence[Ticket]) -> list[str]:
    """Return what is wrong with the incidents: one for each problem, in its state, with the fields it should have."""
    known = {problem.key: problem for problem in expected.problems}
    by_key: dict[str, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        by_key[problem_of(ticket)].append(ticket)
    standing = {key: [one for one in by_key.get(key, ()) if one["state"] != _CANCELLED] for key in known}
    one = {key: found[0] for key, found in standing.items() if len(found) == 1}
    unlinked = {
        ticket["number"]
        for ticket in tickets
        if ticket["state"] == _CANCELLED and not ticket["correlation_display"].endswith(":v")
    }
    return [
        *_told(
            "problems without an incident",
            (key for key, found in standing.items() if not found and not known[key].brief),
        ),
        *_told("problems with several incidents", (key for key, found in standing.items() if len(found) > 1)),
        *_told("incidents of no problem", by_key.keys() - known.keys()),
        *_told(
            "incidents in a wrong state", (key for key, item in one.items() if item["state"] not in known[key].states)
        ),
        *_told("incidents that we did not cancel", unlinked),
        *_told(
            "incidents with other fields", (key for key, item in one.items() if _differ(expected, known[key], item))
        ),
    ]


def read(stored: Mapping[str, Any]) -> Record:
    """Return a record as the SIEM has stored it; its place in the index says nothing."""
    body = json.dumps({**stored, "seq": 0}, sort_keys=True).encode()
    return Record(str(stored["event"]["event_id"]), hashlib.sha256(body).hexdigest(), SECRET.encode() in body)


def problem_of(ticket: Ticket) -> str:
    """Return the problem key of an incident: its episode's id without the start."""
    return ticket["correlation_id"].rpartition("-")[0]


def fields_of(ticket: Ticket, *, once: bool) -> dict[str, str]:
    """Return the fields of an incident that must be equal in every run."""
    kept = {name: _TOLD.sub("", value) for name, value in ticket.items() if name not in _OF_SENDING}
    if once:
        return kept
    return {name: _MOVING.sub("", value) for name, value in kept.items()}


def fields_by_key(problems: Iterable[Problem], tickets: Iterable[Ticket]) -> dict[str, dict[str, str]]:
    """Return the fields of the incidents of an undisturbed run by problem key."""
    once = {problem.key: problem.once for problem in problems}
    return {key: fields_of(one, once=once[key]) for one in tickets if (key := problem_of(one)) in once}


def repeats(records: Sequence[Record]) -> int:
    """Return how many SIEM records are copies of an earlier one."""
    return len(records) - len({record.identity for record in records})


def cancelled(tickets: Iterable[Ticket]) -> int:
    """Return how many incidents were opened second and cancelled by us."""
    return sum(ticket["state"] == _CANCELLED for ticket in tickets)


def _differ(expected: Expected, problem: Problem, ticket: Ticket) -> bool:
    if problem.key not in expected.fields:
        return False  # of a brief problem the undisturbed run may have seen the end first
    return expected.fields[problem.key] != fields_of(ticket, once=problem.once)


def _told(what: str, found: Iterable[str]) -> list[str]:
    names = sorted(found)
    return [f"{len(names)} {what}: {', '.join(names[:_SHOWN])}"] if names else []
