"""Policies that follow their file while the function runs: a change decides what is decided from then on."""

import logging
from collections.abc import Callable
from pathlib import Path

from shared.episodes.policy import Inhibition, Policies, Policy, Quiet, Subject
from shared.episodes.policy_shipped import load_policies
from shared.runtime.live import EVERY, Followed, Live
from shared.telemetry.metrics import Metrics

LOG = logging.getLogger("tidings.policies")


def live_policies(
    own: Path | None,
    metrics: Metrics,
    load: Callable[[Path | None], Policies] = load_policies,
    every: float = EVERY,
) -> Live[Policies]:
    """Return the policies that follow the file or folder `own`."""
    return Live(Followed("policies", own, load, "tidings_policies_load_failed_total", _say), metrics, every)


def _say(policies: Policies) -> None:
    LOG.info("policies are in force, %d of them inhibitions", len(policies.inhibitions))


class InForce:
    """The rules that are in force whenever they are asked; there must be some."""

    def __init__(self, live: Live[Policies]) -> None:
        self._live = live

    @property
    def inhibitions(self) -> tuple[Inhibition, ...]:
        """Return what takes what in."""
        return self._policies.inhibitions

    def of(self, subject: Subject) -> Policy:
        """Return the policy of one problem."""
        return self._policies.of(subject)

    def quiet(self, subject: Subject, now: float) -> Quiet | None:
        """Return the maintenance window or silence in force."""
        return self._policies.quiet(subject, now)

    @property
    def _policies(self) -> Policies:
        policies = self._live.value
        assert policies is not None  # noqa: S101 - nothing is handled before
        return policies
