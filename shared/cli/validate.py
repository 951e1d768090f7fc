"""`tidings validate`: everything that teams edit, all errors at once, each with file:line and what to write instead."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, console, fail, print_problems
from shared.delivery.mapping import load_mapping
from shared.events.problem import Problem
from shared.local.broker.loader import load_topology
from shared.rules.shipped import SHIPPED
from shared.rules.validation import validate as validate_rules

EXAMPLE = "Example: tidings validate my-rules/ knative/"
_FUNCTIONS = SHIPPED.parents[1]


def command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; without any, everything that is shipped.")
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Check rule packs and their tests, mappings and Trigger manifests."""
    named = paths or [SHIPPED, *sorted(_FUNCTIONS.glob("*/mapping.yaml")), Path("knative")]
    missing = [path for path in named if not path.exists()]
    if missing:
        fail(*(f"{path}: there is no such file or folder" for path in missing), code=2)
    problems, warnings = check(named)
    print_problems([*problems, *warnings], output)
    if output is Output.table:
        count = f"{len(problems)} errors" if problems else "everything is fine"
        console().print(f"{count}{f', {len(warnings)} warnings' if warnings else ''}")
    if problems:
        raise typer.Exit(1)


def check(paths: list[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return the errors and the warnings of files and folders, each checked as what it holds."""
    rules: list[Path] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for path in paths:
        if _is_manifests(path):
            topology = load_topology(path if path.is_dir() else path.parent)
            problems += topology.problems
            warnings += topology.warnings
        elif path.name == "mapping.yaml":
            found = load_mapping(path)
            problems += found if isinstance(found, list) else []
        else:
            rules.append(path)
    if rules:
        problems += validate_rules(rules)
    return problems, warnings


def _is_manifests(path: Path) -> bool:
    """Return True for Kubernetes manifests: the first YAML file below says its apiVersion."""
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return any(
        line.startswith("apiVersion:") for line in (files[0].read_text(errors="replace").splitlines() if files else ())
    )
