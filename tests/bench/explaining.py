"""Part `explain`: the command line on many events, start-up included."""

import sys
import tempfile
from pathlib import Path

from tests.bench.events import posts
from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns
from tests.bench.processes import seconds_of, tidings

_PROGRAM = "import json, sys\nfor line in open(sys.argv[1], 'rb'):\n    print(json.dumps(json.loads(line)))"


def explain(effort: Effort) -> list[Row]:
    """`tidings explain` of 10,000 events."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"\n".join(body for _, body in posts(10_000)) + b"\n")
        return [
            in_turns(
                "explain 10,000 events",
                "Python reads and writes the same JSON",
                "s",
                lambda: seconds_of(tidings("explain", str(file), "--output", "jsonl")),
                lambda: seconds_of((sys.executable, "-c", _PROGRAM, str(file))),
                rounds=effort.turns(3),
                wanted=Wanted(MOST, 10, "ours"),
            )
        ]
