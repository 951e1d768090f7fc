"""`tidings explain --follow`: prints decisions as they are made, and at the end what became of all."""

import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from shared.cli.configured import effective
from shared.cli.daily import Daily
from shared.cli.explained import previewers
from shared.cli.explaining import rules_of, topology_of
from shared.cli.following import Following, Line
from shared.cli.inputs import Unreadable
from shared.cli.output import Output, complain, print_document, print_line, show, width
from shared.cli.output import lines as lines_of
from shared.cli.payloads import Result, read
from shared.cli.table import beside
from shared.episodes.policy_shipped import load_policies
from shared.episodes.relations import OF_GROUP
from shared.events.model import path_of
from shared.events.times import to_text
from shared.events.words import counted
from shared.local.recorded.player import FeedError
from shared.runtime.registry import components
from shared.settings.environment import SettingsError

_WIDTHS = (14, 9, 52)
_COLUMNS = ("time (UTC)", "what", "object", "why")
_COLOURS = {"opened": "red", "reopened": "red", "escalated": "red", "flapping": "yellow", "closed": "green"}
_IN_WORDS = {
    "held: waits": "held for their group, or for a cause",
    "held: too few": "held, too few so far",
    "held: too short": "held, too short so far",
    "held: rule": "held, their rules open no ticket",
    "held: known": "held, there before first contact",
    "held: not outlived": "held, they did not outlive what took them in",
}
_SAID = 20  # different reasons for which something is no observation
_OFTEN = 100  # observations between two words of how far it is


def run(
    path: Path | None, *, cluster: str, rules: Path | None, policy: Path | None, knative: Path, output: Output
) -> bool:
    """Play and print; return whether there was any observation. Raises OSError, ProblemsError, SettingsError."""
    environ = effective()
    named = environ.get("CORRELATOR_POLICY")
    topology = topology_of(knative, components(environ))
    if isinstance(topology, str):
        complain(f"{topology}; until then each destination is told of what it is there for")
    daily = Daily(previewers(), topology)
    policies = load_policies(policy or (Path(named) if named else None))
    following = Following(environ, rules_of(rules, environ), policies, daily)
    found = read(path, sys.stdin.buffer, cluster or environ.get("CLUSTER", ""), datetime.now(UTC), by_time=True)
    try:
        _print(following, following.lines(_until_interrupted(found)), output)
    except FeedError as error:
        raise SettingsError([" ".join(str(error).split())]) from None
    finally:
        following.close()
    return following.summary.observations > 0


def _until_interrupted(found: Iterator[Result]) -> Iterator[Result]:
    """Yield what is read; Ctrl-C ends it as the end of the input does: whoever watched wants the summary.

    While something is read it breaks the reading off; while something is decided, that is finished first.
    """
    reading = interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        if reading:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        while not interrupted:
            reading = True
            item = next(found, None)
            reading = False
            if item is None:
                return
            yield item
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGINT, before)


def _print(following: Following, lines: Iterator[Line | Unreadable], output: Output) -> None:
    if output is Output.table:
        _table(following, lines)
        return
    rows = (_error(line) if isinstance(line, Unreadable) else as_dict(line) for line in lines)
    if output is Output.jsonl:
        for row in rows:
            print_line(row)
        print_line({"summary": summed(following)})
    else:
        print_document({"decisions": list(rows), "summary": summed(following)})


def as_dict(line: Line) -> dict[str, Any]:
    """Return one decision as JSON has it."""
    note, shown = line.note, line.note.track.head.shown
    sent = note.track.sent
    return {
        "time": to_text(line.time),
        "what": note.what,
        "cluster": shown["cluster"],
        "object": _path(line),
        "condition": shown["condition"],
        "part": shown["part"],
        "severity": shown["severity"] if sent is None else sent.severity,
        "summary": shown["summary"],
        "episode": "" if sent is None else sent.id,
        "count": 0 if sent is None else sent.count,
        "ended_by": "" if sent is None else sent.ended_by,
        "problem_key": note.track.key,
        "group": OF_GROUP in note.track.relations,
        "rule": shown["rule"],
        "by": note.by,
        "hold": note.hold,
        "why": note.why,
        "until": None if note.until is None else to_text(datetime.fromtimestamp(note.until, UTC)),
        "later": line.later,
    }


