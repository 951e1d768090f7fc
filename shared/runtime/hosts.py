"""One function in a host that is not ours: functions-framework (`main.py`) and func-python (`function.py`).

Both speak ASGI, so that the same edge answers in them; what they lack is here. Imports no server: each brings its own.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from shared.runtime.asgi import App, Message, Receive, Scope, Send, answer_error
from shared.runtime.edge import Edge
from shared.runtime.registry import FUNCTIONS, UnknownFunctionError, load
from shared.settings.addresses import exposure_refusal
from shared.settings.environment import SettingsError
from shared.settings.host import asks, log_level
from shared.telemetry import logs
from shared.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from shared.runtime.auth.gate import Gate

_LAST_PORT = 65_535


class StartError(Exception):
    """A function that cannot be served; `problems` has one sentence for each, `code` is the exit code."""

    def __init__(self, problems: Iterable[str], code: int = 1) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
        self.code = code


def new_edge(name: str, addresses: Iterable[str], environ: Mapping[str, str]) -> App:
    """Set up logs and build one function behind its edge, and a gate where one is set, to serve on these addresses.

    Raises StartError, which names all that is wrong with the settings of the host and of the function.
    """
    return behind_gate(*new_parts(name, addresses, environ))


def new_parts(name: str, addresses: Iterable[str], environ: Mapping[str, str]) -> "tuple[Edge, Gate | None]":
    """Return what `new_edge` puts together. Raises StartError."""
    auth = environ.get("AUTH", "")
    problems = [refusal for address in addresses if (refusal := exposure_refusal(address, auth))]
    problems += _set_up_logs(environ)
    metrics = Metrics()
    try:
        gate = gate_of(environ, metrics, name.replace("-", "_"))
    except SettingsError as error:
        problems += error.problems
    try:
        function = load(name, environ, metrics)
    except UnknownFunctionError as error:
        raise StartError([*problems, str(error)], code=2) from None
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise StartError(dict.fromkeys(problems))
    return Edge(function, metrics), gate


def gate_of(environ: Mapping[str, str], metrics: Metrics, name: str) -> "Gate | None":
    """Build the gate that the settings ask for, counted by this name. Raises SettingsError."""
    if not asks(environ):
        return None
    from shared.runtime.auth.gate import new_gate  # most functions stand behind a Broker and ask nobody

    return new_gate(environ, metrics, name)


def behind_gate(app: App, gate: "Gate | None") -> App:
    """Return the app behind the gate; where there is none, the app itself: nobody pays for what is not asked."""
    if gate is None:
        return app
    from shared.runtime.auth.guarded import Guarded

    return Guarded(app, gate)


def _set_up_logs(environ: Mapping[str, str]) -> list[str]:
    """Set up logs; return what is wrong with their level, of which the default then takes the place."""
    try:
        logs.setup(log_level(environ))
    except SettingsError as error:
        logs.setup()
        return error.problems
    return []


def new_hosted(addresses: Iterable[str], environ: Mapping[str, str]) -> "Hosted":
    """Build the function that FUNCTION_TARGET names; ends the process, with its reasons on stderr, where that fails.

    At this time a host has not begun to serve, and both hosts would go on without a function after any other exception.
    """
    try:
        return Hosted(new_edge(_target(environ), addresses, environ))
    except StartError as error:
        for problem in error.problems:
            print(f"tidings: {problem}", file=sys.stderr)  # noqa: T201 - logs may not be set up yet
        raise SystemExit(error.code) from None


def _target(environ: Mapping[str, str]) -> str:
    """Return the function's name. Raises StartError."""
    if environ.get("WORKERS", "1") != "1":
        raise StartError(["WORKERS must be 1: claims and metrics belong to one process; use more replicas instead"])
    if not environ.get("FUNCTION_TARGET"):
        raise StartError([f"FUNCTION_TARGET is not set; there are: {', '.join(FUNCTIONS)}"], code=2)
    return environ["FUNCTION_TARGET"]


def is_port(text: str) -> bool:
    """Return True for a port's number, 0 for any free one: some servers take others modulo 65,536."""
    return text.isdecimal() and int(text) <= _LAST_PORT


class Hosted:
    """An ASGI app whose host knows no lifespan, or none that can wait: the app lives as long as the event loop does.

    It starts with `begin` or the first request, and stops when the loop ends, which is after the last request. Where it
    does not start, the request is answered by 503, and the next one tries again.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._begun: asyncio.Future[bool] | None = None
        self._life: asyncio.Task[None] | None = None
        self._up = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._up or await asyncio.shield(self.begin()):
            await self.app(scope, receive, send)
        else:
            await answer_error(send, 503, "the function did not start", [("retry-after", "1")])

    @property
    def up(self) -> bool:
        """Return True once it has started."""
        return self._up

    @property
    def failed(self) -> bool:
        """Return True where it was started in vain."""
        return self._begun is not None and self._begun.done() and not self._up

    def begin(self) -> "asyncio.Future[bool]":
        """Start it in the running loop, unless that was done; the future tells whether it is up."""
        if self._begun is None or self.failed:
            loop = asyncio.get_running_loop()
            self._begun = loop.create_future()
            self._life = loop.create_task(self._live(self._begun))
        return self._begun

    def ask(self, path: str) -> tuple[int, str]:
        """Return status and body that the app answers to a GET, which must be one that it need not wait for."""
        messages: list[Message] = []

        async def send(message: Message) -> None:
            messages.append(message)

        scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        with contextlib.suppress(StopIteration):
            self.app(scope, _nothing, send).__await__().send(None)
        return messages[0]["status"], messages[1]["body"].decode()

    async def _live(self, begun: "asyncio.Future[bool]") -> None:
        async def receive() -> Message:
            if not begun.done():
                return {"type": "lifespan.startup"}
            # Nobody says when a host's loop ends; what then still runs is cancelled, once, and awaited.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            if not begun.done():
                self._up = message["type"] == "lifespan.startup.complete"
                begun.set_result(self._up)

        try:
            await self.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
        finally:
            if not begun.done():
                begun.set_result(False)  # an app that ended without a word; nobody may wait for it for ever


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
