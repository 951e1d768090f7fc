"""What `tidings up` shows of counts: in words that are so, and in grammar."""

import re
from pathlib import Path
from typing import Any

import pytest

from shared.cli.live import summary
from shared.cli.output import show
from shared.events.words import counted
from shared.local.snapshot import Snapshot

COUNTS = ("events", "fed", "feed_total", "classified", "ignored", "unknown", "siem_repeats", "waiting", "retried")
NONE: dict[str, Any] = {**dict.fromkeys(COUNTS, 0), "dead_letters": 0, "tickets": None, "siem_records": None}


def told(capsys: pytest.CaptureFixture[str], **what: Any) -> dict[str, str]:
    """Return the rows of the summary by their names."""
    deliveries = dict.fromkeys(("open", "update", "resolve", "reopen"), 0)
    given = {**NONE, "feed_time": None, "feed_done": True, "episodes": {}, "troubles": (), "deliveries": deliveries}
    shot = Snapshot(**{**given, **what})
    show(summary(shot, Path(".tidings")))
    lines = capsys.readouterr().out.splitlines()[1:]
    cells = [re.split(r" {2,}", line.strip()) for line in lines]
    return {name: " ".join(rest) for name, *rest in cells}


def test_of_a_real_siem_nobody_says_that_each_record_came_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys)["SIEM records"] == "- told to the real one"
    assert told(capsys, siem_records=7)["SIEM records"] == "7 each once"
    assert told(capsys, siem_records=7, siem_repeats=2)["SIEM records"] == "7 2 repeated"


def test_one_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, retried=1, dead_letters=1)["waiting"] == "0 1 retry, 1 dead letter"
    assert told(capsys, retried=2)["waiting"] == "0 2 retries, 0 dead letters"
    assert (counted(1, "error"), counted(1000, "error")) == ("1 error", "1000 errors")


def test_each_destination_that_is_switched_on_has_a_row_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    others = {"glpi_ticket": {"told": 44, "open": 2, "solved": 41}, "webhook": {"told": 7}}
    shown = told(capsys, others=others, absent=("servicenow_incident",))
    assert shown["glpi-ticket"] == "2 open, 41 solved now: 44 told"
    assert shown["webhook"] == "- now: 7 told", "a real one is not asked what it holds"
    assert "tickets" not in shown
    assert "SIEM records" in shown


def test_of_a_destination_in_shadow_the_row_says_that_nothing_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    shadow = {"servicenow_incident": 3, "siem_forwarder": 70, "webhook": 0}
    shown = told(capsys, others={"glpi_ticket": {"told": 4}, "webhook": {"told": 0}}, shadow=shadow)
    assert shown["tickets"] == "- in shadow: 3 not sent"
    assert shown["SIEM records"] == "- in shadow: 70 not sent"
    assert shown["webhook"] == "- in shadow: 0 not sent"
    assert shown["glpi-ticket"] == "- now: 4 told"
