"""Times for a command: written as such or as how long ago it is, in the same words for every command."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from shared.cli.commands import build
from shared.cli.moments import moment


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("7y", timedelta(days=7 * 366)),
    ],
)
def test_a_time_may_be_how_long_it_is_ago(text: str, ago: timedelta) -> None:
    found = moment(text, "--from")
    assert found is not None
    assert abs(datetime.now(UTC) - ago - found) < timedelta(seconds=5)


def test_a_time_may_be_written_out_or_left_out() -> None:
    assert moment("2026-03-01T01:00:00+01:00", "--from") == datetime(2026, 3, 1, tzinfo=UTC)
    assert moment("", "--from") is None


@pytest.mark.parametrize("text", ["yesterday", "7", "d", "-1d", "1.5h", "7 d", "2026-03-01", "999999w", "\u0667d"])
@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("trail", "INC0010042", "--since"), "--since"),
        (("replay", "--source", "embedded", "--target", "broker", "--from"), "--from"),
        (("replay", "--source", "embedded", "--target", "broker", "--to"), "--to"),
    ],
)
def test_what_is_no_time_is_wrong_usage_and_said(text: str, arguments: tuple[str, ...], option: str) -> None:
    ended = CliRunner().invoke(build(arguments[:1]), [*arguments, text])
    assert ended.exit_code == 2
    assert f"{option}: {text!r} is no time" in ended.stderr
