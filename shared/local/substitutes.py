"""Which foreign systems `tidings up` stands in for: those that no setting names."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from shared.local.standins import servicenow, splunk
from shared.local.standins.servicenow.app import ServiceNow
from shared.local.standins.splunk.app import Splunk

_SERVICENOW = "servicenow_incident"
_SPLUNK = "siem_forwarder"
SERVICENOW_PATH = "/stand-ins/servicenow"
SPLUNK_PATH = "/stand-ins/splunk"
DEFAULT_GROUP = "Platform Engineering"


@dataclass(frozen=True, slots=True)
class Standins:
    """The stand-ins that run, None where a real system is configured."""

    servicenow: ServiceNow | None
    splunk: Splunk | None

    def mounted(self) -> dict[str, ServiceNow | Splunk]:
        """Return the stand-ins by the path below which they answer."""
        apps = {SERVICENOW_PATH: self.servicenow, SPLUNK_PATH: self.splunk}
        return {path: app for path, app in apps.items() if app is not None}

    def settings(self, address: str) -> dict[str, str]:
        """Return the settings that make the functions speak to the stand-ins at this address of ours."""
        values: dict[str, str] = {}
        if self.servicenow is not None:
            user = servicenow.USERS[0]
            values |= {
                "SERVICENOW_INSTANCE": address + SERVICENOW_PATH,
                "SERVICENOW_USERNAME": user.name,
                "SERVICENOW_PASSWORD": user.password,
                "SERVICENOW_ASSIGNMENT_GROUP": DEFAULT_GROUP,
            }
        if self.splunk is not None:
            values |= {"SPLUNK_HEC_URL": address + SPLUNK_PATH, "SPLUNK_TOKEN": splunk.TOKENS[0].value}
        return values

    def close(self) -> None:
        """Close their databases."""
        for app in self.mounted().values():
            app.close()


def open_standins(real: Collection[str], data: Path, groups: list[str]) -> Standins:
    """Open a stand-in for each system but those of the functions in `real`; its state lies beside the broker's."""
    return Standins(
        servicenow=None if _SERVICENOW in real else servicenow.new_app(str(data / "servicenow.db"), groups=groups),
        splunk=None if _SPLUNK in real else splunk.new_app(str(data / "splunk.db")),
    )
