"""The classifier: says what each observation means, and replies with observation and verdict. It keeps no state."""
