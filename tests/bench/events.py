"""What the benchmarks send: Events of the recorded day, as many as wanted, each one new."""

import json
from functools import cache
from itertools import cycle, islice
from typing import Any

from shared.local.recorded.player import requests

Post = tuple[dict[str, str], bytes]
"""Headers in lower case without content-length, and the body."""


@cache
def _templates() -> list[tuple[dict[str, str], dict[str, Any]]]:
    found = [(request.headers, json.loads(request.body)) for request in requests()]
    # An Event that the cluster deleted because of its age says nothing and ends at the classifier.
    return [
        (headers, body) for headers, body in found if body["kind"] == "Event" and "delete" not in headers["ce-type"]
    ]


def posts(count: int, mark: str = "b") -> list[Post]:
    """Return so many binary CloudEvents as ApiServerSource sends them; with another `mark` they are others."""
    made: list[Post] = []
    for number, (headers, body) in enumerate(islice(cycle(_templates()), count)):
        metadata = {**body["metadata"], "uid": f"{mark}-{number}"}
        made.append(({**headers, "ce-id": f"{mark}-{number}"}, json.dumps({**body, "metadata": metadata}).encode()))
    return made
