"""Any HTTP target that takes a request for each event."""
