"""Events that no rule was written for, with the verdict of someone who has been on call for years."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from shared.events.model import Observation
from shared.rules.specimen import build


class Judged(NamedTuple):
    """One event and what is to be said of it: the fields that tests.support.leave_out compares."""

    project: str
    observation: Observation
    wanted: dict[str, object]


def events(file: Path) -> Iterator[Judged]:
    """Yield the events of a file in the form that tests/contract/unknown_events.yaml explains at its top."""
    for project, lines in yaml.safe_load(file.read_text(encoding="utf-8")).items():
        for component, thing, type_, reason, message, verdict in lines:
            kind, _, version = thing.partition(" ")
            event = {"component": component, "kind": kind, "type": type_, "reason": reason, "message": message}
            made = build({**event, "api_version": version})
            assert isinstance(made, Observation), made
            yield Judged(project, made, _wanted(verdict))


def _wanted(verdict: str) -> dict[str, object]:
    place, severity, phase, *ticket = verdict.split()
    category, subcategory = place.split("/")
    return {
        "category": category,
        "subcategory": subcategory,
        "severity": severity,
        "phase": phase,
        "ticket": ticket == ["ticket"],
    }
