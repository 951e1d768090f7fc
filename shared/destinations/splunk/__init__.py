"""Splunk's HTTP Event Collector: settings, client, check for `tidings doctor` (reference/destinations.md §3)."""
