"""A GLPI to test against: `new_app(database)` is an ASGI app."""

from shared.local.standins.glpi.access import APP_TOKEN, PROFILES, USERS, Profile, User
from shared.local.standins.glpi.app import CLIENTS, Glpi, Options, new_app

__all__ = ["APP_TOKEN", "CLIENTS", "PROFILES", "USERS", "Glpi", "Options", "Profile", "User", "new_app"]
