"""What well-known targets take and answer, from their public documentation: by the path that is asked.

Each looks at what a wrong body would be refused for; what none of them knows is taken by anybody.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

import orjson

from shared.local.standins.frame import Request, Response, json_response

Target = Callable[[Request, Any], Response]
_NONE: dict[str, Any] = {}
_TEAMS_MOST = 28 * 1024
_PAGERDUTY_MOST = 512 * 1024


def answer(request: Request) -> Response:
    """Return the answer of the target whose path this is; 400 and the like where it takes no such body."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    for path, target in _TARGETS:
        if path.match(request.path):
            return target(request, body)
    return json_response(202, {"accepted": True})


def _slack(_request: Request, body: Any) -> Response:
    """Slack's incoming webhooks answer in plain text, and `ok` alone is success."""
    if not isinstance(body, dict):
        return _text(400, "invalid_payload")
    if not (body.get("text") or body.get("blocks")):
        return _text(400, "no_text")
    blocks = body.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(_is_block(block) for block in blocks):  # noqa: PLR2004 - Slack's own
        return _text(400, "invalid_blocks")
    return _text(200, "ok")


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    if block.get("type") == "section":
        fields = block.get("fields", [])
        texts = [*([block["text"]] if "text" in block else []), *fields]
        return bool(texts) and len(fields) <= 10 and _are_texts(texts[:1], 3000) and _are_texts(texts[1:], 2000)  # noqa: PLR2004 - Slack's own
    if block.get("type") == "context":
        elements = block.get("elements", [])
        return 0 < len(elements) <= 10 and _are_texts(elements, 3000)  # noqa: PLR2004 - Slack's own
    return block.get("type") == "divider"


def _are_texts(texts: list[Any], most: int) -> bool:
    return all(
        isinstance(one, dict) and one.get("type") in {"mrkdwn", "plain_text"} and 0 < len(one.get("text", "")) <= most
        for one in texts
    )


def _pagerduty(request: Request, body: Any) -> Response:
    event = body if isinstance(body, dict) else _NONE
    payload = event.get("payload", _NONE)
    errors = []
    if not re.fullmatch(r"\w{32}", str(event.get("routing_key", ""))):
        errors.append("'routing_key' is missing or blank")
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        errors.append("'event_action' is invalid")
    if len(str(event.get("dedup_key", ""))) > 255:  # noqa: PLR2004 - PagerDuty's own
        errors.append("'dedup_key' is too long")
    if event.get("event_action") == "trigger":
        errors += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
        if payload.get("severity") not in {"critical", "error", "warning", "info"}:
            errors.append("'payload.severity' is invalid")
        if len(payload.get("summary", "")) > 1024:  # noqa: PLR2004 - PagerDuty's own
            errors.append("'payload.summary' is too long")
    elif not event.get("dedup_key"):
        errors.append("'dedup_key' is missing or blank")
    if len(request.body) > _PAGERDUTY_MOST:
        return json_response(413, {"status": "invalid event", "message": "Event is too large"})
    if errors:
        return json_response(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
    key = event.get("dedup_key") or uuid.uuid4().hex
    return json_response(202, {"status": "success", "message": "Event processed", "dedup_key": key})


def _teams(request: Request, body: Any) -> Response:
    """A workflow answers 202 before it has looked at the card; a size beyond the limit fails at once."""
    if len(request.body) > _TEAMS_MOST:
        return json_response(413, {"error": {"code": "RequestEntityTooLarge"}})
    attachments = body.get("attachments") if isinstance(body, dict) and body.get("type") == "message" else None
    cards = [one for one in attachments or [] if one.get("contentType") == "application/vnd.microsoft.card.adaptive"]
    if not cards or any(card["content"].get("type") != "AdaptiveCard" for card in cards):
        return json_response(400, {"error": {"code": "TriggerInputSchemaMismatch"}})
    return Response(202)


def _jira(request: Request, body: Any) -> Response:
    """Integration events are accepted, and worked on later."""
    if not request.headers.get("authorization", "").startswith("GenieKey "):
        return json_response(401, {"message": "Could not authenticate", "took": 0.001, "requestId": uuid.uuid4().hex})
    making = request.path.endswith("/alerts")
    message = body.get("message", "") if isinstance(body, dict) else ""
    if making and not 0 < len(message) <= 130:  # noqa: PLR2004 - Jira's own
        return json_response(422, {"message": "Request body is not processable", "took": 0.001})
    return json_response(202, {"result": "Request will be processed", "took": 0.1, "requestId": uuid.uuid4().hex})


def _servicenow(_request: Request, body: Any) -> Response:
    """An Import Set makes a row of whatever it gets, says 201, and in `status` what became of it."""
    row = body if isinstance(body, dict) else _NONE
    known = bool(row.get("u_correlation_id")) and len(row.get("u_short_description", "")) <= 160  # noqa: PLR2004 - the table's own
    result = {"transform_map": "Tidings", "table": "incident", "display_name": "number", "sys_id": uuid.uuid4().hex}
    state = {"status": "inserted"} if known else {"status": "error", "error_message": "No transform"}
    return json_response(
        201, {"import_set": "ISET0010001", "staging_table": "u_tidings", "result": [{**result, **state}]}
    )


def _glpi(_request: Request, body: Any) -> Response:
    if not isinstance(body, dict) or not body.get("name") or len(body["name"]) > 255:  # noqa: PLR2004 - GLPI's own
        return json_response(400, {"status": "ERROR_INVALID_PARAMETER", "title": "Invalid parameter", "detail": None})
    return json_response(200, {"id": 7, "href": "/Assistance/Ticket/7"})


def _text(status: int, text: str) -> Response:
    return Response(status, text.encode(), "text/html" if status == 200 else "text/plain")  # noqa: PLR2004 - as Slack does


_TARGETS: tuple[tuple[re.Pattern[str], Target], ...] = (
    (re.compile(r"/services/"), _slack),
    (re.compile(r"/v2/enqueue$"), _pagerduty),
    (re.compile(r"/workflows/"), _teams),
    (re.compile(r"/jsm/ops/integration/v2/alerts"), _jira),
    (re.compile(r"/api/now/import/"), _servicenow),
    (re.compile(r"/api\.php/v2/Assistance/Ticket$"), _glpi),
)
