"""Tables, columns and choices of the stand-in: the part of an instance's dictionary that integrations meet.

From reference/destinations.md §1.4 and the public documentation of the incident table.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "integer", "boolean", "date", "reference", "journal"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `reference` names the table that a reference points into."""

    name: str
    kind: Kind = "string"
    length: int = 40
    reference: str = ""


def _columns(*names: str, kind: Kind = "string", length: int = 40, reference: str = "") -> tuple[Column, ...]:
    return tuple(Column(name, kind, length, reference) for name in names)


SYSTEM = (
    Column("sys_id", length=32),
    *_columns("sys_created_on", "sys_updated_on", kind="date"),
    *_columns("sys_created_by", "sys_updated_by"),
    Column("sys_mod_count", "integer"),
    Column("sys_class_name", length=80),
)

_INCIDENT = (
    Column("number"),
    Column("short_description", length=160),
    Column("description", length=4000),
    *_columns("state", "incident_state", "impact", "urgency", "priority", "severity", kind="integer"),
    *_columns("hold_reason", "notify", "escalation", "reopen_count", "reassignment_count", kind="integer"),
    *_columns("category", "subcategory", "contact_type", "close_code"),
    Column("close_notes", length=4000),
    *_columns("correlation_id", "correlation_display", length=100),
    Column("assignment_group", "reference", 32, "sys_user_group"),
    *_columns(
        "assigned_to", "caller_id", "opened_by", "resolved_by", "closed_by",
        kind="reference", length=32, reference="sys_user",
    ),
    *_columns("cmdb_ci", "business_service", kind="reference", length=32, reference="cmdb_ci"),
    *_columns("parent", "parent_incident", kind="reference", length=32, reference="incident"),
    *_columns("opened_at", "resolved_at", "closed_at", "due_date", kind="date"),
    *_columns("active", "knowledge", "made_sla", kind="boolean"),
    *_columns("work_notes", "comments", kind="journal", length=4000),
    Column("watch_list", length=4000),
)  # fmt: skip

EVENT = (
    *_columns("source", "node", "type", "resource", length=100),
    *_columns("event_class", "metric_name", length=255),
    Column("message_key", length=1024),
    Column("severity", "integer"),
    Column("description", length=4000),
    Column("additional_info", length=100_000),
    Column("time_of_event", "date"),
    *_columns("resolution_state", "ci_type", length=255),
)
"""What an event says; an integration cannot have columns of its own there."""

_SECURITY = (
    *_columns("source", "alert_sensor", "alert_rule", length=255),
    *_columns("risk_score", "business_impact", kind="integer"),
    Column("affected_user", "reference", 32, "sys_user"),
)

_CHANGE = (
    Column("number"),
    *_columns("type", "category", "contact_type", "close_code", "approval", "conflict_status", "phase"),
    Column("short_description", length=160),
    *_columns(
        "description", "close_notes", "justification", "implementation_plan", "backout_plan", "test_plan",
        "risk_impact_analysis", "on_hold_reason",
        length=4000,
    ),
    *_columns("state", "impact", "urgency", "priority", "risk", kind="integer"),
    *_columns("correlation_id", "correlation_display", length=100),
    *_columns("chg_model", "std_change_producer_version", length=32),
    Column("assignment_group", "reference", 32, "sys_user_group"),
    *_columns(
        "assigned_to", "requested_by", "opened_by", "closed_by", kind="reference", length=32, reference="sys_user"
    ),
    *_columns("cmdb_ci", "business_service", kind="reference", length=32, reference="cmdb_ci"),
    Column("parent", "reference", 32, "change_request"),
    *_columns("opened_at", "closed_at", "start_date", "end_date", "work_start", "work_end", kind="date"),
    Column("conflict_last_run", "date"),
    *_columns("active", "on_hold", "cab_required", "unauthorized", kind="boolean"),
    *_columns("work_notes", "comments", kind="journal", length=4000),
)  # fmt: skip

