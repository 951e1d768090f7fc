"""Tokens that no header can carry are told in words, at the start and when their file changes; nothing raises."""

import asyncio
from pathlib import Path

import pytest

from shared.destinations.http import new_client
from shared.destinations.servicenow.auth import UNREADABLE, Auth
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.destinations.splunk.client import SplunkClient
from shared.destinations.splunk.settings import SplunkSettings
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Retry
from shared.runtime.sink import HttpPublisher
from shared.settings.environment import SettingsError, read
from shared.telemetry.metrics import Metrics

ODD = ["tökenvalue", "zero\u200bwidth", "two words", "line\nbreak"]
HERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("token", ODD)
@pytest.mark.parametrize("name", ["SERVICENOW_TOKEN", "SERVICENOW_API_KEY", "SPLUNK_TOKEN"])
def test_a_token_that_no_header_can_carry_is_a_settings_error_that_does_not_show_it(name: str, token: str) -> None:
    environ = {"SERVICENOW_INSTANCE": HERE, "SPLUNK_HEC_URL": HERE, name: token}
    with pytest.raises(SettingsError) as raised:
        read(SplunkSettings if name.startswith("SPLUNK") else ServiceNowSettings, environ)
    assert f"{name}: holds a character that no token has" in str(raised.value)
    assert token not in str(raised.value)


@pytest.mark.parametrize("name", ["SERVICENOW_TOKEN", "SERVICENOW_API_KEY"])
def test_a_servicenow_token_that_becomes_odd_waits(tmp_path: Path, name: str) -> None:
    file = tmp_path / "token"
    file.write_text("good", encoding="utf-8")
    settings = read(ServiceNowSettings, {"SERVICENOW_INSTANCE": HERE, f"{name}_FILE": str(file)})
    file.write_text("no longer göod", encoding="utf-8")

    async def work() -> object:
        async with new_client(HERE) as client:
            return await Auth(settings).headers(client, 1.0)

    assert asyncio.run(work()) == UNREADABLE


def test_a_splunk_token_that_becomes_odd_waits(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("good", encoding="utf-8")
    settings = read(SplunkSettings, {"SPLUNK_HEC_URL": HERE, "SPLUNK_TOKEN_FILE": str(file)})
    file.write_text("no longer göod", encoding="utf-8")

    async def work() -> object:
        client = SplunkClient(settings, Metrics())
        try:
            return (await client.send([b"{}"]))[0]
        finally:
            await client.close()

    assert asyncio.run(work()) == Retry("the token's file cannot be read, or holds no token")


def test_a_password_may_hold_any_letter() -> None:
    environ = {"SERVICENOW_INSTANCE": HERE, "SERVICENOW_USERNAME": "tidings", "SERVICENOW_PASSWORD": "pässwört ☃"}
    settings = read(ServiceNowSettings, environ)

    async def work() -> None:
        async with new_client(HERE) as client:
            headers = await Auth(settings).headers(client, 1.0)
            assert isinstance(headers, dict)
            client.build_request("GET", "/", headers=headers)

    asyncio.run(work())


def test_a_publisher_opens_its_connections_again_after_it_was_closed() -> None:
    async def work() -> None:
        publisher = HttpPublisher(HERE, seconds=1.0)
        event = CloudEvent("1", "s", "t", data={})
        assert await publisher.publish(event) is False
        await publisher.close()
        assert await publisher.publish(event) is False  # nobody listens there; a closed client would raise
        await publisher.close()
        await publisher.close()

    asyncio.run(work())
