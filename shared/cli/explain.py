"""`tidings explain`: what would become of observations, and why. Sends nothing."""

import json
import os
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from shared.cli.explained import Explained, explained, previewers, row
from shared.cli.output import Output, OutputOption, console, fail, print_document, print_line, print_rows
from shared.cli.payloads import Unreadable, read
from shared.delivery.preview import Preview
from shared.events.model import Observation
from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology
from shared.local.settings import dotenv
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.settings.environment import SettingsError

EXAMPLE = "Example: kubectl get events -A -o json | tidings explain -o jsonl"
_IN_FULL = 5  # so many observations are explained on pages of their own; of more, a table says what became of them


def command(
    file: Annotated[
        str, typer.Argument(help="File of events (JSON, JSON lines, YAML), or - for standard input.")
    ] = "-",
    cluster: Annotated[str, typer.Option(help="Name of the cluster, where an event has none.")] = "",
    rules: Annotated[Path | None, typer.Option(help="A folder of own rule packs, above the shipped ones.")] = None,
    knative: Annotated[Path, typer.Option(help="Folder with the Trigger manifests.")] = Path("knative"),
    output: OutputOption = Output.table,
) -> None:
    """Say of each observation what it is, what happens to it, why, what nearly matched, and what would be sent."""
    path = None if file == "-" else Path(file)
    try:
        ruleset = load_shipped(rules)
        found = read(path, sys.stdin.buffer, cluster, datetime.now(UTC))
        if output is Output.jsonl:
            _lines(found, ruleset)
            return
        results = list(found)
        topology = load_topology(knative) if knative.is_dir() else Topology()
        _document(results, ruleset, topology, output)
    except OSError as error:
        fail(f"{file}: {error.strerror or error}")
    except (SettingsError, ValueError) as error:
        fail(*(str(problem) for problem in getattr(error, "problems", [error])))


def _lines(found: Iterator[Observation | Unreadable], ruleset: RuleSet) -> None:
    for item in found:
        if isinstance(item, Unreadable):
            print_line({"error": item.error})
        else:
            print_line(row(item, classify(item, ruleset)))


def _document(found: list[Observation | Unreadable], ruleset: RuleSet, topology: Topology, output: Output) -> None:
    errors = [item.error for item in found if isinstance(item, Unreadable)]
    observations = [item for item in found if isinstance(item, Observation)]
    if output is Output.table and len(observations) > _IN_FULL:
        rows = [row(item, classify(item, ruleset)) for item in observations]
        print_rows(rows, ("kind", "namespace", "name", "reason", "severity", "phase", "ticket", "rule"), output)
    else:
        destinations = previewers({**dotenv(Path(".env")), **os.environ})
        whole = [explained(item, ruleset, topology, destinations) for item in observations]
        if output is Output.json:
            print_document([*(_as_dict(item) for item in whole), *({"error": error} for error in errors)])
            return
        for item in whole:
            console().print(_page(item), soft_wrap=True)
    for error in errors:
        console().print(f"[red]no observation:[/red] {escape(error)}")
    if not observations:
        raise typer.Exit(1)


def _page(item: Explained) -> Group:
    return Group(
        _section("What it is", _what(item)),
        _section("What happens to it", _happens(item)),
        _section("Why", _why(item)),
        _section("What nearly matched", _near(item)),
        _section("What each destination would be sent", [_preview(preview) for preview in item.previews]),
    )


def _section(title: str, lines: list[str]) -> RenderableType:
    text = "\n".join(lines) or "nothing"
    return Group(Text(title, style="bold"), Text(textwrap.indent(text, "  ") + "\n"))


def _what(item: Explained) -> list[str]:
    seen = item.observation
    lines = [
        f"{seen.dialect} of {seen.object.path} in cluster {seen.cluster}",
        f"{seen.type or seen.operation} {seen.reason or '(no reason)'}: {seen.message}",
        f"seen {seen.count} times, last {seen.time:%Y-%m-%d %H:%M:%S} UTC, by {seen.component or 'nobody named'}",
    ]
    if seen.masked:
        lines.append("masked: " + ", ".join(f"{path} ({kind})" for path, kind in seen.masked.items()))
    return lines


def _happens(item: Explained) -> list[str]:
    verdict = item.explanation.verdict
    lines = [f"{verdict.category}/{verdict.subcategory}, {verdict.severity}, {verdict.phase}: {verdict.summary}"]
    if item.episode is not None:
        ticket = "opens a ticket" if item.episode.ticket else _ticket_later(verdict.ticket_after)
        lines.append(f"problem {verdict.condition} ({verdict.problem_key}): {ticket}")
    if verdict.hold:
        lines.append(f"after a recovery, over when silent for {verdict.hold} s")
    if verdict.expires:
        lines.append(f"over when not seen for {verdict.expires} s")
    if verdict.ends:
        lines.append(f"ends on the same object: {', '.join(verdict.ends)}")
    lines.append(f"Triggers: {', '.join(item.triggers) or 'none matches'}")
    return lines


def _ticket_later(after: int) -> str:
    return f"opens a ticket from {after} occurrences on" if after else "opens no ticket"


def _why(item: Explained) -> list[str]:
    found = item.explanation
    lines = [f"rule {found.rule} ({found.source or 'built in'}): {found.why}".rstrip(": ")]
    lines += [found.because] if found.because else []
    return lines + [f"  {matched}" for matched in found.matched]


def _near(item: Explained) -> list[str]:
    found = item.explanation
    lines = [f"{lost.rule} ({lost.source}) matched too: {lost.because}" for lost in found.lost]
    return lines + [
        f"{miss.rule} ({miss.source}) failed on {miss.field}: wanted {miss.expected}, was {miss.actual}"
        for miss in found.near_misses
    ]


def _preview(preview: Preview | str) -> str:
    if isinstance(preview, str):
        return preview
    body = json.dumps(preview.body, indent=2, ensure_ascii=False, default=str)
    return f"{preview.destination}: {preview.method} {preview.url}\n{body}"


def _as_dict(item: Explained) -> dict[str, Any]:
    found = item.explanation
    return {
        **row(item.observation, found.verdict),
        "because": found.because,
        "matched": list(found.matched),
        "near_misses": [miss._asdict() for miss in found.near_misses],
        "lost": [lost._asdict() for lost in found.lost],
        "triggers": list(item.triggers),
        "sent": [
            {"destination": preview.destination, "method": preview.method, "url": preview.url, "body": preview.body}
            for preview in item.previews
            if isinstance(preview, Preview)
        ],
    }
