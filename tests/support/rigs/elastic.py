"""elastic_forwarder against the stand-in of Elasticsearch."""

from typing import Any

from shared.local.standins import elastic
from tests.support.rigs.place import App


class Documents:
    """Documents of a data stream."""

    function = "elastic_forwarder"
    writes = "bulk"
    refuses_copies = True
    url, secret, ca = "ELASTIC_URL", "ELASTIC_API_KEY", "ELASTIC_CA_FILE"
    hurried = {"ELASTIC_TIMEOUT": "0.5"}  # noqa: RUF012 - read only

    def opened(self) -> App:
        return elastic.new_app()

    def settings(self, url: str) -> dict[str, str]:
        return {"ELASTIC_URL": url, "ELASTIC_API_KEY": elastic.ACCOUNTS[0].encoded}

    def records(self, app: Any) -> list[str]:
        return list(app.ids())
