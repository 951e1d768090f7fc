"""The rigs of all destinations: the contract suites run each of them."""

from tests.support.rigs.elastic import Documents
from tests.support.rigs.glpi import ModernTickets, Tickets
from tests.support.rigs.place import NoticeRig, RecordRig, TicketRig, UpsertRig
from tests.support.rigs.qradar import Lines
from tests.support.rigs.servicenow import ChangeRequests, Events, Incidents, SecurityIncidents
from tests.support.rigs.splunk import Records
from tests.support.rigs.webhook import Notices

TICKETS: dict[str, TicketRig] = {
    rig.function: rig for rig in (Incidents(), SecurityIncidents(), ChangeRequests(), Tickets())
}
TICKETS["glpi_ticket by the API v2"] = ModernTickets()
NOTICES: dict[str, NoticeRig] = {rig.function: rig for rig in (Notices(),)}
RECORDS: dict[str, RecordRig] = {rig.function: rig for rig in (Records(), Documents(), Lines(), *NOTICES.values())}
UPSERTS: dict[str, UpsertRig] = {rig.function: rig for rig in (Events(),)}
