"""Part `http`: one function over HTTP, the load from the same machine, against a bare app under the same load."""

from collections.abc import Callable
from itertools import cycle

from tests.bench.events import posts, raw
from tests.bench.load import flat_out
from tests.bench.measure import LEAST, Effort, Row, Wanted, in_turns
from tests.bench.processes import BARE, BARE_NAME, free_port, running, tidings

_BOUNDS = {8: 0.25, 64: 0.33}


def http(effort: Effort) -> list[Row]:
    """Requests a second at 8 and at 64 connections."""
    requests = [raw(headers, body) for headers, body in posts(2000)]
    ours, bare = free_port(), free_port()

    def rate(port: int, connections: int, *expected: int) -> Callable[[], float]:
        seconds = effort.seconds(2.0)
        return lambda: flat_out(port, cycle(requests), connections=connections, seconds=seconds).only(*expected).rate

    with (
        running(tidings("serve", "classifier", "--port", str(ours)), ours),
        running((*BARE, "--port", str(bare)), bare),
    ):
        return [
            in_turns(
                f"classifier over HTTP, {connections} connections",
                f"{BARE_NAME} that answers 204",
                "requests/s",
                rate(ours, connections, 200, 204),
                rate(bare, connections, 204),
                rounds=effort.turns(7),
                wanted=Wanted(LEAST, bound),
            )
            for connections, bound in _BOUNDS.items()
        ]
