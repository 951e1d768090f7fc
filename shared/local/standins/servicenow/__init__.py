"""A ServiceNow instance to test against: `new_app(database)` is an ASGI app."""

from shared.local.standins.servicenow.access import API_KEYS, CLIENTS, TOKENS, USERS, Client, User
from shared.local.standins.servicenow.app import TEMPLATE, Options, ServiceNow, new_app

__all__ = ["API_KEYS", "CLIENTS", "TEMPLATE", "TOKENS", "USERS", "Client", "Options", "ServiceNow", "User", "new_app"]
