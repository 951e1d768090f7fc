"""What a person sees of the cluster: the latest documents, to read and nothing else."""

from collections.abc import Sequence
from html import escape
from typing import Any

from shared.events.words import counted
from shared.local.standins import html
from shared.local.standins.elastic.store import Kept
from shared.local.standins.frame import Response

_COLUMNS = ("@timestamp", "event.kind", "event.category", "event.severity", "event.action", "orchestrator.cluster.name",
            "orchestrator.namespace", "orchestrator.resource.name", "message")  # fmt: skip


def documents_page(documents: Sequence[Kept], count: int) -> Response:
    """Return the page of the latest documents, the newest first; `count` is how many there are in all."""
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(one.source, name))}</td>" for name in _COLUMNS) + "</tr>"
        for one in documents
    )
    head = "".join(f"<th>{name.rpartition('.')[2]}</th>" for name in _COLUMNS)
    body = f"<h1>{counted(count, 'document')}</h1><table><tr>{head}</tr>{lines}</table>"
    return html.page("Documents", body)


def _text(source: Any, name: str) -> str:
    for part in name.split("."):
        source = source.get(part, "") if isinstance(source, dict) else ""
    return ", ".join(map(str, source)) if isinstance(source, list) else str(source)