def summed(following: Following) -> dict[str, Any]:
    """Return what became of all as JSON has it."""
    found = following.summary
    return {
        "observations": found.observations,
        "left_out": found.left_out,
        "unreadable": found.unreadable,
        "late": found.late,
        "from": None if found.first is None else to_text(found.first),
        "to": None if found.last is None else to_text(found.last),
        "tickets": {**{name: found.tickets[name] for name in ("opened", "reopened", "closed")}, "open": found.open},
        "later": {**{name: found.later[name] for name in ("opened", "reopened", "closed")}, "open": found.open_later},
        "held": dict(found.held.most_common()),
        "destinations": [row._asdict() for row in following.daily.rows(_seconds(following))],
    }


def _error(line: Unreadable) -> Mapping[str, Any]:
    return {"error": line.error}


def _seconds(following: Following) -> float:
    first, last = following.summary.first, following.summary.last
    return 0.0 if first is None or last is None else (last - first).total_seconds()


def _path(line: Line) -> str:
    thing = line.note.track.head.shown["object"]
    return path_of(thing["kind"], thing["namespace"], thing["name"])


def _table(following: Following, lines: Iterator[Line | Unreadable]) -> None:
    columns = width()
    unreadable: dict[str, int] = {}
    later = False
    show(Text(beside(_COLUMNS, _WIDTHS, columns), style="bold"), soft_wrap=True)
    with lines_of("reading") as (put, tell):
        for line in lines:
            if isinstance(line, Unreadable):
                if line.error in unreadable or len(unreadable) < _SAID:
                    unreadable[line.error] = unreadable.get(line.error, 0) + 1
                continue
            if following.summary.observations % _OFTEN == 0:
                tell(f"{line.time:%Y-%m-%d %H:%M}: {counted(following.summary.observations, 'observation')}")
            if line.later and not later:
                later = True
                put(Text("If nothing more comes", style="bold"))
            put(_shown(line, columns))
    for error, times in unreadable.items():
        complain(f"no observation: {error}" + (f" ({times} times)" if times > 1 else ""))
    show(_summary(following), soft_wrap=True, end="")


def _shown(line: Line, columns: int) -> Text:
    shown = line.note.track.head.shown
    part = f" of {shown['part']}" if shown["part"] else ""
    why = f"{line.note.why}{_until(line)} [{line.note.by}]"
    group = " (group)" if OF_GROUP in line.note.track.relations else ""
    thing = f"{_path(line)} {shown['condition']}{part}{group}"
    cells = (f"{line.time:%m-%d %H:%M:%S}", line.note.what, thing, why)
    text = Text(beside(cells, _WIDTHS, columns))
    if line.note.what in _COLOURS:
        start = _WIDTHS[0] + 2
        text.stylize(_COLOURS[line.note.what], start, start + len(line.note.what))
    return text


def _until(line: Line) -> str:
    """Return until when a decision stands, with the day and the year where they are others than the line's."""
    if line.note.until is None:
        return ""
    until, time = datetime.fromtimestamp(line.note.until, UTC), line.time
    day = "" if until.date() == time.date() else f"{until:%m-%d} " if until.year == time.year else f"{until:%Y-%m-%d} "
    return f", until {day}{until:%H:%M:%S}"


def _summary(following: Following) -> Text:
    found = following.summary
    text = Text("\n")
    text.append("Summary\n", style="bold")
    span = "" if found.first is None else f", {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M}"
    text.append(f"  {counted(found.observations, 'observation')}{span}; {found.left_out} left out\n")
    if found.late:
        text.append(f"  {found.late} of them lie more than a minute before an earlier one: sort them by time\n")
    tickets = found.tickets
    again = f", {tickets['reopened']} reopened" if tickets["reopened"] else ""
    text.append(f"  tickets: {tickets['opened']} opened{again}, {tickets['closed']} closed, {found.open} open\n")
    if found.open_later != found.open:
        text.append(f"  a day later, if nothing more comes: {found.open_later} open\n")
    if found.held:
        text.append("Without a ticket of their own, at first or for good\n", style="bold")
    for reason, times in found.held.most_common():
        text.append(f"  {_IN_WORDS.get(reason, reason)}: {times:,}\n")
    text.append("What each destination would get\n", style="bold")
    for row in following.daily.rows(_seconds(following)):
        a_day = "" if row.a_day is None else f", {row.a_day:,} a day"
        refused = f", {row.refused:,} refused by its mapping" if row.refused else ""
        text.append(f"  {row.destination}: {row.told:,}{a_day}{refused}\n")
    return text
