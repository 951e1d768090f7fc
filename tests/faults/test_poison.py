"""What no function can use: refused once, a dead letter at once, and neither a traceback nor an echo of it."""

import asyncio
import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.answer import Answer
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.caller import Caller
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.http_caller import HttpCaller
from shared.local.broker.records import Letter, TriggerStatus
from shared.local.broker.topology import Topology
from shared.telemetry.metrics import Metrics
from tests.support.brokers import FastClock, event, trigger
from tests.support.functions import Served, serving

SENTINEL = "hunter2sEcReT"
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": f"id-{SENTINEL}",
    "ce-source": SENTINEL,
    "ce-type": "dev.knative.apiserver.resource.add",
    "content-type": "application/json",
}
STRUCTURED = {"content-type": "application/cloudevents+json"}
NO_ID = {name: value for name, value in BINARY.items() if name != "ce-id"}
THING = json.dumps({"kind": "Pod", "metadata": {"name": SENTINEL}}).encode()


def structured(**changes: object) -> bytes:
    members: dict[str, object] = {"specversion": "1.0", "id": SENTINEL, "source": SENTINEL, "type": BINARY["ce-type"]}
    return json.dumps({**members, "data": {"kind": "Pod", "metadata": {"name": SENTINEL}}, **changes}).encode()


POISON = {
    "malformed JSON": (BINARY, b'{"kind": "%s", ' % SENTINEL.encode()),
    "malformed JSON, structured": (STRUCTURED, b'{"id": "%s", ' % SENTINEL.encode()),
    "JSON that is no object": (BINARY, b'["%s"]' % SENTINEL.encode()),
    "a text for JSON": ({**BINARY, "content-type": "text/plain"}, SENTINEL.encode()),
    "XML": ({**BINARY, "content-type": "application/xml"}, b"<a>%s</a>" % SENTINEL.encode()),
    "a form and no attributes": ({"content-type": "application/x-www-form-urlencoded"}, SENTINEL.encode()),
    "no ce-id": (NO_ID, THING),
    "an empty ce-id": ({**BINARY, "ce-id": ""}, THING),
    "no id, structured": (STRUCTURED, structured(id=None)),
    "a bad time": ({**BINARY, "ce-time": SENTINEL}, THING),
    "a time that no calendar has": ({**BINARY, "ce-time": "2026-02-30T25:61:00Z"}, THING),
    "a bad time, structured": (STRUCTURED, structured(time=SENTINEL)),
}


@dataclass
class Poisoned:
    """A subscriber over HTTP that is sent this request for whatever event the broker has: Kafka keeps bytes, not JSON.

    Whoever writes to its topic past the ingress decides what the dispatcher sends.
    """

    served: Served
    headers: Mapping[str, str]
    body: bytes
    answers: list[Answer] = field(default_factory=list)
    seconds: float = math.inf

    async def call(self, event: CloudEvent, namespace: str) -> Answer | Literal["no answer"]:  # noqa: ARG002
        status, headers, body = await asyncio.to_thread(self.served.request, "POST", "/", self.headers, self.body)
        self.answers.append(Answer(status, headers, body))
        return self.answers[-1]


async def carried(folder: Path, caller: Caller, poison: CloudEvent) -> tuple[Letter, TriggerStatus]:
    """Let a broker deliver it by a Trigger that would try five times more, and return the one dead letter."""
    clock = FastClock()
    settings = BrokerSettings(clock=clock, maintain_every=7.0, retry_letters_every=7.0)
    delivery = DeliverySpec(retry=5, backoff_delay=1.5, dead_letter_sink="KafkaSink/letters")
    topology = Topology(triggers=(trigger("one", kind="", delivery=delivery),))
    broker = Broker(topology, {"one": caller}, folder / "broker.db", Metrics(), settings)
    await broker.start()
    try:
        assert await broker.publish(poison)
        assert await broker.idle(10)
        (letter,) = await broker.letters.list()
        (status,) = broker.status()
    finally:
        await broker.stop(grace=2.0)
    assert set(clock.asked) <= {7.0}, "nothing waited for another try"
    return letter, status


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("poison") / "log"
    with serving("classifier", log, {"CLUSTER": "prod"}) as served:
        yield served


@pytest.mark.parametrize("name", POISON)
def test_f27_poison_is_refused_once_and_a_dead_letter_at_once(name: str, classifier: Served, tmp_path: Path) -> None:
    """F27, word for word.

    poison: malformed JSON / wrong content type / no ce-id / bad time |
    400/422 once, straight to DLS, no traceback, no echo
    """
    headers, body = POISON[name]
    caller = Poisoned(classifier, headers, body)

    async def play() -> None:
        letter, status = await carried(tmp_path, caller, event(1))
        (answer,) = caller.answers
        assert answer.status in {400, 422}
        assert (letter.code, letter.tries) == (answer.status, 1), "once, and straight to the dead letters"
        assert (status.retried, status.dead) == (0, 1)
        assert SENTINEL not in f"{answer.headers}{answer.body.decode()}", "no echo in the answer"
        data = base64.b64decode(letter.as_event().extensions["knativeerrordata"]).decode()
        assert json.loads(data).keys() == {"error"}
        assert SENTINEL not in f"{data}{letter.reason}{letter.stage}", "nor in the dead letter"

    asyncio.run(play())
    log = classifier.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert SENTINEL not in log
    assert {line["level"] for line in classifier.lines()} <= {"info", "warning"}


@pytest.mark.parametrize("media", ["application/json", "text/plain"])
def test_f27_what_the_broker_itself_can_carry_is_refused_once_too(
    media: str, classifier: Served, tmp_path: Path
) -> None:
    """F27, word for word.

    poison: malformed JSON / wrong content type / no ce-id / bad time |
    400/422 once, straight to DLS, no traceback, no echo
    """
    poison = CloudEvent(SENTINEL, SENTINEL, "dev.knative.apiserver.resource.add", datacontenttype=media, data=SENTINEL)

    async def play() -> None:
        caller = HttpCaller(classifier.url, 10.0, 8, Metrics())
        letter, status = await carried(tmp_path, caller, poison)
        await caller.close()
        assert (letter.code, letter.tries, status.retried) == (422, 1, 0)
        assert letter.stage == "decode"
        assert SENTINEL not in letter.reason
        assert letter.event == poison, "what is kept is the event as it was"

    asyncio.run(play())
    log = classifier.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert SENTINEL not in log


def test_f27_after_all_the_poison_a_good_event_is_served(classifier: Served) -> None:
    """F27, word for word.

    poison: malformed JSON / wrong content type / no ce-id / bad time |
    400/422 once, straight to DLS, no traceback, no echo
    """
    for headers, body in POISON.values():
        assert classifier.request("POST", "/", headers, body)[0] in {400, 422}
    assert classifier.request("POST", "/", {**BINARY, "ce-time": "2026-01-01T00:00:00Z"}, THING)[0] == 200
    _, _, scrape = classifier.request("GET", "/metrics")
    assert b'tidings_requests_refused_total{function="classifier",reason="malformed"}' in scrape, "counted"