_CI = (
    *_columns("name", "fqdn", "ip_address", "serial_number", "correlation_id", length=255),
    *_columns("short_description", "namespace", "k8s_uid", "discovery_source", length=1000),
    *_columns("install_status", "operational_status", kind="integer"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "incident": (*SYSTEM, *_INCIDENT),
    "sn_si_incident": (*SYSTEM, *_INCIDENT, *_SECURITY),
    "change_request": (*SYSTEM, *_CHANGE),
    "std_change_record_producer": (
        *SYSTEM,
        *_columns("name", "short_description", length=160),
        *_columns("description", "implementation_plan", "backout_plan", "test_plan", length=4000),
        Column("active", "boolean"),
    ),
    "conflict": (
        *SYSTEM,
        *_columns("change", "conflicting_change", kind="reference", length=32, reference="change_request"),
        *_columns("type", "schedule"),
    ),
    "sn_ti_observable_type": (*SYSTEM, *_columns("name", "value", length=100)),
    "sn_ti_observable": (
        *SYSTEM,
        Column("value", length=1000),
        Column("type", "reference", 32, "sn_ti_observable_type"),
        *_columns("finding", "notes", length=1000),
    ),
    "sn_ti_m2m_task_observable": (
        *SYSTEM,
        Column("task", "reference", 32, "sn_si_incident"),
        Column("observable", "reference", 32, "sn_ti_observable"),
        Column("context"),
    ),
    "em_event": (*SYSTEM, *EVENT, *_columns("state", "alert", "processing_notes", length=255)),
    "em_alert": (
        *SYSTEM,
        *_columns("number", "state"),
        *EVENT,
        Column("event_count", "integer"),
    ),
    "sys_user_group": (
        *SYSTEM,
        *_columns("name", "type", length=80),
        *_columns("description", "email", length=1000),
        Column("manager", "reference", 32, "sys_user"),
        Column("active", "boolean"),
    ),
    "sys_user": (
        *SYSTEM,
        *_columns("user_name", "first_name", "last_name", "name", "email", length=100),
        Column("active", "boolean"),
    ),
    "sys_dictionary": (
        *SYSTEM,
        *_columns("name", "element", "column_label", "internal_type", "reference", length=80),
        Column("max_length", "integer"),
        *_columns("mandatory", "active", "read_only", kind="boolean"),
    ),
    "sys_choice": (
        *SYSTEM,
        *_columns("name", "element", "value", "label", length=100),
        Column("inactive", "boolean"),
    ),
    "sys_journal_field": (
        *SYSTEM,
        *_columns("element_id", "element", "name"),
        Column("value", length=4000),
    ),
    "cmdb_ci": (*SYSTEM, *_CI),
    "cmdb_ci_server": (*SYSTEM, *_CI),
    "cmdb_ci_kubernetes_cluster": (*SYSTEM, *_CI),
    "cmdb_ci_kubernetes_component": (
        *SYSTEM,
        *_CI,
        Column("cluster", "reference", 32, "cmdb_ci_kubernetes_cluster"),
    ),
}

DISPLAY = {
    "sys_user_group": "name", "sys_user": "name", "cmdb_ci": "name", "incident": "number", "em_alert": "number",
    "sn_ti_observable": "value", "sn_ti_observable_type": "name",
    "sn_si_incident": "number", "change_request": "number", "std_change_record_producer": "name",
}  # fmt: skip
NUMBERS = {"incident": "INC", "em_alert": "Alert", "sn_si_incident": "SIR", "change_request": "CHG"}
"""What a record's number begins with."""

CHOICES: dict[str, dict[str, str]] = {
    "state": {
        "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled",
    },
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "priority": {
        "1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning",
    },
    "hold_reason": {"1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change"},
}  # fmt: skip
CHOICES["incident_state"] = CHOICES["state"]
CHOICES_OF: dict[str, dict[str, dict[str, str]]] = {
    "change_request": {
        "state": {
            "-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement", "0": "Review",
            "3": "Closed", "4": "Canceled",
        },
        "risk": {"2": "High", "3": "Moderate", "4": "Low"},
        "close_code": {
            "successful": "Successful", "successful_issues": "Successful with issues", "unsuccessful": "Unsuccessful",
        },
    },
    "conflict": {"type": {"not_in_maintenance_window": "Not In Maintenance Window"}},
}  # fmt: skip
"""Choices of single tables, which go before those of all."""


def labels(table: str, name: str) -> dict[str, str]:
    """Return the labels of a field's choices, none where it has none."""
    return CHOICES_OF.get(table, {}).get(name) or CHOICES.get(name, {})


CLOSE_CODES = (
    "Duplicate",
    "Known error",
    "No resolution provided",
    "Resolved by caller",
    "Resolved by change",
    "Resolved by problem",
    "Resolved by request",
    "Solution provided",
    "User error",
    "Workaround provided",
)

OBSERVABLE_TYPES = (
    "IP address (V4)", "IP address (V6)", "Domain name", "URL", "Email address", "MD5 hash", "SHA1 hash", "SHA256 hash",
    "SHA512 hash", "File", "File Name", "File path", "Host name", "MUTEX name", "Registry key", "Username",
)  # fmt: skip
"""Types of observables, by the names that integrations of others know; which of them an instance has is a guess."""

GROUPS = ("Kubernetes Platform", "Network", "Platform Engineering", "Security Operations", "Service Desk", "Storage")
