"""The function `archive` and the commands share the word ARCHIVE_, and know each other's settings."""

import logging

import pytest

from functions.archive.settings import ArchiveSettings
from shared.archive import s3
from shared.archive.family import FAMILY
from shared.archive.settings import S3Settings, SealSettings
from shared.settings.environment import strangers, variables
from tests.support.buses.use import run

READERS = (ArchiveSettings, S3Settings, SealSettings)


def test_no_reader_takes_a_setting_of_another_one_for_a_slip_of_the_pen() -> None:
    every = {name for model in READERS for name in variables(model) if name.startswith("ARCHIVE_")}
    assert every == FAMILY
    for model in READERS:
        assert strangers([model], dict.fromkeys([*every, "ARCHIVE_S3_SECRET_KEY_FILE"], "x")) == {}
        assert "ARCHIVE_WAITNG" in strangers([model], {"ARCHIVE_WAITNG": "1"})


def test_an_s3_that_is_away_is_told_by_the_command_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAUSES", ())
    settings = {
        "ARCHIVE_S3_ENDPOINT": "http://127.0.0.1:9",
        "ARCHIVE_S3_ACCESS_KEY": "a",
        "ARCHIVE_S3_SECRET_KEY": "b",
    }

    async def work() -> None:
        place = s3.S3Place.of("s3://archive/events", settings)
        try:
            await place.read("a/one")
        finally:
            await place.close()

    with caplog.at_level(logging.WARNING), pytest.raises(Exception, match="s3://archive/events: GET of a/one"):
        run(work())
    assert [one.getMessage() for one in caplog.records] == []
