"""GLPI over its legacy REST API (10 and 11) or the API v2 of GLPI 11 (reference/destinations.md §2)."""
