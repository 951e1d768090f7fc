"""siem_forwarder against Splunk's stand-in."""

from typing import Any

from shared.local.standins import splunk
from tests.support.rigs.place import App


class Records:
    """Events of the HTTP Event Collector."""

    function = "siem_forwarder"
    writes = "event"
    refuses_copies = False
    url, secret, ca = "SPLUNK_HEC_URL", "SPLUNK_TOKEN", "SPLUNK_CA_FILE"
    hurried = {"SPLUNK_TIMEOUT": "0.5"}  # noqa: RUF012 - read only

    def opened(self) -> App:
        return splunk.new_app()

    def settings(self, url: str) -> dict[str, str]:
        return {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value}

    def records(self, app: Any) -> list[str]:
        return list(app.event_ids())
