"""The answers of Splunk's HTTP Event Collector (reference/destinations.md §3)."""

from shared.local.standins.faults import Rule
from shared.local.standins.frame import Response, json_response

CODES: dict[int, tuple[int, str]] = {
    0: (200, "Success"),
    1: (403, "Token disabled"),
    2: (401, "Token is required"),
    3: (401, "Invalid authorization"),
    4: (403, "Invalid token"),
    5: (400, "No data"),
    6: (400, "Invalid data format"),
    7: (400, "Incorrect index"),
    8: (500, "Internal server error"),
    9: (503, "Server is busy"),
    10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    14: (400, "ACK is disabled"),
    15: (400, "Error in handling indexed fields"),
    16: (400, "Query string authorization is not enabled"),
    17: (200, "HEC is healthy"),
    18: (503, "HEC is unhealthy, queues are full"),
    19: (503, "HEC is unhealthy, ack service unavailable"),
    20: (503, "HEC is unhealthy, queues are full, ack service unavailable"),
    21: (400, "Invalid token"),
    22: (400, "Token disabled"),
    23: (503, "Server is shutting down"),
    24: (200, "Queue is approaching capacity"),
    25: (200, "ACK channel is approaching capacity"),
    26: (429, "Queue is at capacity"),
    27: (429, "ACK channel is at capacity"),
}


def reply(code: int, **members: object) -> Response:
    """Return the collector's answer for a code, with further members of its body."""
    status, text = CODES[code]
    return json_response(status, {"text": text, "code": code, **members})


def rule(code: int, *, operation: str = "event", nth: int = 1, count: int = 1, commit: bool = False) -> Rule:
    """Return the fault that answers with a code; with `commit` the events are stored all the same."""
    answer = reply(code)
    return Rule(
        do="commit-then-status" if commit else "status",
        operation=operation,
        nth=nth,
        count=count,
        status=answer.status,
        headers={"content-type": answer.content_type},
        body=answer.body.decode(),
    )
