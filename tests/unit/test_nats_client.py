"""Calls to NATS end with their connection, whatever else ends in that moment."""

import asyncio
import time

from shared.stores.nats_client import Calls


def test_a_call_that_reaches_its_deadline_in_that_moment_does_not_keep_the_others_waiting() -> None:
    async def main() -> list[object]:
        calls = Calls()

        async def call(seconds: float) -> None:
            async with calls.within(seconds):
                await asyncio.sleep(60)

        running = [asyncio.create_task(call(seconds)) for seconds in (0.01, 60)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.02, calls.end)
        time.sleep(0.05)  # noqa: ASYNC251 - so that deadline and end are due in one turn of the loop
        async with asyncio.timeout(5):
            return list(await asyncio.gather(*running, return_exceptions=True))

    assert [type(one) for one in asyncio.run(main())] == [TimeoutError, TimeoutError]
