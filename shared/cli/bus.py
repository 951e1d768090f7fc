"""`tidings bus`: the topics of the bus that the settings name: make them, say what they hold."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from shared.bus.manifests import nack, strimzi
from shared.bus.manifests_nats import nats
from shared.bus.protocol import Bus, State
from shared.bus.registry import chosen, open_bus
from shared.bus.topology import TOPOLOGY, differences, wanted
from shared.cli import configured
from shared.cli.buses import BusOption, check_bus, done, opened
from shared.cli.output import Output, OutputOption, print_rows, waiting
from shared.cli.stored import DATA, DataOption

T = TypeVar("T")

EXAMPLE = "Example: NATS_URL=tls://nats.example tidings bus apply --dry-run"
_DAY = 86_400

app = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="Make the topics of the bus, or say what they hold.")


class Operator(StrEnum):
    """Who makes topics from manifests; `nats` is a NATS for them."""

    strimzi = "strimzi"
    nack = "nack"
    nats = "nats"


@app.command("apply", epilog=EXAMPLE)
def _apply(
    bus: BusOption = "",
    replicas: Annotated[int, typer.Option(min=1, max=5, help="Copies of each topic: 3 where there are as many.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    output: OutputOption = Output.table,
) -> None:
    """Make the topics that are missing and change what differs; what is in them stays."""

    async def work(there: Bus) -> list[dict[str, Any]]:
        rows = []
        for topic in wanted(replicas):
            done = differences(topic, await there.describe(topic.name)) if dry_run else await there.ensure(topic)
            days = topic.seconds // _DAY
            said = ", ".join(done) or "as it should be"
            rows.append({"topic": topic.name, "partitions": topic.partitions, "days": days, "done": said})
        return rows

    print_rows(_with(bus, work), ("topic", "partitions", "days", "done"), output)


@app.command("status", epilog="Example: tidings bus status --output json")
def _status(bus: BusOption = "", data: DataOption = DATA, output: OutputOption = Output.table) -> None:
    """Say what each topic holds; ends with 1 where one is missing."""

    async def work(there: Bus) -> list[dict[str, Any]]:
        return [_held(row.topic.name, await there.describe(row.topic.name)) for row in TOPOLOGY]

    rows = _with(bus, work, data)
    print_rows(rows, ("topic", "state", "events", "bytes", "oldest", "newest"), output)
    if any(row["state"] == "missing" for row in rows):
        raise typer.Exit(1)


@app.command("manifests", epilog="Example: tidings bus manifests strimzi --cluster event-cluster | oc apply -f -")
def _manifests(
    operator: Annotated[
        Operator,
        typer.Argument(help="For Strimzi and AMQ Streams, for NACK beside NATS, or a NATS itself."),
    ],
    cluster: Annotated[str, typer.Option(help="Name of the Kafka resource that the topics belong to.")] = "my-cluster",
    replicas: Annotated[int, typer.Option(min=1, max=5, help="Copies of each topic, servers of NATS.")] = 3,
    name: Annotated[str, typer.Option(help="Name of the NATS.")] = "nats-events",
    namespace: Annotated[str, typer.Option(help="Namespace of the NATS.")] = "tidings",
    size: Annotated[str, typer.Option(help="Volume of each server of NATS.")] = "100Gi",
    storage_class: Annotated[str, typer.Option(help="Its storage class, else the cluster's default one.")] = "",
) -> None:
    """Print the topics as manifests, for clusters where an operator makes them, or a NATS that keeps them."""
    import yaml  # the command's own need

    if operator is Operator.nats:
        made = nats(name, namespace, replicas, size, storage_class)
    else:
        topics = wanted(replicas)
        made = nack(topics) if operator is Operator.nack else strimzi(topics, cluster)
    apart = json.loads(json.dumps(made))  # what two places share would become an anchor
    typer.echo(yaml.safe_dump_all(apart, sort_keys=False), nl=False)


def _held(name: str, found: State | None) -> dict[str, Any]:
    if found is None:
        return {"topic": name, "state": "missing", "events": None, "bytes": None, "oldest": None, "newest": None}
    times = {"oldest": _text(found.first), "newest": _text(found.last)}
    return {"topic": name, "state": "there", "events": found.events, "bytes": found.size, **times}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _with(name: str, work: Callable[[Bus], Awaitable[T]], data: Path | None = None) -> T:
    """Do it with the bus that is meant, and close that; what cannot be done is said, and ends the command.

    With `data` it may be that of `tidings up` in this folder.
    """
    check_bus(name)

    async def whole() -> T:
        environ = configured.effective()
        if data is None:
            bus = open_bus(name or chosen(environ), environ)
        else:
            bus = opened(name, data, environ, must_exist=False)[1]
        try:
            return await work(bus)
        finally:
            await bus.close()

    with waiting("asking the bus"):
        return done(whole)
