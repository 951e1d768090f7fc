"""F48: nothing that an event or a name server says changes where a request goes."""

import asyncio
import json
import socket
from typing import Any

import pytest

from functions.siem_forwarder.handler import new as new_forwarder
from shared.delivery.failure import Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done
from shared.local.standins import splunk
from shared.runtime.function import Call
from shared.settings.addresses import literal, refusal
from shared.settings.http import check_url
from shared.telemetry.metrics import Metrics
from tests.support.exchanges import OK, Found, answering, ask_async, request_of, server
from tests.support.incidents import instance
from tests.support.records import classified, classified_event
from tests.support.servers import serve
from tests.support.tickets import episode

NAME = "siem.example"


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answer one look-up after the other, the last for ever; return the names asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


FORBIDDEN = [
    ("169.254.169.254", "link-local"), ("fe80::1", "link-local"), ("::ffff:169.254.169.254", "link-local"),
    ("64:ff9b::a9fe:a9fe", "link-local"), ("2002:a9fe:a9fe::1", "link-local"), ("::a9fe:a9fe", "link-local"),
    ("fd00:ec2::254", "metadata"), ("100.100.100.200", "metadata"), ("0.1.2.3", "unspecified"), ("::", "unspecified"),
    ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("127.0.0.1", "loopback"), ("::1", "loopback"),
    ("172.30.0.1", "api-server"), ("::ffff:172.30.0.1", "api-server"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "why"), FORBIDDEN)
def test_f48_a_name_that_leads_to_a_forbidden_address_is_not_connected_to(
    address: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.

    Held and counted, never a crash.
    """
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "172.30.0.1")
    resolving(monkeypatch, ["203.0.113.7", address])
    told: list[str] = []

    async def run() -> Found:
        async with new_client(f"https://{NAME}", told=told.append) as client:
            return await exchange(client, client.build_request("POST", "/"), seconds=5)

    assert asyncio.run(run()) == Temporary(f"cannot connect (its address is refused: {why})")
    assert told == [why]


@pytest.mark.parametrize(
    ("host", "why"),
    [("kubernetes.default", "api-server"), ("kubernetes.default.svc.cluster.local", "api-server"),
     ("api.cluster.example", "api-server"), ("169.254.169.254", "link-local"), ("[fd00:ec2::254]", "metadata")],
)  # fmt: skip
def test_f48_what_no_setting_may_name_is_neither_looked_up_nor_connected_to(
    host: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.

    Should a setting ever get past its own check, the connection does not.
    """
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "api.cluster.example")
    asked = resolving(monkeypatch, ["203.0.113.7"])
    assert asyncio.run(ask_async(f"https://{host}")) == Temporary(f"cannot connect (its address is refused: {why})")
    assert asked == []


def test_f48_a_name_that_answers_differently_the_second_time_is_refused_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.

    The address that was looked at is the one that is connected to.
    """

    async def run() -> tuple[Found, Found, list[str], list[str]]:
        reached: list[str] = []

        async def connect(_loop: object, _protocol: object, host: str, port: int, **_: Any) -> Any:
            reached.append(f"{host}:{port}")
            raise ConnectionRefusedError

        monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
        asked = resolving(monkeypatch, ["203.0.113.7"], ["169.254.169.254"])
        first = await ask_async(f"https://{NAME}")
        second = await ask_async(f"https://{NAME}")
        return first, second, reached, asked

    first, second, reached, asked = asyncio.run(run())
    assert reached == ["203.0.113.7:443"], "by address, so that no second look-up lies between check and connection"
    assert asked == [NAME, NAME]
    assert isinstance(first, Temporary)
    assert isinstance(second, Temporary)
    assert "link-local" in second.reason


def test_f48_private_addresses_are_fine_and_a_loopback_name_must_stay_on_this_machine() -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.

    What runs on premises has private addresses.
    """
    for private in ("10.1.2.3", "192.168.7.7", "172.16.0.9", "fd12:3456::1", "203.0.113.7"):
        address = literal(private)
        assert address is not None
        assert refusal(address, loopback=False, environ={}) == ""
        assert refusal(address, loopback=True, environ={}) == "loopback", "plain http may go to loopback names"


