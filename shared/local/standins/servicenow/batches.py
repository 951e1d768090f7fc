"""The Batch API: requests in a request, run one after the other, each with its own answer (destinations.md §1.9)."""

import base64
import binascii
import http
from collections.abc import Callable
from typing import Any, Final

import orjson

from shared.local.standins.faults import Do, Faults
from shared.local.standins.frame import Request, Response, json_response, scripted
from shared.local.standins.servicenow.access import User, error

PATH: Final = "/api/now/v1/batch"
_INSIDE: Final[tuple[Do, ...]] = ("status", "body", "html", "commit-then-status")
"""What a fault can do to one request of a batch; what strikes connections strikes the batch."""
_MALFORMED: Final = "The payload is not valid JSON."


class Batches:
    """Runs batches through the instance's interfaces; faults and the log know each request by its own operation."""

    def __init__(
        self, handler: Callable[[Request, User], Response], name: Callable[[Request], str], faults: Faults
    ) -> None:
        self._handler = handler
        self._name = name
        self._faults = faults

    def take(self, request: Request, user: User, role: str, most: int) -> Response:
        """Answer a batch; it is no transaction. What comes after the first `most` requests is left out."""
        if request.method != "POST":
            return error(405, "Method not supported")
        if role and role not in user.roles:
            return error(403, "User Not Authorized", f"Batch requests need the role {role}")
        try:
            body: Any = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            body = None
        asked = body.get("rest_requests") if isinstance(body, dict) else None
        if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
            return error(400, "Exception while reading request", _MALFORMED)
        answer = {
            "batch_request_id": body.get("batch_request_id", ""),
            "serviced_requests": [self._serviced(one, request, user) for one in asked[:most]],
            "unserviced_requests": [one.get("id", "") for one in asked[most:]],
        }
        return json_response(200, answer)

    def _serviced(self, one: dict[str, Any], outer: Request, user: User) -> dict[str, Any]:
        answer = self._answered(one, outer, user)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        told = [{"name": name, "value": value} for name, value in headers.items()]
        return {
            "id": one.get("id", ""),
            "body": base64.b64encode(answer.body).decode(),
            "status_code": answer.status,
            "status_text": http.HTTPStatus(answer.status).phrase,
            "execution_time": 1,
            "headers": [] if one.get("exclude_response_headers") else told,
            "redirect_url": None,
        }

    def _answered(self, one: dict[str, Any], outer: Request, user: User) -> Response:
        try:
            content = base64.b64decode(str(one.get("body") or ""), validate=True)
        except (binascii.Error, ValueError):
            return error(400, "Exception while reading request", "The body is not Base64.")
        path, _, query = str(one.get("url", "")).partition("?")
        listed = one.get("headers")
        headers = {
            str(pair.get("name", "")).lower(): str(pair.get("value", ""))
            for pair in (listed if isinstance(listed, list) else ())
            if isinstance(pair, dict)
        }
        inner = Request(str(one.get("method", "")), path, query, headers, content, outer.base)
        if inner.path == PATH:
            return error(400, "A batch holds no batch")
        operation = self._name(inner)
        entry = self._faults.log(inner.method, inner.target, operation, content)
        rule = self._faults.take(inner.method, inner.target, operation, _INSIDE)
        if rule is None or rule.do == "commit-then-status":
            answer = self._handler(inner, user)
        if rule is not None:
            entry.fault = rule.do
            answer = scripted(rule)
        entry.status = answer.status
        return answer
