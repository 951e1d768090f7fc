"""State behind a small protocol: memory for tests, SQLite for one machine."""
