"""A QRadar to send to: a syslog receiver on a port of its own, and `new_app(database)`, an ASGI app to look at it."""

from shared.local.standins.qradar.app import Qradar, new_app
from shared.local.standins.qradar.reading import Event, read_event
from shared.local.standins.qradar.receiver import Options

__all__ = ["Event", "Options", "Qradar", "new_app", "read_event"]
