"""Certificates that come near their end, told by the tick: once, and only while they are not renewed."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.events.cloudevent import TICK, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Done, Rejected, Retry
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.function import Result
from shared.stores.protocol import ABSENT
from tests.support.objects import NOW, STORED, Object, Rig, observation, on, play, thing


def certificate(version: int, days: float) -> Object:
    ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    return thing("Certificate", version, status={"notAfter": ends, "renewalTime": "2026-11-24T00:00:00Z"})


def secret(version: int, days: float) -> Object:
    ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    notes = {"auth.openshift.io/certificate-not-after": ends}
    return thing("Secret", version, {"annotations": notes}, type="kubernetes.io/tls", data={"tls.key": "aHVudGVyMg=="})


async def tick(rig: Rig, days: float) -> Result:
    return await rig.edge.dispatch(CloudEvent("t", "tick", TICK, time=NOW + timedelta(days=days)))


def reasons(rig: Rig) -> list[str]:
    return [event.data["reason"] for event in rig.sink.events]


@STORED
@pytest.mark.parametrize("made", [certificate, secret])
def test_a_certificate_that_nobody_renews_is_told_by_a_tick_once_and_its_renewal_ends_it(
    name: str, tmp_path: Path, made: Callable[[int, float], Object]
) -> None:
    async def work(rig: Rig) -> None:
        assert observation(await rig.send(made(1, 60), "add")).reason == ""
        for days in (1, 45.9, 46.1, 46.2):
            assert await tick(rig, days) == Result(Done())
            assert reasons(rig) == (["CertificateExpiresSoon"] if days > 46 else [])
        (event,) = rig.sink.events
        assert "aHVudGVyMg==" not in json.dumps(event.data)
        assert event.data["received"] == "2027-01-09T12:24:00Z"
        assert classify(Observation.model_validate(event.data), load_shipped(None)).phase == "problem"
        ended = await rig.send(made(2, 150), seconds=47 * 86_400)
        told = [*reasons(rig), observation(ended).reason]
        assert {"Issuing", "CertificateRenewed"} & set(told)
        await tick(rig, 200)
        assert reasons(rig).count("CertificateExpiresSoon") == 2, "the new one comes to its end, too"

    on(name, tmp_path, work)


def test_a_certificate_that_was_renewed_or_is_gone_is_not_told_of() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(certificate(1, 60), "add")
        await rig.send(certificate(2, 90))
        await rig.send(secret(1, 60), "add")
        await rig.send(secret(2, 60), "delete")
        await tick(rig, 50)
        assert reasons(rig) == []
        await tick(rig, 80)
        assert reasons(rig) == ["CertificateExpiresSoon"]
        assert [entry.key async for entry in rig.store.scan("expiry.")] == []

    play(work)


def test_an_expiry_that_cannot_be_read_keeps_no_other_one_waiting(caplog: pytest.LogCaptureFixture) -> None:
    async def work(rig: Rig) -> None:
        await rig.store.put("expiry.000000000001.broken", b"{", expected=ABSENT)
        await rig.send(certificate(1, 60), "add")
        assert await tick(rig, 47) == Result(Done())
        assert reasons(rig) == ["CertificateExpiresSoon"]
        (left,) = [entry.key async for entry in rig.store.scan("expiry.")]
        assert left.endswith(".broken"), "it is looked at again ten minutes later"
        assert int(left.split(".")[1]) == int((NOW + timedelta(days=47)).timestamp()) + 600

    play(work)
    assert [record.message for record in caplog.records] == ["an expiry cannot be read, and is set aside"]


def test_a_certificate_that_the_broker_did_not_take_is_told_with_the_next_tick() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(certificate(1, 60), "add")
        rig.sink.broken = True
        assert isinstance((await tick(rig, 47)).outcome, Retry)
        rig.sink.broken = False
        assert await tick(rig, 47.1) == Result(Done())
        assert reasons(rig) == ["CertificateExpiresSoon"]
        assert isinstance((await rig.edge.dispatch(CloudEvent("t", "tick", TICK))).outcome, Rejected)

    play(work)
