"""What `tidings up` shows of counts: in words that are so, and in grammar."""

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
    return {line[:12].strip(): " ".join(line[12:].split()) for line in lines}


def test_of_a_real_siem_nobody_says_that_each_record_came_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys)["SIEM records"] == "- told to the real one"
    assert told(capsys, siem_records=7)["SIEM records"] == "7 each once"
    assert told(capsys, siem_records=7, siem_repeats=2)["SIEM records"] == "7 2 repeated"


def test_one_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, retried=1, dead_letters=1)["waiting"] == "0 1 retry, 1 dead letter"
    assert told(capsys, retried=2)["waiting"] == "0 2 retries, 0 dead letters"
    assert (counted(1, "error"), counted(1000, "error")) == ("1 error", "1000 errors")
