"""What teams edit, followed while a function runs; what is broken never takes the place of what is good (F30)."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from shared.events.problem import Problem, ProblemsError
from shared.events.words import counted
from shared.settings.folder import yaml_files
from shared.telemetry.metrics import Metrics

EVERY = 5.0
"""Seconds between two looks at the files."""
_MOST_LOGGED = 20

T = TypeVar("T")
Stamp = tuple[tuple[str, int, int, int], ...]


class Followed(NamedTuple, Generic[T]):
    """What is followed: a file, or the YAML files of a folder at any depth; nothing where `own` is None.

    `name` stands in the log (`tidings.NAME`), `failed` is the counter of what was refused. `load` reads all of it and
    raises ProblemsError where any of it is wrong; `taken` is told of what was put in force.
    """

    name: str
    own: Path | None
    load: Callable[[Path | None], T]
    failed: str
    taken: Callable[[T], None]


class Live(Generic[T]):
    """What is in force. `value` is None until something good was loaded, `problems` what is wrong with the files now.

    `value` is replaced between two steps of the event loop: code that does not wait sees one of them all along.
    """

    def __init__(self, followed: Followed[T], metrics: Metrics, every: float = EVERY) -> None:
        self.value: T | None = None
        self.problems: list[Problem] = []
        self._followed = followed
        self._metrics = metrics
        self._every = every
        self._log = logging.getLogger(f"tidings.{followed.name}")
        self._stamp: Stamp | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load, and begin to watch where there is anything of a team's own."""
        self._stamp = self._look()
        self._take(self._try())
        if self._followed.own is not None and self._task is None:
            self._task = asyncio.create_task(self._watch(), name=f"{self._followed.name}-watch")

    async def stop(self) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def refresh(self) -> bool:
        """Load again where the files have changed since the last look; True where they had."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        # Off the event loop: what is large takes a while to check, and requests go on meanwhile.
        self._take(await asyncio.to_thread(self._try))
        return True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.refresh()

    def _try(self) -> tuple[T | None, list[Problem]]:
        own = self._followed.own
        try:
            return self._followed.load(own), []
        except ProblemsError as error:
            return None, error.problems
        except Exception as error:  # noqa: BLE001 - whatever a file made of the loader, what is good stays in force
            self._log.exception("%s could not be loaded", self._followed.name)
            place = str(own or f"the shipped {self._followed.name}")
            return None, [Problem(place, 0, f"the loader failed ({type(error).__name__})")]

    def _take(self, loaded: tuple[T | None, list[Problem]]) -> None:
        value, self.problems = loaded
        if value is not None:
            self.value = value
            self._followed.taken(value)
        else:
            self._refused()

    def _refused(self) -> None:
        name = self._followed.name
        self._metrics.count(self._followed.failed)
        what = f"the last good {name} stay in force" if self.value is not None else f"there are no {name} yet"
        self._log.error("%s refused, %s: %s", name, what, counted(len(self.problems), "problem"))
        for problem in self.problems[:_MOST_LOGGED]:
            self._log.error("%s", problem)

    def _look(self) -> Stamp:
        """Return what tells one state of the files from another: also where a ConfigMap's `..data` was swapped."""
        own = self._followed.own
        if own is None:
            return ()
        unreadable: list[Path] = []
        try:
            files = yaml_files(own, lambda path, _: unreadable.append(path))
            stats = [(str(file), file.stat()) for file in files]
        except OSError:
            return (("unreadable", 0, 0, 0),)
        seen = [(name, status.st_mtime_ns, status.st_size, status.st_ino) for name, status in stats]
        return (*seen, *((str(path), 0, 0, 0) for path in unreadable))
