"""`tidings serve FUNCTION`: one function on its own port, exactly as its container serves it.

Imports neither typer nor rich nor any other function's room: this is a function's cold start.
"""

import argparse
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping

import uvicorn

from shared.runtime.asgi import App
from shared.runtime.edge import Edge
from shared.runtime.gathered import GatheringProtocol
from shared.runtime.hosts import StartError, behind_gate, is_port, new_parts
from shared.settings.environment import SettingsError
from shared.start import loading

_DRAIN_SECONDS = 28  # below the 30 s of a Pod's default grace period
_OF_A_BUS = ("topics", "group", "filter", "path", "retry", "backoff", "tick")
_EXAMPLE = "example: tidings serve classifier --port 8081"


Around = Callable[[App, Edge, argparse.Namespace, Mapping[str, str]], App]
"""Makes of a function's app one that consumes a bus as well. Raises StartError."""


def main(arguments: list[str], environ: Mapping[str, str] = os.environ, consuming: Around | None = None) -> int:
    """Serve until SIGTERM, with `--source` also from a bus, as `consuming` does it; return the exit code."""
    options = _options(arguments, environ, with_bus=consuming is not None)
    environ = with_files(environ, options.tls_cert, options.tls_key, options.client_ca)
    try:
        edge, gate = new_parts(options.function, [options.host], environ)
        app = behind_gate(edge, gate)
        if consuming is not None and options.source:
            app = consuming(app, edge, options, environ)
        tls = context_of(environ)
    except StartError as error:
        for problem in error.problems:
            print(f"tidings serve: {problem}", file=sys.stderr)  # noqa: T201 - the command's own words
        return error.code
    server = _Server(config(app, options.host, options.port, tls))
    try:
        server.run()
    except SystemExit:  # uvicorn's way to say that it cannot listen; the log has why
        return 1
    return 0 if server.started else 1


def _options(arguments: list[str], environ: Mapping[str, str], *, with_bus: bool) -> argparse.Namespace:
    """Return what the command line says, with the environment's words where it is silent; ends the process if wrong."""
    parser = argparse.ArgumentParser(
        prog="tidings serve",
        description="Serve one function on its own port, as its container does.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "function",
        nargs="?",
        default=environ.get("FUNCTION_TARGET", ""),
        help="name of the function, as classifier or servicenow-incident (FUNCTION_TARGET)",
    )
    parser.add_argument("--host", default=environ.get("HOST", "127.0.0.1"), help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=environ.get("PORT", "8080"), help="port (%(default)s)")
    parser.add_argument("--tls-cert", metavar="FILE", help="PEM certificate of this port (TLS_CERT_FILE)")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, where it is not in the same file (TLS_KEY_FILE)")
    parser.add_argument("--client-ca", metavar="FILE", help="who signs the senders' certificates (TLS_CLIENT_CA_FILE)")
    if with_bus:
        _add_bus(parser)
    options = parser.parse_args(arguments)
    if not options.function:
        parser.error("name a function, here or in FUNCTION_TARGET")
    if with_bus and not options.source:
        idle = [f"--{name}" for name in _OF_A_BUS if getattr(options, name) != parser.get_default(name)]
        if idle:
            parser.error(f"{', '.join(idle)}: only for events of a bus: name it by --source")
    return options


def _add_bus(parser: argparse.ArgumentParser) -> None:
    bus = parser.add_argument_group("as a plain consumer of a bus, without a broker (docs/bus.md)")
    bus.add_argument("--source", metavar="BUS", help="nats, kafka, rabbitmq or embedded: take events from there, too")
    bus.add_argument("--topics", metavar="A,B", help="its topics (KAFKA_TOPICS, or those of classified events)")
    bus.add_argument("--group", metavar="NAME", help="the consumer group (tidings-FUNCTION)")
    bus.add_argument("--filter", default="", metavar="TEXT", help="only these: a Trigger's filters as JSON, or CESQL")
    bus.add_argument("--path", default="", metavar="PATH", help="intake: where what is no CloudEvent goes (/events)")
    bus.add_argument("--retry", type=int, default=100, metavar="N", help="further tries of an event (%(default)s)")
    bus.add_argument("--backoff", type=float, default=10.0, metavar="SECONDS", help="more before each (%(default)s)")
    bus.add_argument("--tick", type=float, default=0.0, metavar="SECONDS", help="let it look so often for what is due")


def _port(text: str) -> int:
    """Return a port. Raises ArgumentTypeError."""
    if not is_port(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


class _Server(uvicorn.Server):
    """A server for which SIGTERM is the usual end: uvicorn's own would raise the signal again and exit by it (F06)."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, with which the start ends."""
        await super().startup(sockets)
        loading.end()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop taking requests at the first signal, drop those in flight at a second SIGINT."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def with_files(environ: Mapping[str, str], cert: str | None, key: str | None, ca: str | None) -> Mapping[str, str]:
    """Return the settings with what a command line says of TLS above them."""
    said = {"TLS_CERT_FILE": cert, "TLS_KEY_FILE": key, "TLS_CLIENT_CA_FILE": ca}
    return {**environ, **{name: value for name, value in said.items() if value}}


def context_of(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return the TLS of our port, None where it is plain. Raises StartError."""
    if not any(name.startswith("TLS_") for name in environ):
        return None
    from shared.runtime.tls import server_context  # most ports are plain, behind what terminates TLS

    try:
        return server_context(environ)
    except SettingsError as error:
        raise StartError(error.problems) from None


def config(app: object, host: str, port: int, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    """Return the server's settings, the same for every host that is ours."""
    factory = None if tls is None else (lambda _config, _default: tls)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        proxy_headers=False,
        http=GatheringProtocol,
        ws="none",
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        ssl_context_factory=factory,
    )
