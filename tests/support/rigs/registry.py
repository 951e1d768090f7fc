"""The rigs of all destinations: the contract suites run each of them."""

from tests.support.rigs.place import RecordRig, TicketRig, UpsertRig
from tests.support.rigs.servicenow import Events, Incidents, SecurityIncidents
from tests.support.rigs.splunk import Records

TICKETS: dict[str, TicketRig] = {rig.function: rig for rig in (Incidents(), SecurityIncidents())}
RECORDS: dict[str, RecordRig] = {rig.function: rig for rig in (Records(),)}
UPSERTS: dict[str, UpsertRig] = {rig.function: rig for rig in (Events(),)}
