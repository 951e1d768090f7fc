"""20,000 events through archive to a real bus, archive killed at random, the server restarted twice: `make endurance`.

`python -m tests.endurance.kept [BUS …] [--events N] [--seed S]`. What archive accepted is on the bus and in an export
of it, whose sealed segments verify; a replay of either into an empty Splunk gives the same set by `event_id`.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from shared.bus.topology import KUBERNETES, wanted
from shared.events.attributes import of as attributes_of
from shared.events.cloudevent import CloudEvent
from shared.local.standins import splunk
from tests.support.buses.registry import RIGS
from tests.support.functions import TIDINGS, environment, serving
from tests.support.keeping import Senders
from tests.support.records import classified, classified_event
from tests.support.servers import serve

_SENDERS = 16
_KILLS = 3
_SECONDS = 900.0


def kept(name: str, events: int, seed: int, folder: Path) -> list[str]:
    """Keep so many events on one bus; print what became of them, return what is not as it should be."""
    begun, chance = time.monotonic(), Random(seed)  # noqa: S311 -- when something is killed is no secret
    made = _events(events)
    with RIGS[name](folder) as rig:
        asyncio.run(_topics(rig))
        accepted = _through_archive(rig, made, chance, folder)
        found = asyncio.run(_ids(rig))
        sent = {one.id for one in made}
        wrong = [f"{len(one)} events {what}" for what, one in (
            ("were not accepted", sent - accepted), ("were accepted and are not kept", accepted - found.keys()),
            ("are kept that nobody sent", found.keys() - sent)) if one]  # fmt: skip
        copies = found.total() - len(found)
        print(f"{name}: {len(accepted)} accepted, {len(found)} kept, {copies} of them twice", flush=True)  # noqa: T201
        identities = {one.data["observation"]["identity"] for one in made}
        wrong += _replayed(rig, [rig.name], identities, folder)
        wrong += _sealed(rig, folder)
        wrong += _replayed(rig, ["archive", "--at", "archive"], identities, folder)
    print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
    return [f"{name}: {one}" for one in wrong]


def _events(number: int) -> list[CloudEvent]:
    seen = [classified(f"id-{each}") for each in range(number)]
    attributes = [
        {**attributes_of(one.observation, one.verdict), "partitionkey": f"k{n % 97}"} for n, one in enumerate(seen)
    ]
    return [classified_event(one)._replace(extensions=own) for one, own in zip(seen, attributes, strict=True)]


async def _topics(rig: Any) -> None:
    bus = rig.bus()
    for topic in wanted(1):
        await bus.ensure(topic)
    await bus.close()


async def _ids(rig: Any) -> Counter[str]:
    bus = rig.bus()
    found = Counter([one.event.id async for one in bus.read(KUBERNETES) if isinstance(one.event, CloudEvent)])
    await bus.close()
    return found


def _through_archive(rig: Any, made: list[CloudEvent], chance: Random, folder: Path) -> set[str]:
    """Post the events to archive, which is killed, and whose server is stopped once and killed once."""
    senders = Senders(made, _SECONDS)
    kills = sorted(chance.sample(range(len(made) // 10, len(made)), _KILLS))
    ways = [rig.stop, rig.kill] if hasattr(rig, "kill") else []  # the embedded one has no server
    restarts = dict(zip(sorted(chance.sample(range(len(made) // 10, len(made)), len(ways))), ways, strict=True))
    with ThreadPoolExecutor(_SENDERS) as pool, ExitStack() as ends:
        working = [pool.submit(senders.work) for _ in range(_SENDERS)]
        archive = ends.enter_context(
            serving("archive", folder / "archive-0.log", {"BUS": rig.name, **rig.environment()})
        )
        senders.to(archive)
        for number, at in enumerate(sorted({*kills, *restarts})):
            senders.until(at)
            if at in restarts:
                restarts[at]()
                time.sleep(chance.uniform(0.0, 3.0))
                rig.start()
            if at in kills:
                archive.process.kill()
                senders.to(None)
                archive.process.wait(10)
                log = folder / f"archive-{number + 1}.log"
                archive = ends.enter_context(serving("archive", log, {"BUS": rig.name, **rig.environment()}))
                senders.to(archive)
        senders.until(len(made))
        for one in working:
            one.result()
    return senders.accepted


def _sealed(rig: Any, folder: Path) -> list[str]:
    """Export the bus, seal and verify it; return what is wrong."""
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "seal.pem"]
    public = ["openssl", "pkey", "-in", "seal.pem", "-pubout", "-out", "seal.pub.pem"]
    for command in (make, public):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    key, begun = {"ARCHIVE_SEAL_KEY_FILE": "seal.pem", **rig.environment()}, time.monotonic()
    size = ("--segment-size", "1MiB")
    exported = _tidings(
        ["archive", "export", "--bus", rig.name, "--to", "archive", "--roots", "roots", *size], key, folder
    )
    verify = [
        "trail",
        "verify",
        "--at",
        "archive",
        "--roots",
        "roots",
        "--public-key",
        "seal.pub.pem",
        "--output",
        "json",
    ]
    verified = _tidings(verify, {}, folder)
    segments = len([*folder.glob("archive/*/*.jsonl.gz")])
    print(f"{rig.name}: {segments} segments sealed and verified in {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201
    return [f"{one.args[1:3]}: {one.stderr[-500:]}" for one in (exported, verified) if one.returncode]


def _replayed(rig: Any, source: list[str], identities: set[str], folder: Path) -> list[str]:
    """Replay the whole into an empty Splunk; return what is wrong with what it has then."""
    app = splunk.new_app(str(folder / f"splunk-{source[0]}.db"))
    try:
        with serve(app) as url:
            settings = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value, **rig.environment()}
            command = ["replay", "--source", *source, "--target", "splunk", "--output", "json"]
            begun = time.monotonic()
            ended = _tidings([*command, "--from", "1970-01-02T00:00:00Z"], settings, folder)
        if ended.returncode:
            return [f"replay from {source[0]} ended with {ended.returncode}: {ended.stderr[-500:]}"]
        seconds, found = time.monotonic() - begun, set(app.event_ids())
        outcomes = json.loads(ended.stdout)["outcomes"]
        print(f"{rig.name}: replayed from {source[0]} in {seconds:.1f} s, {outcomes}", flush=True)  # noqa: T201
        return [f"Splunk has {len(found)} of {len(identities)} events"] if found != identities else []
    finally:
        app.close()


def _tidings(arguments: Sequence[str], settings: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(TIDINGS), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(settings), capture_output=True, text=True, timeout=_SECONDS, check=False
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Keep events on each bus; return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.kept", description=__doc__)
    parser.add_argument("buses", nargs="*", metavar="BUS", help=f"of {', '.join(RIGS)}; all where none is named")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    for name in options.buses or RIGS:
        with tempfile.TemporaryDirectory(prefix="tidings-kept-") as folder:
            wrong += kept(name, options.events, options.seed, Path(folder))
    for one in wrong:
        print(f"WRONG: {one}")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
