"""servicenow_incident: one incident for each episode."""
