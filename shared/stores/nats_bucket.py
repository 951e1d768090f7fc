"""The bucket of the NATS store: made where it is missing, and refused where state could not live in it.

A bucket is a JetStream stream named `KV_<bucket>` with one message a subject, as in NATS's ADR-8; so its tools can show
it, and one that an administrator made serves too. Facts: reference/test-servers.md, the JetStream API.
"""

import json
import logging
from typing import Any, Final

from nats.aio.client import Client

from shared.stores.limits import MAX_VALUE
from shared.stores.nats_place import Place
from shared.stores.protocol import StoreUnavailableError

_log = logging.getLogger("tidings.store")

_NO_STREAM: Final = 10059
_SECONDS: Final = 5.0
HEADERS_ROOM: Final = 4096
"""Bytes of a message besides its value: NATS counts headers and subject into max_payload."""


def stream_of(bucket: str) -> str:
    """Return the name of a bucket's stream."""
    return f"KV_{bucket}"


async def prepare(client: Client, place: Place) -> None:
    """See that the bucket is there and good. Raises StoreUnavailableError with what to do, and nats.errors.Error."""
    name = stream_of(place.bucket)
    answer = await _api(client, f"STREAM.INFO.{name}", b"")
    if answer.get("error", {}).get("err_code") == _NO_STREAM:
        answer = await _api(client, f"STREAM.CREATE.{name}", json.dumps(_wanted(place)).encode())
        if "error" not in answer:
            replicas = answer["config"]["num_replicas"]
            _log.warning("the bucket %s was not there: made it with replicas=%d", place.bucket, replicas)
    if "error" in answer:
        code = answer["error"].get("err_code")
        raise StoreUnavailableError(
            f"NATS does not give the bucket {place.bucket} (error {code}): {_remedy(code, place)}"
        )
    config = answer["config"]
    if problem := _problem(config, place):
        raise StoreUnavailableError(f"the bucket {place.bucket} cannot keep state: {problem}")
    _warn(client, config, place)


def _wanted(place: Place) -> dict[str, Any]:
    return {
        "name": stream_of(place.bucket),
        "description": "State of Tidings: episodes, claims, what is due",
        "subjects": [f"$KV.{place.bucket}.>"],
        "max_msgs_per_subject": 1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_consumers": -1,
        "retention": "limits",
        "discard": "new",
        "storage": "file",
        "num_replicas": place.replicas or 1,
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "allow_msg_ttl": True,
        "deny_delete": True,
    }


def _problem(config: dict[str, Any], place: Place) -> str:
    """Return why a stream with this configuration would lose or refuse what is written, empty where it would not."""
    edit = f"nats stream edit {stream_of(place.bucket)}"
    if not config.get("allow_msg_ttl"):
        return f"entries could not expire: it takes NATS 2.11 or newer, and `{edit} --allow-msg-ttl`"
    if not config.get("allow_direct"):
        return f"it cannot be read directly: `{edit} --allow-direct`"
    if config.get("max_age"):
        return f"open episodes would expire with its TTL: `{edit} --max-age=-1`"
    if config.get("discard") != "new" and (config.get("max_bytes", -1) > 0 or config.get("max_msgs", -1) > 0):
        return f"when full it would forget the oldest: `{edit} --discard=new`"
    if config.get("subjects") != [f"$KV.{place.bucket}.>"] or config.get("mirror"):
        return "its subjects are not those of a bucket of its own: name another one in STORE_URL"
    return ""


def _warn(client: Client, config: dict[str, Any], place: Place) -> None:
    """Say what works, and will not in every case."""
    if client.max_payload < MAX_VALUE + HEADERS_ROOM:
        _log.warning(
            "NATS takes messages of at most %d bytes, a value may have %d: set max_payload to 2MB there",
            client.max_payload,
            MAX_VALUE,
        )
    if place.replicas is not None and config["num_replicas"] != place.replicas:
        _log.warning(
            "the bucket %s has %d replicas, STORE_URL says %d: `nats stream edit %s --replicas=%d`",
            place.bucket, config["num_replicas"], place.replicas, stream_of(place.bucket), place.replicas,
        )  # fmt: skip
    if config.get("storage") == "memory":
        _log.warning("the bucket %s is kept in memory: a restart of NATS forgets it", place.bucket)


def _remedy(code: int | None, place: Place) -> str:
    known = {
        10039: "switch JetStream on for this account",
        10076: "switch JetStream on",
        10047: "give the account more storage, or the bucket fewer replicas",
        10023: "give the account more storage, or the bucket fewer replicas",
        10005: f"{place.replicas or 1} servers must be up, or write fewer replicas",
        10074: "replicas take a cluster: write replicas=1 for a single server",
        10052: "the bucket's configuration is refused: it takes NATS 2.11 or newer",
        10008: "JetStream has no quorum now",
    }
    return known.get(code or 0, "look into the server's log")


async def _api(client: Client, what: str, payload: bytes) -> dict[str, Any]:
    message = await client.request(f"$JS.API.{what}", payload, timeout=_SECONDS)
    answer: dict[str, Any] = json.loads(message.data)
    return answer
