"""Looks at all objects now and then, and emits what a source has lost."""
