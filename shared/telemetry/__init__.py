"""Logs, metrics and traces: one module each, the same for every function."""
