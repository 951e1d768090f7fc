"""Knows whether the store can be asked, without asking it at each readiness check."""

import asyncio

from shared.stores.protocol import Store, StoreUnavailableError

_KEY = "probe"
_SECONDS = 2.0


class Probe:
    """Ready until the store fails; then asks every two seconds until it answers again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong."""
        return ("the store cannot be asked",) if self._task is not None else ()

    async def look(self) -> None:
        """Ask now."""
        if not await self._answers():
            self.failed()

    def failed(self) -> None:
        """Take note that the store did not answer."""
        if self._task is None:
            self._task = asyncio.create_task(self._wait())

    async def stop(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _wait(self) -> None:
        answered = await self._answers()
        while not answered:
            await asyncio.sleep(_SECONDS)
            answered = await self._answers()
        self._task = None

    async def _answers(self) -> bool:
        try:
            await self._store.get(_KEY)
        except StoreUnavailableError:
            return False
        return True
