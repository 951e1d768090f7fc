"""Follows what happens in clusters, and loses nothing of it."""
