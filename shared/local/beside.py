"""Something that lives beside an app: begun once the app has started, ended before the app is."""

from typing import Protocol

from shared.runtime.asgi import App, Message, Receive, Scope, Send


class Companion(Protocol):
    """What lives as long as the app does."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End, with all that is in flight."""


class Beside:
    """An app around another one, and its companion."""

    def __init__(self, app: App, companion: Companion) -> None:
        self._app = app
        self._companion = companion

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope (ASGI 3)."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._companion.stop()
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._companion.start()
            await send(message)

        await self._app(scope, received, sent)
