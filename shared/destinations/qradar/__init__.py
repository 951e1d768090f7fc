"""IBM QRadar by syslog: LEEF, CEF and raw audit records; client, check for `tidings doctor` (destinations.md §5)."""
