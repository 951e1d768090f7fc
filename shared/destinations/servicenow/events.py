"""Event Management as a system that upserts by key: one alert for each episode, up to 100 events a call."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import orjson

from shared.delivery.bulk import Bulk
from shared.delivery.failure import Refused, Temporary
from shared.delivery.preview import Preview
from shared.destinations.finding import Finding
from shared.destinations.http import naming
from shared.destinations.servicenow.check import check_events
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.event_record import Posted, event_of, judge_events
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.events.episode import Episode
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.telemetry.metrics import Metrics

PATH: Final = "/api/global/em/jsonv2"
MOST: Final = 100
"""Records of one call."""


class Events:
    """The way in for events of one instance."""

    def __init__(self, settings: ServiceNowSettings, metrics: Metrics, name: str) -> None:
        self.name = name
        self._settings = settings
        self._metrics = metrics

    def connect(self) -> "Line":
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        client = Client(self._settings, self._metrics, self.name)
        with naming("SERVICENOW_CA_FILE"):
            client.open()
        return Line(client, self.name)

    def key(self, episode: Episode) -> str:
        """Return the message key."""
        return episode.id

    def link(self, episode: Episode) -> str:
        """Return where the alert is: a list, for its sys_id is never told."""
        return f"{self._settings.instance}/em_alert_list.do?sysparm_query={quote(f'message_key={episode.id}', safe='')}"

    def record(self, episode: Episode, fields: Mapping[str, Any]) -> bytes:
        """Return the event."""
        return event_of(episode, fields)

    def preview(self, record: bytes) -> list[Preview]:
        """Return the request that carries this event alone."""
        return [Preview(self.name, "POST", f"{self._settings.instance}{PATH}", {"records": [orjson.loads(record)]})]


class Line:
    """A client that is open."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._refused = Rejected(name, "the event is not one that Event Management takes")
        self._name = name

    async def send(self, contents: Sequence[bytes]) -> list[Outcome]:
        """Post events together; one that they do not take is Rejected alone and the rest is sent on (F58)."""
        parts = Bulk(contents)
        while (part := parts.next()) is not None:
            parts.calls += 1
            body = {"records": [orjson.Fragment(contents[place]) for place in part]}
            judged = await self._client.post(
                PATH, body, partial(judge_events, count=len(part)), self._client.settings.seconds
            )
            if isinstance(judged, Refused):
                parts.give_up(Rejected(self._name, judged.reason))
            elif not isinstance(judged, Posted):
                parts.give_up(Retry(judged.reason, judged.after if isinstance(judged, Temporary) else None))
            elif judged.failed is None:
                parts.split(part, self._refused)
            else:
                for number, place in enumerate(part):
                    parts.settle(range(place, place + 1), self._refused if number in judged.failed else Done())
        return parts.outcomes()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says, without sending an event."""
        return await check_events(self._client)
