"""Explain every observation of an input, in the form that is wanted."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.cli.configured import effective
from shared.cli.explained import actors, as_dict, explained, previewers, row
from shared.cli.inputs import Unreadable
from shared.cli.output import Output, complain, print_document, print_line, print_rows, show, waiting, width
from shared.cli.page import page
from shared.cli.payloads import Result, read
from shared.events.model import Observation
from shared.local.broker.topology import Topology
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.settings.environment import SettingsError

_IN_FULL = 5  # so many observations are explained on pages of their own; of more, a table says what became of them
_POLICY = "CORRELATOR_POLICY"
_COLUMNS = ("severity", "phase", "ticket", "reason", "object", "rule")


def run(
    path: Path | None, *, cluster: str, rules: Path | None, policy: Path | None, knative: Path, output: Output
) -> bool:
    """Explain and print; return whether there was any observation. Raises OSError, RulesError, SettingsError."""
    environ = effective()  # `.env`, too: what is explained is what `tidings up` beside it would do
    ruleset = rules_of(rules, environ)
    cluster = cluster or environ.get("CLUSTER", "")
    found = read(path, sys.stdin.buffer, cluster, datetime.now(UTC))
    if output is Output.jsonl:
        return _lines(found, ruleset)
    with waiting("reading"):
        results = list(found)
    if output is Output.json:
        print_document(_documents(results, ruleset, knative))
    else:
        _tables(results, ruleset, knative)
        if policy or environ.get(_POLICY):
            show(f"The policy that --policy or {_POLICY} names is not asked here, for it looks at many: --follow does.")
    return any(isinstance(item, Observation) for item in results)


def rules_of(folder: Path | None, environ: Mapping[str, str]) -> RuleSet:
    """Return the rules in force, with the packs of a folder, else of the settings. Raises RulesError, SettingsError."""
    own = environ.get("CLASSIFIER_RULES")
    folder = folder or (Path(own) if own else None)
    if folder is not None and not folder.is_dir():
        raise SettingsError([f"{folder} is no folder of rule packs"])
    return load_shipped(folder)


def _lines(found: Iterator[Result], ruleset: RuleSet) -> bool:
    good = False
    for item in found:
        if isinstance(item, Unreadable):
            print_line({"error": item.error})
        else:
            good = True
            print_line(row(item, classify(item, ruleset)))
    return good


def _documents(results: list[Result], ruleset: RuleSet, knative: Path) -> list[dict[str, Any]]:
    topology, destinations = topology_of(knative), {**previewers(), **actors()}
    return [
        {"error": item.error}
        if isinstance(item, Unreadable)
        else as_dict(explained(item, ruleset, topology, destinations))
        for item in results
    ]


def _tables(results: list[Result], ruleset: RuleSet, knative: Path) -> None:
    observations = [item for item in results if isinstance(item, Observation)]
    if len(observations) > _IN_FULL:
        rows = [_short(row(item, classify(item, ruleset)), item) for item in observations]
        print_rows(rows, _COLUMNS, Output.table)
    elif observations:
        topology, destinations = topology_of(knative), {**previewers(), **actors()}
        for item in observations:
            show(page(explained(item, ruleset, topology, destinations), width()), soft_wrap=True, end="")
    for error in (item.error for item in results if isinstance(item, Unreadable)):
        complain(f"no observation: {error}")


def _short(line: dict[str, Any], item: Observation) -> dict[str, Any]:
    return {**line, "object": item.object.path}


def topology_of(folder: Path, components: Sequence[str] = ()) -> Topology | str:
    """Return what the manifests say, with those of some components, or why there are none."""
    if not folder.exists():
        return f"there is no folder {folder}; name it by --knative"
    from shared.local.broker.loader import load_topology  # YAML is needed only where Triggers are shown

    found = load_topology(folder, [name.replace("_", "-") for name in components])
    return found if found.triggers or found.problems else f"there is no Trigger in {folder}; name another by --knative"
