"""The command `tidings`: the only room that knows a terminal."""
