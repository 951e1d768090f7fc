"""ServiceNow over its Table API (reference/destinations.md §1)."""
