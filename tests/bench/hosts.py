"""Part `hosts`: from the start of a serverless host to its first answer, against that host with a bare app.

The environments are those of `make hosts`; without them there are no rows.
"""

import sys
from collections.abc import Callable

from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns
from tests.bench.processes import free_port, running
from tests.bench.starts import settings_of
from tests.support.servers import ROOT

_BOUND = 1.3
_FUNCTIONS = ("classifier", "siem_forwarder")
_FRAMEWORK = str(ROOT / ".venv-framework" / "bin" / "functions-framework")
_KNFUNC = (str(ROOT / ".venv-knfunc" / "bin" / "python"), "-c")
_SERVE = "import func_python.http, {module} as it; func_python.http.serve(it.new)"
# hypercorn writes each start to stderr, which would cut the report into pieces.
_QUIET = ("sh", "-c", 'exec "$@" 2> /dev/null', "sh")


def hosts(effort: Effort) -> list[Row]:
    """Process start to first answer in functions-framework and in func-python, byte code compiled."""
    rows: list[Row] = []
    for name, ours, bare in (
        ("functions-framework", _framework, lambda: _framework("bare", "--source", "tests/bench/bare_framework.py")),
        ("func-python", _knfunc, lambda: _knfunc("", "tests.bench.bare_knfunc")),
    ):
        if not (ROOT / (".venv-framework" if ours is _framework else ".venv-knfunc") / "stamp").exists():
            print(f"no {name} here (make hosts) ...", end=" ", file=sys.stderr)  # noqa: T201
            continue
        rows += [
            in_turns(
                f"start of {function} in {name}",
                f"{name} + pydantic, bare app",
                "ms",
                ours(function),
                bare(),
                rounds=effort.turns(9),
                wanted=Wanted(MOST, _BOUND),
            )
            for function in _FUNCTIONS
        ]
    return rows


def _framework(target: str, *arguments: str) -> Callable[[], float]:
    def measure() -> float:
        port = free_port()
        command = (*_QUIET, _FRAMEWORK, "--target", target, "--host", "127.0.0.1", "--port", str(port), *arguments)
        with running(command, port, **_settings(target)) as server:
            return server.seconds * 1000

    return measure


def _knfunc(target: str, module: str = "function") -> Callable[[], float]:
    def measure() -> float:
        port = free_port()
        settings = {**_settings(target), "LISTEN_ADDRESS": f"127.0.0.1:{port}", "FUNCTION_TARGET": target}
        with running((*_QUIET, *_KNFUNC, _SERVE.format(module=module)), port, **settings) as server:
            return server.seconds * 1000

    return measure


def _settings(target: str) -> dict[str, str]:
    return settings_of(target) if target in _FUNCTIONS else {}
