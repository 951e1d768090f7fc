"""A cluster's API server, asked directly: its lists and watches, and the memory of what was seen of it."""
