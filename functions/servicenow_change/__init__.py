"""servicenow_change: one change request for each roll-out."""
