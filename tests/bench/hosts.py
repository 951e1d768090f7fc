"""Part `hosts`: from the start of a serverless host to its first answer, against that host with a bare app.

Of what the image with functions-framework installs, and what `kn func build` does. `make hosts` brings what they need
to uv's cache; without it there are no rows.
"""

import sys
from dataclasses import replace

from tests.bench.images import Command, func_image, image
from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns
from tests.bench.starts import milliseconds, settings_of
from tests.support.servers import ROOT

_BOUND = 1.3
_FUNCTIONS = ("classifier", "siem_forwarder")
# hypercorn writes each start to stderr, which would cut the report into pieces.
_QUIET = ("sh", "-c", 'exec "$@" 2> /dev/null', "sh")


def hosts(effort: Effort) -> list[Row]:
    """Process start to first answer in functions-framework and in func-python, byte code compiled."""
    rows: list[Row] = []
    for name, environment, built in (
        ("functions-framework", ".venv-framework", lambda: image("framework")),
        ("func-python", ".venv-knfunc", func_image),
    ):
        if not (ROOT / environment / "stamp").exists():
            print(f"no {name} here (make hosts) ...", end=" ", file=sys.stderr)  # noqa: T201
            continue
        with built() as layer:
            rows += [
                in_turns(
                    f"start of {function} in {name}",
                    f"{name} + pydantic, bare app",
                    "ms",
                    _quiet(layer.of(function, settings_of(function))).measured(milliseconds),
                    _quiet(layer.bare).measured(milliseconds),
                    rounds=effort.turns(9),
                    wanted=Wanted(MOST, _BOUND),
                )
                for function in _FUNCTIONS
            ]
    return rows


def _quiet(command: Command) -> Command:
    return replace(command, words=(*_QUIET, *command.words))
