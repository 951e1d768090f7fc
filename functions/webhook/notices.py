"""What is told of each sort of event, by which key, and the way of it to the target."""

import contextlib
from typing import Final, NamedTuple

from shared.delivery.failure import Failure
from shared.delivery.links import Places
from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_field import Field
from shared.delivery.notices import Sent, Skip
from shared.delivery.settled import UNCHANGED
from shared.delivery.telling import context_of
from shared.delivery.templates import Context, TemplateRefused
from shared.destinations.webhook.client import WebhookClient
from shared.destinations.webhook.record import Asked, asked
from shared.events.delivery import DeliveryOperation, DeliveryReport
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.events.model import Classified
from shared.events.outcome import Rejected

NAME: Final = "webhook"
Subject = Episode | Classified | DeliveryReport


class Notice(NamedTuple):
    """One thing to tell: the mapping's operation, what its templates begin with, and the key that copies share."""

    operation: str
    context: Context
    key: str


def of_observation(classified: Classified) -> Notice:
    """Return what is told of an observation."""
    observation = classified.observation
    return Notice("record", {"observation": observation, "verdict": classified.verdict}, observation.identity)


def of_report(report: DeliveryReport) -> Notice:
    """Return what is told of another destination's delivery."""
    key = digest("delivery", report.destination, report.key, str(report.revision))
    return Notice("report", {"delivery": report}, key)


class Requests:
    """The requests that a mapping makes of notices. No I/O."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def skips(self, operation: str, context: Context, *, noted: bool = False) -> Skip | None:
        """Return why this is not told. `noted`: people would see no difference to the last one."""
        fields = self._mapping.fields(operation, context)
        if not fields:
            return Skip(f"the mapping says nothing for {operation}", told=True)
        if noted and _is_notable(fields):
            return Skip(UNCHANGED)
        when = next((one.when for one in fields if one.name == "body"), None)
        shown = context if when is None else self._mapping.shown(context)
        with contextlib.suppress(TemplateRefused):  # making the request tells, as it does of what cannot be shown
            if when is not None and not isinstance(shown, Rejected) and not when.render(shown):
                return Skip("the condition of the mapping's body does not hold")
        return None

    def make(self, operation: str, context: Context) -> Asked | Rejected:
        """Return the request, without credentials."""
        fields = render(self._mapping, operation, context)
        return fields if isinstance(fields, Rejected) else asked(fields)


class Target:
    """The target, as the delivery algorithm tells it of episodes."""

    def __init__(self, requests: Requests, client: WebhookClient, places: Places) -> None:
        self._requests = requests
        self._places = places
        self._client = client

    def skips(self, operation: DeliveryOperation, episode: Episode, told: int, *, noted: bool) -> Skip | None:
        """Return why a snapshot is not told as this."""
        return self._requests.skips(operation, context_of(episode, told, self._places), noted=noted)

    async def tell(
        self, operation: DeliveryOperation, episode: Episode, told: int, key: str, seconds: float
    ) -> Failure | Rejected | Sent:
        """Send the notice of a snapshot."""
        return await self.send(Notice(operation, context_of(episode, told, self._places), key), seconds)

    async def send(self, notice: Notice, seconds: float) -> Failure | Rejected | Sent:
        """Send any notice; return its body's members once it was taken."""
        request = self._requests.make(notice.operation, notice.context)
        if isinstance(request, Rejected):
            return request
        failure = await self._client.send(request, notice.key, seconds)
        if failure is not None:
            return failure
        return request.body if isinstance(request.body, dict) else {"body": request.body}


def _is_notable(fields: tuple[Field, ...]) -> bool:
    return any(one.name == "notable" and one.text is not None and one.text.constant == "true" for one in fields)
