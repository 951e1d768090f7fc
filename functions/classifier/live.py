"""Rules that follow their folder while the function runs; a broken set never replaces a good one (F30)."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from shared.events.problem import Problem
from shared.events.words import counted
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import RulesError, load_shipped
from shared.settings.folder import files_below, is_yaml
from shared.telemetry.metrics import Metrics

LOG = logging.getLogger("tidings.rules")
EVERY = 5.0  # seconds between two looks at the folder
_MOST_LOGGED = 20

Stamp = tuple[tuple[str, int, int, int], ...]


class LiveRules:
    """The rule set in force. `ruleset` is None until a first good set was loaded."""

    def __init__(
        self,
        own: Path | None,
        metrics: Metrics,
        load: Callable[[Path | None], RuleSet] = load_shipped,
        every: float = EVERY,
    ) -> None:
        self.ruleset: RuleSet | None = None
        self.problems: list[Problem] = []
        self._own = own
        self._metrics = metrics
        self._load = load
        self._every = every
        self._stamp: Stamp | None = None
        self._packs: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load, and begin to watch the folder of own packs where there is one."""
        self._stamp = self._look()
        self._take(self._try())
        if self._own is not None and self._task is None:
            self._task = asyncio.create_task(self._watch(), name="rules-watch")

    async def stop(self) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def refresh(self) -> bool:
        """Load again where the folder has changed since the last look; True where it had."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        # Off the event loop: a large pack takes a while to check, and requests go on meanwhile.
        self._take(await asyncio.to_thread(self._try))
        return True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.refresh()

    def _try(self) -> RuleSet | list[Problem]:
        try:
            return self._load(self._own)
        except RulesError as error:
            return error.problems
        except Exception as error:  # whatever a file made of the loader: the last good rules stay, and it is said
            LOG.exception("rules could not be loaded")
            return [Problem(str(self._own or "the shipped rules"), 0, f"the loader failed ({type(error).__name__})")]

    def _take(self, result: RuleSet | list[Problem]) -> None:
        if isinstance(result, RuleSet):
            self._put_in_force(result)
        else:
            self._keep(result)

    def _put_in_force(self, ruleset: RuleSet) -> None:
        counts = ruleset.packs()
        for pack in self._packs - counts.keys():
            self._metrics.gauge("tidings_rules_loaded", 0, pack=pack)
        for pack, count in counts.items():
            self._metrics.gauge("tidings_rules_loaded", count, pack=pack)
        self._packs = set(counts)
        self.ruleset, self.problems = ruleset, []
        LOG.info("%d rules of %d packs are in force", len(ruleset), len(counts))

    def _keep(self, problems: list[Problem]) -> None:
        self.problems = problems
        self._metrics.count("tidings_rules_load_failed_total")
        what = "the last good rules stay in force" if self.ruleset is not None else "there are no rules yet"
        LOG.error("rules refused, %s: %s", what, counted(len(problems), "problem"))
        for problem in problems[:_MOST_LOGGED]:
            LOG.error("%s", problem)

    def _look(self) -> Stamp:
        """Return what tells one state of the folder from another: also where a ConfigMap's `..data` was swapped."""
        if self._own is None:
            return ()
        unreadable: list[Path] = []
        try:
            files = [file for file in files_below(self._own, lambda path, _: unreadable.append(path)) if is_yaml(file)]
            stats = [(str(file), file.stat()) for file in files]
        except OSError:
            return (("unreadable", 0, 0, 0),)
        seen = [(name, status.st_mtime_ns, status.st_size, status.st_ino) for name, status in stats]
        return (*seen, *((str(path), 0, 0, 0) for path in unreadable))
