"""Rounds over all kinds of all clusters, as far as each tick's time goes; the next tick goes on there."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared.cluster.api import Api, ApiError
from shared.cluster.comparison import Comparison
from shared.cluster.kinds import Kind, find
from shared.cluster.parts import Parts
from shared.cluster.trouble import CAUSES, reason_of, words_of
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.reconcile")

NAME = "reconcile"
_LEAST = 1.0  # seconds of a tick that are worth beginning something


@dataclass(slots=True)
class _Task:
    """One kind of one cluster. `problem` is of the last time that it was looked at, empty where all went well."""

    api: Api
    kind: Kind
    problem: str = ""
    comparison: Comparison | None = None


class Rounds:
    """All kinds of all clusters, one after the other, again and again."""

    def __init__(self, apis: Sequence[Api], kinds: Sequence[Kind], parts: Parts, metrics: Metrics) -> None:
        self._tasks = [_Task(api, kind) for api in apis for kind in kinds]
        self._parts = parts
        self._metrics = metrics
        self._next = 0

    @property
    def under_way(self) -> bool:
        """Return True in the middle of a round."""
        return self._next > 0 or (bool(self._tasks) and self._tasks[0].comparison is not None)

    def problems(self) -> list[tuple[str, str, str]]:
        """Return cluster, kind and words of what could not be looked at."""
        return [(one.api.cluster, str(one.kind), one.problem) for one in self._tasks if one.problem]

    async def go_on(self, until: float) -> bool:
        """Go on until the round is over (True), or until this time of the running loop's clock (False)."""
        unreachable: set[Api] = set()
        while self._next < len(self._tasks):
            if asyncio.get_running_loop().time() > until - _LEAST:
                return False
            task = self._tasks[self._next]
            if task.api not in unreachable:
                try:
                    if not await self._compare(task, until):
                        return False
                    self._well(task)
                except CAUSES as error:
                    self._failed(task, error)
                    if isinstance(error, ApiError) and error.why in {"unreachable", "unauthenticated", "credentials"}:
                        unreachable.add(task.api)  # its other kinds would only take the time of other clusters
                    elif not isinstance(error, ApiError):
                        return False  # neither broker nor store: the next tick tries the same again
            self._next += 1
        self._next = 0
        return True

    async def _compare(self, task: _Task, until: float) -> bool:
        if task.comparison is None:
            resource = await find(task.api, task.kind)
            if resource is None:
                return True
            task.comparison = Comparison(task.api, resource, *self._parts.of(task.api, resource))
        if not await task.comparison.go_on(until):
            return False
        task.comparison = None
        return True

    def _well(self, task: _Task) -> None:
        if task.problem:
            log.warning("a kind can be listed again", extra={"cluster": task.api.cluster, "kind": str(task.kind)})
        task.problem = ""

    def _failed(self, task: _Task, error: Exception) -> None:
        self._metrics.count("tidings_source_failures_total", function=NAME, reason=reason_of(error))
        if isinstance(error, ApiError):
            task.comparison = None  # it begins anew: what it has emitted is known by now
        words = words_of(error)
        if task.problem != words:
            log.warning(
                "a kind cannot be listed now",
                extra={"cluster": task.api.cluster, "kind": str(task.kind), "why": words, "detail": str(error)},
            )
        task.problem = words
