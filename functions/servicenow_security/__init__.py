"""servicenow_security: one security incident for each episode of that category."""
