"""Conservation: what was accepted arrives, once in effect and unchanged, while everything is killed at random."""

from pathlib import Path

from tests.support.harness.killer import Plan, Trouble
from tests.support.harness.run import Options, conserve


def test_what_was_accepted_is_conserved_while_worker_standins_and_broker_are_killed(tmp_path: Path) -> None:
    """2,000 events; SIGKILL for broker, functions and foreign systems, one every 1 to 2 seconds.

    Every accepted event arrives, there is one incident for each problem, payloads equal those of an undisturbed run,
    nothing is a dead letter, and a fresh event passes afterwards.
    """
    options = Options(events=2000, problems=80, plan=Plan(seed=4, longest=30), rate=110, trouble_seconds=20)
    report = conserve(options, tmp_path)  # ends within 90 seconds, or says what did not end
    print("\n".join(report.lines()))  # noqa: T201 - shown where it fails, or with -s
    assert report.wrong == []
    assert report.accepted == 2000
    assert report.retries > 0, "the broker must have been away while something was posted"
    struck = {what.removeprefix("kill ") for what in report.strikes}
    assert len(struck) == 7, "each process must have been killed"
    assert report.strikes.total() >= 9, "or the kills were too few to mean anything"


def test_what_was_accepted_is_conserved_over_freezes_lost_claims_and_lying_systems(tmp_path: Path) -> None:
    """Beside SIGKILL: SIGSTOP longer than a lease, the claims' store deleted, answers lost after they took effect."""
    troubles: tuple[Trouble, ...] = ("kill", "freeze", "fault", "store")
    plan = Plan(seed=303, pause=(0.5, 1.2), troubles=troubles, longest_freeze=6.0, longest=30)
    report = conserve(Options(events=600, problems=80, plan=plan, rate=60, trouble_seconds=16), tmp_path)
    print("\n".join(report.lines()))  # noqa: T201 - shown where it fails, or with -s
    assert report.wrong == []
    assert report.accepted == 600
    assert {what.partition(" ")[0] for what in report.strikes} == set(troubles), "each kind of trouble must have come"
    assert report.strikes["freeze servicenow_incident"], "who holds claims must have been frozen"
    assert report.untold < 16, "most problems must have got their incident"
