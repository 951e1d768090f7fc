"""A Trigger whose subscriber is away holds the recording up once, and never those who can be told."""

import asyncio
import json
import logging
import shutil
from itertools import islice
from pathlib import Path

import pytest

from shared.local import feed
from shared.local.recorded.player import requests
from shared.local.settings import UpSettings
from shared.local.system import System
from tests.support.at_once import AT_ONCE

AWAY = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: shop, namespace: tidings}
spec:
  broker: tidings
  filters: [{prefix: {type: dev.}}]
  subscriber: {uri: "http://127.0.0.1:9/events"}
"""


def test_a_recording_waits_once_for_a_subscriber_that_is_away(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed, "_PATIENCE", 2.0)
    knative = shutil.copytree(root / "knative", tmp_path / "knative")
    (knative / "triggers" / "shop.yaml").write_text(AWAY, encoding="utf-8")
    recording = tmp_path / "morning.jsonl"
    lines = [json.dumps({"headers": one.headers, "body": json.loads(one.body)}) for one in islice(requests(), 60)]
    recording.write_text("\n".join(lines), encoding="utf-8")

    async def work() -> None:
        settings = UpSettings(
            data=tmp_path / "data", knative=knative, port=0, feed=str(recording), speed=0, environ=AT_ONCE
        )
        system = System(settings)
        await system.start()
        try:
            async with asyncio.timeout(60):
                while system.feed is None or not system.feed.progress.done:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.1)
            statuses = {status.trigger: status for status in system.broker.status()}
            assert statuses["shop"].waiting > 0
            assert await system.broker.idle(20, {"shop"})
        finally:
            await system.stop()

    with caplog.at_level(logging.WARNING, "tidings.feed"):
        asyncio.run(work())
    (said,) = [record for record in caplog.records if record.name == "tidings.feed"]
    assert vars(said)["triggers"] == ["shop"]
