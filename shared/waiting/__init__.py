"""Waiting until a time and no longer, at little cost."""
