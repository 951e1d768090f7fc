"""The rigs of all destinations: the contract suites run each of them."""

from tests.support.rigs.glpi import ModernTickets, Tickets
from tests.support.rigs.place import RecordRig, TicketRig
from tests.support.rigs.servicenow import Incidents
from tests.support.rigs.splunk import Records

TICKETS: dict[str, TicketRig] = {rig.function: rig for rig in (Incidents(), Tickets())}
TICKETS["glpi_ticket by the API v2"] = ModernTickets()
RECORDS: dict[str, RecordRig] = {rig.function: rig for rig in (Records(),)}
