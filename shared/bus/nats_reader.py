"""What a stream has now, read from its beginning or a place: by a consumer of its own that the server forgets.

The server forgets it also while it is still wanted: where nothing was asked of it for a minute, because a destination
or an upload took that long, and where it was started again. Reading goes on with another one then, behind what was
read.
"""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from nats import errors
from nats.js import api
from nats.js import errors as refusals

from shared.bus.nats_consumer import record_of
from shared.bus.nats_link import NatsLink
from shared.bus.protocol import SECONDS, Record, Start

_PAGE: Final = 32
_FORGOTTEN_SECONDS: Final = 60.0


async def records(link: NatsLink, topic: str, start: Start, subject: str | None) -> AsyncGenerator[Record, None]:
    """Iterate what is there now, of one subject where it is given. Raises what nats-py does, BusUnavailableError."""
    left: int | None = None
    while True:
        stream = await link.jetstream()
        made = await stream.add_consumer(topic, _config(start, subject))
        there = made.num_pending or 0
        left = there if left is None else min(left, there)
        source = await stream.pull_subscribe_bind(consumer=made.name, stream=topic)
        came = False
        try:
            while left > 0:
                for message in await source.fetch(min(left, _PAGE), timeout=SECONDS):
                    came = True
                    left = min(left - 1, message.metadata.num_pending)
                    start = Start(after={0: message.metadata.sequence.stream})
                    yield record_of(topic, message)
        except refusals.ServiceUnavailableError:
            if not came:  # it was just made
                raise
        else:
            return
        finally:
            with contextlib.suppress(errors.Error, OSError):
                await source.unsubscribe()
                await stream.delete_consumer(topic, made.name)


def _config(start: Start, subject: str | None) -> api.ConsumerConfig:
    policy, first, since = api.DeliverPolicy.ALL, None, None
    if 0 in start.after:
        policy, first = api.DeliverPolicy.BY_START_SEQUENCE, start.after[0] + 1
    elif start.since is not None:
        policy, since = api.DeliverPolicy.BY_START_TIME, start.since
    return api.ConsumerConfig(
        deliver_policy=policy,
        opt_start_seq=first,
        opt_start_time=since,
        filter_subject=subject,
        ack_policy=api.AckPolicy.NONE,
        inactive_threshold=_FORGOTTEN_SECONDS,
        mem_storage=True,
    )
