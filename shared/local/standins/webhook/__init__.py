"""A receiver of webhooks to test against: `new_app(database)` is an ASGI app."""

from shared.local.standins.webhook.app import SECRET, TOKEN, Options, Receiver, new_app

__all__ = ["SECRET", "TOKEN", "Options", "Receiver", "new_app"]
