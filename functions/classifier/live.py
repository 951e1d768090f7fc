"""Rules that follow their folder while the function runs, and how many of each pack are in force."""

import logging
from collections.abc import Callable
from pathlib import Path

from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.runtime.live import EVERY, Followed, Live
from shared.telemetry.metrics import Metrics

LOG = logging.getLogger("tidings.rules")


def live_rules(
    own: Path | None,
    metrics: Metrics,
    load: Callable[[Path | None], RuleSet] = load_shipped,
    every: float = EVERY,
) -> Live[RuleSet]:
    """Return the rule sets that follow the folder `own`."""
    followed = Followed("rules", own, load, "tidings_rules_load_failed_total", _Counted(metrics).taken)
    return Live(followed, metrics, every)


class _Counted:
    """The gauges of what is in force; a pack that is gone has none of its rules there."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._packs: set[str] = set()

    def taken(self, ruleset: RuleSet) -> None:
        counts = ruleset.packs()
        for pack in self._packs - counts.keys():
            self._metrics.gauge("tidings_rules_loaded", 0, pack=pack)
        for pack, count in counts.items():
            self._metrics.gauge("tidings_rules_loaded", count, pack=pack)
        self._packs = set(counts)
        LOG.info("%d rules of %d packs are in force", len(ruleset), len(counts))
