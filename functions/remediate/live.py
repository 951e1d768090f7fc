"""Hooks that follow their files while the function runs; broken ones never take the place of good ones (F30)."""

import logging
from pathlib import Path

from functions.remediate.hook import Hook
from shared.events.words import counted
from shared.runtime.live import Followed, Live
from shared.telemetry.metrics import Metrics

_log = logging.getLogger("tidings.hooks")


def live_hooks(own: Path | None, metrics: Metrics) -> Live[tuple[Hook, ...]]:
    """Return the hooks that follow the file or folder `own`."""
    return Live(Followed("hooks", own, load, "tidings_hooks_load_failed_total", _say), metrics)


def load(own: Path | None) -> tuple[Hook, ...]:
    """Return the hooks of a file or folder. Raises HooksError."""
    if own is None:
        return ()
    from functions.remediate.hook_file import load_hooks  # YAML, which nobody without hooks needs

    return load_hooks(own)


def _say(hooks: tuple[Hook, ...]) -> None:
    _log.info("%s in force", counted(len(hooks), "hook"))
