"""What `tidings doctor` says of a foreign system, line by line."""

Finding = tuple[bool | None, str]
"""A sentence for people, and whether it is good; None where that cannot be seen from here: neither good nor bad."""
