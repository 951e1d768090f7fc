"""What is told of each act, done, tried or refused: a delivery report, so that the audit trail has it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from functions.remediate.acting import Ended
from functions.remediate.verbs import Request
from shared.delivery.preview import Preview
from shared.delivery.report import event_of, told_fields
from shared.delivery.shadow import requests_of
from shared.events import attributes
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryReport, DeliveryResult
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Rejected
from shared.events.redaction import redact

NAME: Final = "remediate"


def report_of(ended: Ended, episode: Episode, cause: CloudEvent) -> CloudEvent | None:
    """Return the report of how an act ended, None where there is nothing to tell.

    Its id is the same for each telling of the same: an archive keeps one. A dry run and a refusal have ids of their
    own, for the act may be done one day.
    """
    if not ended.told:
        return None
    happened = isinstance(ended.outcome, Done | Duplicate) and not ended.dry
    result: DeliveryResult = "shadow"
    if happened:
        result = "done" if isinstance(ended.outcome, Done) else "duplicate"
    fields = told_fields(_fields(ended)) if result == "done" else {}
    requests = requests_of(previews(ended.request)) if result == "shadow" and ended.request is not None else ()
    report = DeliveryReport(
        destination=NAME,
        operation="record",
        key=episode.id,
        revision=episode.revision,
        result=result,
        reason=f"dry run: {ended.said}" if ended.dry else ended.said,
        cluster=episode.cluster,
        problem_key=episode.problem_key,
        record=ended.thing,
        time=datetime.now(UTC),
        fields=fields,
        requests=() if isinstance(requests, Rejected) else requests,
    )
    word = "delivery" if happened else "dry-run" if ended.dry else "refused"
    return event_of(report, ended.thing or episode.object.path, attributes.of_episode(episode), cause, word)


def previews(request: Request, server: str = "https://kubernetes.default.svc") -> list[Preview]:
    """Return a request as it is shown: without credentials, and without what may be secret."""
    query = "&".join(f"{name}={value}" for name, value in request.params(dry=False).items())
    url = f"{server}{request.path}" + (f"?{query}" if query else "")
    body = None if request.body is None else redact(request.body)[0]
    return [Preview(NAME, request.method, url, body, {} if body is None else {"content-type": request.kind})]


def _fields(ended: Ended) -> Mapping[str, Any]:
    request = ended.request
    if request is None:
        return {}
    return {"request": f"{request.method} {request.path}", **(request.body or {})}
