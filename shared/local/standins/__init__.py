"""Small servers that behave like the foreign systems: for tests, for `tidings up`, and for benchmarks.

Written from the vendors' documentation (reference/destinations.md), not from our clients, and driven by clients that we
did not write as well. Each is one ASGI app, keeps its state in SQLite, and can be told to fail in scripted ways.
"""
