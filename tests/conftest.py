"""What all tests share: where the repository is, the data beside it, and a closing line for each tier."""

import gc
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.support.examples import examples

pytest_plugins = ["tests.support.logging_state", "tests.support.sockets"]

ROOT = Path(__file__).resolve().parent.parent
COULD_NOT_RUN = "could not run: "


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the reference data; tests that need it could not run in a clone without it."""
    folder = ROOT.parent / "shared"
    if folder.is_dir():
        return folder
    return could_not_run("the reference data beside the checkout is missing", "put it at ../shared")


def could_not_run(why: str, enable: str) -> NoReturn:
    """End the test as one that this machine cannot run; with TIDINGS_REQUIRE=all that is a failure."""
    text = f"{COULD_NOT_RUN}{why}; to enable: {enable}"
    if os.environ.get("TIDINGS_REQUIRE") == "all":
        pytest.fail(text)
    raise pytest.skip.Exception(text)


class TierReport:
    """Prints a line for each folder of tests: what ran, what could not and why, and how long it took."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._seconds: dict[str, float] = defaultdict(float)
        self._reasons: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of one test."""
        tier = report.nodeid.split("/")[1] if report.nodeid.startswith("tests/") else "other"
        self._seconds[tier] += report.duration
        if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
            self._counts[tier][report.outcome] += 1
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons[tier].add(report.longrepr[2].removeprefix("Skipped: ").removeprefix(COULD_NOT_RUN))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the lines."""
        terminalreporter.section("tiers")
        for tier, counts in sorted(self._counts.items()):
            line = (
                f"{tier:<10} {counts['passed']:>5} passed  {counts['failed']:>3} failed  {self._seconds[tier]:6.1f} s"
            )
            if counts["skipped"]:
                line += f"  {counts['skipped']} could not run"
            terminalreporter.write_line(line)
            for reason in sorted(self._reasons[tier]):
                terminalreporter.write_line(f"{'':<10} could not run: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Register the report of tiers; keep byte code for the programs that tests start, whatever the machine says."""
    config.pluginmanager.register(TierReport())
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # How long it takes to draw an example says how busy the machine is.
    settings.register_profile(
        "tidings", settings(), max_examples=examples(), suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("tidings")
    gc.set_threshold(10_000, 20, 10)  # a fifth of the fast tiers' time was the collector's


def pytest_collection_finish() -> None:
    """Spare the collector what stays until the end: all modules and tests."""
    gc.collect()
    gc.freeze()
