"""`tidings up`: the embedded system with a live table, then a summary."""

import math
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from shared.cli.output import Output, OutputOption, fail
from shared.start import loading

EXAMPLE = "Example: tidings up --listen 127.0.0.1:8080 --data .tidings --feed recorded"
_WORDS = ("auto", "recorded", "none")
_LAST_PORT = 65_535


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def command(
    listen: Annotated[
        str, typer.Option(help="Address to listen on, HOST:PORT; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    data: Annotated[Path, typer.Option(help="Folder that keeps its state.")] = Path(".tidings"),
    feed: Annotated[
        str,
        typer.Option(
            help="recorded, none, a recording's file (.yaml or .jsonl), or auto: recorded where stand-ins take it all, "
            "none where a real system is configured."
        ),
    ] = "auto",
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Watch the clusters of this kubeconfig: its current context, or those of WATCH_CONTEXTS."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Run this function, too, as glpi-ticket or archive; a stand-in, or the embedded bus, takes the place "
            "of what is not configured.",
        ),
    ] = None,
    knative: Annotated[Path, typer.Option(help="Folder with the Trigger and service manifests.")] = Path("knative"),
    speed: Annotated[
        float, typer.Option(help="Seconds of the recording in one second; 0 is as fast as it goes.")
    ] = 3600.0,
    again: Annotated[
        bool, typer.Option("--again", help="Play the recording from its beginning, over what is there.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="End when the recording has ended and nothing waits.")] = False,
    tls_cert: Annotated[str | None, typer.Option(help="PEM certificate of this port (TLS_CERT_FILE).")] = None,
    tls_key: Annotated[str | None, typer.Option(help="Its key, where it is not in the same file.")] = None,
    client_ca: Annotated[str | None, typer.Option(help="Who signs the senders' certificates (AUTH=mtls).")] = None,
    output: OutputOption = Output.table,
) -> None:
    """Run the whole system in one process on one port: broker, functions, and stand-ins for what is not configured.

    Started again on the same folder, it goes on where it was.
    """
    address = _address(listen)
    _check(feed, speed, knative)
    if kubeconfig is not None and not kubeconfig.is_file():
        fail(f"--kubeconfig: there is no file {kubeconfig}", code=2)
    from shared.cli.running import Unable, run  # the command's room, only when it runs
    from shared.local.settings import UpSettings

    settings = UpSettings(
        data=data,
        knative=knative,
        host=address.host,
        port=address.port,
        feed=feed,
        speed=speed,
        again=again,
        kubeconfig=kubeconfig,
        also=_functions(also or []),
    )
    loading.end()
    try:
        run(settings, once=once, output=output, tls=(tls_cert, tls_key, client_ca))
    except Unable as error:
        fail(*error.problems)


def _address(text: str) -> Address:
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (separator and host and port.isascii() and port.isdecimal()) or int(port) > _LAST_PORT:
        fail(f"--listen takes HOST:PORT with a port from 0 to {_LAST_PORT}, as 127.0.0.1:8080, not {text!r}", code=2)
    return Address(host, int(port))


def _functions(names: list[str]) -> tuple[str, ...]:
    from shared.runtime.registry import FUNCTIONS

    known = [name for name, one in FUNCTIONS.items() if one.optional]
    wanted = [name.replace("-", "_") for name in names]
    for name in set(wanted) - set(known):
        shown = ", ".join(one.replace("_", "-") for one in known)
        fail(f"--with: {name.replace('_', '-')} is no function that can be added; there are: {shown}", code=2)
    return tuple(wanted)


def _check(feed: str, speed: float, knative: Path) -> None:
    if not math.isfinite(speed) or speed < 0:
        fail(f"--speed takes 0 or more, as 3600 for an hour of the recording in one second, not {speed}", code=2)
    if not knative.is_dir():
        fail(f"--knative: {knative} is no folder: name the one with the Triggers", code=2)
    if feed in _WORDS:
        return
    if not Path(feed).is_file():
        fail(f"--feed: there is no file {feed}: name a recording (.yaml or .jsonl), or recorded, or none", code=2)
    if Path(feed).suffix not in {".yaml", ".jsonl"}:
        fail(f"--feed takes a recording that ends in .yaml or .jsonl, not {feed}", code=2)
