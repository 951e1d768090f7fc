"""`tidings triggers`: which events go where, which go nowhere, and which Triggers pass nothing or something twice."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.output import (
    Output,
    OutputOption,
    complain,
    fail,
    print_document,
    print_line,
    print_problems,
    print_rows,
    show,
)
from shared.events.words import counted

if TYPE_CHECKING:
    from shared.cli.routes import Line  # the command's room, only when it runs
    from shared.local.broker.topology import Topology, Trigger

EXAMPLE = "Example: tidings triggers knative --team shop"
_COLUMNS = ("event type", "which", "category", "goes to")
_TRIGGERS = ("trigger", "team", "subscriber", "passes")


def command(
    folder: Annotated[
        Path, typer.Argument(help="Folder with the Trigger manifests, or a file that kustomize rendered.")
    ] = Path("knative"),
    team: Annotated[
        str, typer.Option(help="Only this team's Triggers: their label tidings.dev/team, else their namespace.")
    ] = "",
    output: OutputOption = Output.table,
) -> None:
    """Show which event types and categories the Triggers take; what a filter takes of a kind is tried, not guessed.

    The exit code is 1 where a Trigger has a mistake or can pass nothing, and where there is none.
    """
    from shared.cli.configured import effective  # the command's room, only when it runs
    from shared.cli.routes import NOBODY, as_json, routes, shown
    from shared.local.broker.loader import load_topology
    from shared.runtime.registry import components
    from shared.settings.environment import SettingsError

    if not folder.exists():
        fail(f"{folder}: there is no such file or folder", code=2)
    try:
        wanted = [name.replace("_", "-") for name in components(effective())]
    except SettingsError as error:
        fail(*error.problems)
    topology = load_topology(folder, wanted)
    if not topology.triggers and not topology.problems:
        rendered = f"what an overlay makes is read rendered: kubectl kustomize {folder} > rendered.yaml"
        fail(f"{folder}: there is no Trigger in it" + (f"; {rendered}" if _is_kustomized(folder) else ""))
    found, lines = routes(topology, _of_team(topology, team))
    events, told = as_json(found, lines)
    problems = [*topology.problems, *topology.warnings]
    if output is Output.json:
        rows: list[dict[str, Any]] = [problem._asdict() for problem in problems]
        print_document({"events": events, "triggers": told, "problems": rows})
    elif output is Output.jsonl:
        for what, each in (("event", events), ("trigger", told)):
            for line in each:
                print_line({"what": what, **line})
    else:
        rows = [row for row in shown(found) if not team or row["goes to"] != NOBODY]
        print_rows(rows, _COLUMNS, output)
        show("")
        print_rows([_passes(line) for line in lines], _TRIGGERS, output)
        print_problems(problems, output)
    if topology.problems or any(line.nothing for line in lines):
        raise typer.Exit(1)


def _is_kustomized(folder: Path) -> bool:
    from shared.local.broker.kustomized import KUSTOMIZE  # YAML is needed only where Triggers are shown

    return any((folder / name).is_file() for name in KUSTOMIZE)


def _of_team(topology: "Topology", team: str) -> list["Trigger"]:
    triggers = [trigger for trigger in topology.triggers if team in {"", trigger.team}]
    if team and not triggers:
        teams = ", ".join(sorted({trigger.team for trigger in topology.triggers})) or "none"
        if not topology.problems:
            fail(f"no Trigger here is of team {team!r}; there are: {teams}", code=2)
        # Its Trigger may be the one with the mistake, which is left out of those that were read.
        complain(f"no Trigger without a mistake is of team {team!r}; there are: {teams}; the mistakes are on stdout")
    return triggers


def _passes(line: "Line") -> dict[str, str]:
    trigger = line.trigger
    passes = f"{counted(line.kinds, 'kind')} of events here" if line.kinds else "only others' events"
    if line.nothing:
        passes = "nothing"
    if line.overlaps:
        passes += f"; some of them twice, by {', '.join(line.overlaps)} too"
    return {"trigger": trigger.name, "team": trigger.team, "subscriber": trigger.subscriber, "passes": passes}
