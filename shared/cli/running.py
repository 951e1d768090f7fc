"""Run the embedded system under a terminal's eyes: start lines, live table, summary, Ctrl-C."""

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from rich.live import Live
from rich.text import Text

from shared.cli import configured
from shared.cli.live import counts, live, summary
from shared.cli.output import Output, complain, console, print_document, print_line, show
from shared.events.words import counted
from shared.local.listening import url_of
from shared.local.lock import InUseError
from shared.local.recorded.player import FeedError
from shared.local.settings import AUTO, UpSettings
from shared.local.snapshot import Snapshot, look
from shared.local.substitutes import STAND_INS
from shared.local.system import System, UpError
from shared.runtime.serve import with_files
from shared.settings.environment import SettingsError
from shared.settings.host import log_level
from shared.start.loop import new_event_loop
from shared.stores.protocol import StoreUnavailableError
from shared.telemetry import logs

_REFRESH = 0.25


class Unable(Exception):  # noqa: N818 - it is what the command says, not what went wrong inside
    """The system cannot run; `problems` say why and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def run(
    settings: UpSettings,
    *,
    once: bool,
    output: Output,
    tls: tuple[str | None, str | None, str | None],
) -> None:
    """Run until Ctrl-C, or with `once` until nothing waits, in the environment that counts here. Raises Unable."""
    data = settings.data
    try:
        environ = with_files(configured.effective(), *tls)
        _log(environ)
        for problem in configured.warnings():
            complain(f"warning: {configured.in_words(problem)}")
        if own := _own(settings, environ):
            raise Unable(*own)
        system = System(replace(settings, environ=environ))
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_run(system, once=once, output=output))
    except (UpError, SettingsError) as error:
        raise Unable(*error.problems) from None
    except InUseError:
        message = f"{data} is in use by another `tidings up`: end that one, or name another folder by --data"
        raise Unable(message) from None
    except FeedError as error:
        raise Unable(f"--feed: {' '.join(str(error).split())}") from None
    except sqlite3.Error as error:
        raise Unable(f"{data}: {error}: name another folder by --data") from None
    except StoreUnavailableError as error:
        raise Unable(f"{data}: {error.__cause__ or error}: name another folder by --data") from None
    except OSError as error:
        raise Unable(f"{error.filename or data}: {error.strerror or error}") from None


def _own(settings: UpSettings, environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong where a setting that was meant for other commands leads to a stand-in of this very start."""
    here = url_of(settings.host, settings.port) + STAND_INS
    return [
        f"{name} leads to a stand-in of this very start, which is there where it is not set: unset it"
        for name, value in sorted(environ.items())
        if value.startswith(here)
    ]


def _log(environ: Mapping[str, str]) -> None:
    try:
        logs.setup(log_level(environ, "warning"))
    except SettingsError:
        logs.setup("warning")  # the system tells it with whatever else is wrong
    # What is unknown is told in words above, once and not for each function.
    logging.getLogger("tidings.settings").setLevel(logging.ERROR)


async def _run(system: System, *, once: bool, output: Output) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _end, ended)
    try:
        await system.start()
        _greet(system, output)
        await _show(system, ended, once=once, on_screen=output is Output.table)
        shot = await look(system)
    finally:
        await system.stop()
    if output is Output.table:
        show(summary(shot, system.settings.data))
    else:
        print_document(_as_dict(shot), output)


def _end(ended: asyncio.Event) -> None:
    """End cleanly at the first signal; at a second one at once: a crash loses nothing, so haste does not either."""
    if ended.is_set():
        os.write(2, b"\ntidings: ended at once; started again it goes on where it was\n")
        os._exit(1)
    ended.set()


def _greet(system: System, output: Output) -> None:
    stand_ins = [f"{system.address}{path}/" for path in system.standins.mounted()]
    if output is Output.jsonl:
        print_line({"address": system.address, "stand_ins": stand_ins})
    if output is not Output.table:
        return
    lines = ["Tidings listens on", f"  {system.address}", "Its API", f"  {system.address}/api/v1/episodes"]
    lines += _stand_ins(system) if stand_ins else []
    if system.settings.real:
        lines += ["Real systems that are told", *(f"  {name}" for name in system.settings.real)]
    if system.settings.kubeconfig is not None:
        lines += ["Clusters that are watched", f"  {system.settings.kubeconfig}"]
    if system.feed is not None:
        progress = system.feed.progress
        total = counted(progress.total, "event")
        state = "was played before; --again plays it once more" if progress.done else total
        lines += ["Feed", f"  {system.settings.recording}: {state}"]
    elif system.settings.feed == AUTO and system.settings.real:
        lines += [
            "Feed",
            "  none, since a real system is configured; --feed recorded plays the recorded day all the same",
        ]
    lines.append("Ctrl-C ends it; started again it goes on where it was.\n")
    show(Text("\n".join(lines)), soft_wrap=True)


def _stand_ins(system: System) -> list[str]:
    """Return where the stand-ins are, and the settings by which `doctor` and `replay` reach them: nobody's secrets."""
    lines = ["Stand-ins for what is not configured, and the settings that lead other commands to them"]
    for path, settings in system.standins.by_path(system.address).items():
        lines.append(f"  {system.address}{path}/")
        lines.append("    " + " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items()))
    return lines


async def _show(system: System, ended: asyncio.Event, *, once: bool, on_screen: bool) -> None:
    finished = asyncio.create_task(system.wait(until_idle=once))
    stopped = asyncio.create_task(ended.wait())
    screen = console()
    shown = on_screen and screen.is_terminal
    told = shown or not on_screen or system.feed is None or system.feed.progress.done
    with Live(console=screen, auto_refresh=False, transient=True) if shown else contextlib.nullcontext() as table:
        while not finished.done() and not stopped.done():
            if table is not None:
                table.update(live(await look(system)), refresh=True)
            if (
                not told and system.feed is not None and system.feed.progress.done
            ):  # where there is no table to see it in
                told = True
                show(Text("The recording has been played."), counts(await look(system)))
            await asyncio.wait({finished, stopped}, timeout=_REFRESH, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if finished.done():
        finished.result()
    else:
        finished.cancel()


def _as_dict(shot: Snapshot) -> dict[str, object]:
    names = [name for name in Snapshot.__slots__ if name != "latest"]
    return {name: getattr(shot, name) for name in names}
