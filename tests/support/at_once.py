"""The policy of tests that are about something else: what would wait for people's sake does not."""

from pathlib import Path

AT_ONCE = {"CORRELATOR_POLICY": str(Path(__file__).with_suffix(".yaml"))}
"""Settings with which each problem gets its ticket at once, and each change is told at once."""
