"""The page of one explained observation: what it is, what happens to it, why, what nearly matched, what is sent."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from shared.cli.explained import Explained
from shared.delivery.preview import Preview
from shared.events.model import Verdict


def page(item: Explained, width: int) -> Text:
    """Return the page; a line longer than `width` goes on below with its indentation, nothing is cut.

    What would be sent stands as it is, so that it can be copied.
    """
    whole = Text()
    for title, lines in (
        ("What it is", _what(item)),
        ("What happens to it", _happens(item)),
        ("Why", _why(item)),
        ("What nearly matched", _near(item)),
    ):
        _add(whole, title, [part for line in lines or ["nothing"] for part in _wrapped(line, width)])
    _add(whole, "What each destination would be sent", [_preview(preview) for preview in item.previews] or ["nothing"])
    return whole


def _add(whole: Text, title: str, lines: list[str]) -> None:
    whole.append(f"{title}\n", style="bold")
    whole.append(textwrap.indent("\n".join(lines), "  ") + "\n\n")


def _wrapped(line: str, width: int) -> Iterator[str]:
    """Yield the lines of a text; a message of several keeps them."""
    deep = " " * (len(line) - len(line.lstrip()))
    for part in line.splitlines() or [""]:
        yield from textwrap.wrap(
            part.strip(), max(width - 2, 20), initial_indent=deep, subsequent_indent=deep, break_on_hyphens=False
        ) or [""]


def _what(item: Explained) -> list[str]:
    seen = item.observation
    reporter = f", by {seen.component}" if seen.component else ""
    times = "once" if seen.count == 1 else f"{seen.count} times, last"
    lines: list[str] = [
        f"{seen.dialect} of {seen.object.path or 'nothing named'} in cluster {seen.cluster}",
        f"{seen.type or seen.operation} {seen.reason or '(no reason)'}: {seen.message or '(no message)'}",
        f"seen {times} at {seen.time:%Y-%m-%d %H:%M:%S} UTC{reporter}",
    ]
    if seen.masked:
        lines.append("masked: " + ", ".join(f"{path} ({kind})" for path, kind in seen.masked.items()))
    return lines


def _happens(item: Explained) -> list[str]:
    verdict = item.explanation.verdict
    lines: list[str] = [
        f"{verdict.category}/{verdict.subcategory}, {verdict.severity}, {verdict.phase}: {verdict.summary}"
    ]
    if item.episode is not None:
        ticket = "opens a ticket" if item.episode.ticket else _ticket_later(verdict)
        whose = " of the workload" if verdict.about == "owner" else ""
        lines.append(f"problem {verdict.condition}{whose} ({verdict.problem_key}): {ticket}")
    if verdict.hold:
        lines.append(f"after a recovery, over when silent for {_span(verdict.hold)}")
    if verdict.expires:
        lines.append(f"over when not seen for {_span(verdict.expires)}")
    if verdict.ends:
        lines.append(f"ends on the same object: {', '.join(verdict.ends)}")
    if verdict.owner_ends:
        lines.append(f"ends on its workload: {', '.join(verdict.owner_ends)}")
    lines.append(_triggers(item.triggers))
    return lines


def _triggers(found: tuple[str, ...] | str) -> str:
    if isinstance(found, str):
        return f"no Triggers: {found}"
    return f"Triggers: {', '.join(found) or 'none matches'}"


def _ticket_later(verdict: Verdict) -> str:
    return f"opens a ticket from {verdict.ticket_after} occurrences on" if verdict.ticket_after else "opens no ticket"


def _span(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _why(item: Explained) -> list[str]:
    found = item.explanation
    why = f"rule {found.rule} ({found.source or 'built in'})"
    lines: list[str] = [f"{why}: {found.why}" if found.why else why]
    lines += [found.because] if found.because else []
    return [*lines, *(f"  {matched}" for matched in found.matched)]


def _near(item: Explained) -> list[str]:
    found = item.explanation
    lines: list[str] = [f"{lost.rule} ({lost.source}) matched too: {lost.because}" for lost in found.lost]
    for miss in found.near_misses:
        lines.append(f"{miss.rule} ({miss.source}) failed on {miss.field}:")
        lines.append(f"  wanted {miss.expected}, was {miss.actual}")
    return lines


def _preview(preview: Preview | str) -> str:
    if isinstance(preview, str):
        return preview
    body = json.dumps(preview.body, indent=2, ensure_ascii=False, default=str)
    where = f"{preview.destination} (in shadow: not sent)" if preview.shadow else preview.destination
    read = [f"{name} reads:\n{textwrap.indent(text.rstrip(), '    ')}" for name, text in _texts(preview.body)]
    return "\n".join([f"{where}: {preview.method} {preview.url}", body, *read])


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of several paragraphs in a body, by its place: JSON puts it on one line."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, f"{name}.{place}" if name else str(place))
    elif isinstance(value, str) and "\n\n" in value.strip():
        yield name, value