def test_f48_only_the_host_of_the_settings_is_ever_contacted() -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.
    """
    elsewhere: list[bytes] = []

    async def other(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        elsewhere.append(await request_of(reader))

    async def run() -> Found:
        async with server(other) as target, server(answering(OK, b'{"a": [1]}\n')) as own, new_client(own) as client:
            assert isinstance(await exchange(client, client.build_request("POST", "/"), seconds=5), Answer)
            return await exchange(client, client.build_request("POST", f"{target}/x"), seconds=5)

    assert asyncio.run(run()) == Temporary("cannot connect (its address is refused: other-host)")
    assert elsewhere == []


def test_f48_no_redirect_is_followed_to_the_metadata_service() -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.
    """
    head = b"HTTP/1.1 307 x\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"

    async def run() -> Found:
        async with server(answering(head)) as url:
            return await ask_async(url)

    assert isinstance(asyncio.run(run()), Refused)


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]",
     "kubernetes.default", "kubernetes.default.svc", "KUBERNETES.default.svc.cluster.local.", "172.30.0.1"],
)  # fmt: skip
def test_f48_a_setting_that_names_such_a_place_is_wrong_from_the_start(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.
    """
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "172.30.0.1")
    with pytest.raises(ValueError, match=r"no foreign system|API server"):
        check_url(f"https://{host}/")


class Places:
    """Where connections led, and which names were looked up, while the functions worked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.connected: set[str] = set()
        self.looked_up: set[str] = set()
        connect, look_up = asyncio.BaseEventLoop.create_connection, socket.getaddrinfo

        async def connecting(loop: Any, protocol: Any, host: str, port: int, **more: Any) -> Any:
            self.connected.add(f"http://{host}:{port}")
            return await connect(loop, protocol, host, port, **more)

        def looking(host: Any, *rest: Any, **more: Any) -> Any:
            self.looked_up.add(host.decode() if isinstance(host, bytes) else str(host))
            return look_up(host, *rest, **more)

        monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connecting)
        monkeypatch.setattr(socket, "getaddrinfo", looking)


def led_away(place: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with every member that a careless program would take for its destination."""
    more = dict.fromkeys(("dest_url", "destination", "url", "link", "webhook", "instance"), place)
    texts = {**more, "tidings.dev/dest-url": place}
    inner = {name: {**value, **more} if isinstance(value, dict) else value for name, value in data.items()}
    for holder in (inner, *(value for value in inner.values() if isinstance(value, dict))):
        holder.update({"labels": texts} if "labels" in holder else {})
        holder.update({"annotations": texts} if "annotations" in holder else {})
        holder.update({"runbook": place} if "runbook" in holder else {})
    return {**inner, **more, "links": [{"href": place}]}


@pytest.mark.parametrize("place", ["trap", "http://169.254.169.254/latest", "http://kubernetes.default/api"])
def test_f48_whatever_an_event_names_the_functions_speak_to_their_own_system_alone(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.
    """
    app, reached = splunk.new_app(), Places(monkeypatch)
    trapped: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        trapped.append(await request_of(reader))

    async def work(siem_url: str) -> None:
        async with server(trap) as trap_url:
            named = trap_url if place == "trap" else place
            attributes = {"desturl": named, "url": named, "links": named}
            forwarder = new_forwarder({"SPLUNK_HEC_URL": siem_url, "SPLUNK_TOKEN": "tidings-hec-token"}, Metrics())
            incident = sn.function()
            told = classified_event(classified(message=f"see {named}"))
            opened = CloudEvent("1", named, "dev.tidings.problem.opened.v1", data=episode().model_dump(mode="json"))
            for function, event in ((forwarder, told), (incident, opened)):
                changed = event._replace(extensions=attributes, data=led_away(named, event.data))
                await function.start()
                result = await function.handle(changed, Call(asyncio.get_running_loop().time() + 10))
                assert isinstance(result.outcome, Done)
                report = dict(result.reply.data if result.reply else {})
                report.pop("fields", None)  # what was written into the ticket: its text may say what the event says
                assert named not in json.dumps(report)
                await function.stop()

    with serve(app) as siem_url, instance() as sn:
        asyncio.run(work(siem_url))
        assert len(sn.incidents()) == len(app.events()) == 1
        assert reached.connected == {siem_url, sn.url}
    assert reached.looked_up <= {"127.0.0.1"}
    assert trapped == []
    app.close()
