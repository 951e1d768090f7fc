"""Security incidents: the table, its states, and the fields that no mapping sets (reference/destinations.md §1.5)."""

from typing import Final

from shared.destinations.servicenow.record import NEEDED, OF_TASKS, States
from shared.destinations.servicenow.record import OURS as INCIDENT_OURS
from shared.destinations.servicenow.record import RESERVED as INCIDENTS

__all__ = ["FIELDS", "NEEDED", "OURS", "RESERVED", "STATES", "TABLE"]

TABLE: Final = "sn_si_incident"
STATES: Final = States("16", "100", "3", "7")
"""As they are shipped: Analysis, Review, Closed, Cancelled. What ended by itself is put to Review: whether it is over
is for the analysts to say."""
OURS: Final = INCIDENT_OURS - {"priority"}
"""Unlike an incident's, the priority does not follow from impact and urgency."""
RESERVED: Final = dict.fromkeys(INCIDENTS, OURS)
FIELDS: Final = OF_TASKS
