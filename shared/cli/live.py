"""What `tidings up` shows: what became of the events, as a table."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from shared.events.words import counted
from shared.local.snapshot import Snapshot


def live(shot: Snapshot) -> Group:
    """Return the table of what became of the events so far, and the latest tickets."""
    latest = Table("when", "ticket", "what", "about", box=None, pad_edge=False, header_style="dim")
    for line in shot.latest:
        when = line.time.strftime("%H:%M:%S") if line.time else ""
        latest.add_row(when, line.number, Text(line.what, style=_STYLES.get(line.what, "")), Text(line.summary[:90]))
    return Group(counts(shot), Text(), latest)


_STYLES = {"opened": "red", "reopened": "red", "updated": "yellow", "resolved": "green"}


def counts(shot: Snapshot) -> Table:
    """Return the table of what became of the events."""
    table = Table(box=None, pad_edge=False, show_header=False)
    feed = f"{shot.fed} of {shot.feed_total}" if shot.feed_total else "none"
    at = f", {shot.feed_time:%Y-%m-%d %H:%M}" if shot.feed_time else ""
    opened, updated, resolved, reopened = (shot.deliveries[name] for name in ("open", "update", "resolve", "reopen"))
    table.add_row("events in", str(shot.events), f"recording: {feed}{at}")
    table.add_row("classified", str(shot.classified), f"{shot.ignored} left out, {shot.unknown} of unknown reason")
    changes = f"now: {opened} opened, {updated} updated, {resolved} resolved, {reopened} reopened"
    if "servicenow_incident" not in shot.absent:
        table.add_row("tickets", _tickets(shot), _shadow(shot, "servicenow_incident") or changes)
    if "siem_forwarder" not in shot.absent:
        held, came = _records(shot)
        table.add_row("SIEM records", held, _shadow(shot, "siem_forwarder") or came)
    for name, told in shot.others.items():
        table.add_row(name.replace("_", "-"), _held(told), _shadow(shot, name) or f"now: {told['told']} told")
    retries, letters = counted(shot.retried, "retry", "retries"), counted(shot.dead_letters, "dead letter")
    table.add_row("waiting", str(shot.waiting), f"{retries}, {letters}")
    for trouble in shot.troubles:
        table.add_row("", "", Text(trouble, style="yellow"))
    return table


def _shadow(shot: Snapshot, name: str) -> str:
    """Return what a destination in shadow did not send; nothing of one that sends."""
    return f"in shadow: {shot.shadow[name]} not sent" if name in shot.shadow else ""


def _records(shot: Snapshot) -> tuple[str, str]:
    """Return how many records the stand-in holds, and whether each came once; a real SIEM cannot be asked that."""
    if shot.siem_records is None:
        return "-", "told to the real one"
    return str(shot.siem_records), f"{shot.siem_repeats} repeated" if shot.siem_repeats else "each once"


def _held(told: Mapping[str, int]) -> str:
    """Return what a stand-in holds; a real system is not asked."""
    held = [f"{count} {word}" for word, count in sorted(told.items()) if word != "told"]
    return ", ".join(held) or "-"


def _tickets(shot: Snapshot) -> str:
    if shot.tickets is None:
        return "-"
    return ", ".join(f"{count} {state}" for state, count in sorted(shot.tickets.items())) or "0"


def summary(shot: Snapshot, data: Path) -> Group:
    """Return what is told at the end."""
    state = "nothing waiting" if not shot.waiting else f"{shot.waiting} waiting, kept for the next start"
    title = Text.assemble(("Summary", "bold"), f"  ({state}; state in {data})")
    return Group(title, counts(shot))
