"""Replies with what changed in an object, and which of its conditions began or ended."""
