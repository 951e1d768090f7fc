"""A Splunk HTTP Event Collector to test against: `new_app(database)` is an ASGI app."""

from shared.local.standins.splunk.app import TOKENS, Options, Splunk, Token, new_app
from shared.local.standins.splunk.codes import CODES, rule

__all__ = ["CODES", "TOKENS", "Options", "Splunk", "Token", "new_app", "rule"]
