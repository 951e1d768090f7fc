"""An Elasticsearch or OpenSearch to test against: `new_app(database)` is an ASGI app."""

from shared.local.standins.elastic.access import ACCOUNTS, Account
from shared.local.standins.elastic.app import Elastic, Options, new_app

__all__ = ["ACCOUNTS", "Account", "Elastic", "Options", "new_app"]
