"""The whole embedded system in one process, with a rule that makes a ticket of everything, and all that left it."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from shared.events.cloudevent import APISERVER_PREFIX
from shared.events.codec import to_mapping
from shared.local.broker.letters import letter_row
from shared.local.settings import UpSettings
from shared.local.system import System
from shared.telemetry.logs import JsonFormatter
from tests.support.at_once import AT_ONCE

_RULES = """\
pack: everything
description: Makes a ticket of whatever it is sent
defaults: {category: security, subcategory: certificate, severity: high, ticket: true}
rules:
  - {name: any-object, match: {operation: [add, update, event]}, phase: problem, summary: 'Seen {name}', why: A test.}
"""
_TICKET = """\
operations:
  open:
    short_description: '{{ episode.summary }}'
    description: '{{ episode.message }} {{ episode | json }}'
    comments: {from: episode.labels}
"""
_RECORD = """\
operations:
  record:
    event: {fields: {all: {from: observation}, why: {from: verdict}, text: '{{ observation | json }}'}}
"""


_OURS = frozenset({"tidings/changes", "tidings/classifier", "tidings/correlator", "tidings/servicenow_incident"})


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left behind: rows of the ticket system, SIEM records, log lines, metrics, our own events, letters."""

    tickets: list[dict[str, str]]
    records: list[dict[str, Any]]
    logs: str
    metrics: str
    events: list[dict[str, Any]]
    letters: list[dict[str, Any]]

    @property
    def traces(self) -> str:
        """Return the trace attributes of all events that are ours."""
        return json.dumps([[event.get("traceparent"), event.get("tracestate")] for event in self.events])


def run_whole(root: Path, folder: Path, sent: Sequence[Any], **environ: str) -> Left:
    """Post each payload as an ApiServerSource does, wait until nothing waits, and return what left the process."""
    rules = folder / "rules"
    rules.mkdir()
    files = {"ticket.yaml": _TICKET, "record.yaml": _RECORD, "rules/everything.yaml": _RULES}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = {
        "CLASSIFIER_RULES": str(rules), "SERVICENOW_MAPPING": str(folder / "ticket.yaml"),
        "SPLUNK_MAPPING": str(folder / "record.yaml"), **AT_ONCE, **environ,
    }  # fmt: skip
    data = folder / "data"
    up = UpSettings(data=data, knative=root / "knative", port=0, feed="none", environ=settings)
    with _logged() as lines:
        return asyncio.run(_run(System(up), sent, lines))


async def _run(system: System, sent: Sequence[Any], lines: list[str]) -> Left:
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address) as client:
            for number, payload in enumerate(sent):
                headers = {
                    "ce-specversion": "1.0", "ce-type": f"{APISERVER_PREFIX}resource.add", "ce-source": "test",
                    "ce-cluster": "prod", "ce-id": str(number), "content-type": "application/json",
                }  # fmt: skip
                answer = await client.post("/", headers=headers, content=json.dumps(payload))
                assert answer.status_code == 202
        assert await system.broker.idle(15)
        stored = await system.broker.events(1000)
        letters = await system.broker.letters.list()
        app, splunk = system.standins.apps["servicenow"], system.standins.apps["splunk"]
        return Left(
            tickets=[{**row, "notes": str(app.journal(row["sys_id"]))} for row in app.records("incident")],
            records=[event["event"] for event in splunk.events()],
            logs="\n".join(lines),
            metrics=system.metrics.render("")[0].decode(),
            events=[to_mapping(item.event) for item in stored if item.event.source in _OURS],
            letters=[{**letter_row(one), **one.extensions, "data": _text(one.data), "why": one.why} for one in letters],
        )
    finally:
        await system.stop()


def _text(knativeerrordata: str) -> str:
    return base64.b64decode(knativeerrordata).decode()


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect all that is logged, as it would be written, whatever its level."""
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Collect(), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
