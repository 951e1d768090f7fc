"""`tidings explain`: what would become of observations, and why. Sends nothing."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, fail

EXAMPLE = "Example: kubectl get events -A -o json | tidings explain -o jsonl"


def command(
    file: Annotated[
        str, typer.Argument(help="File of events (JSON, JSON lines, YAML), or - for standard input.")
    ] = "-",
    cluster: Annotated[str, typer.Option(envvar="CLUSTER", help="Name of the cluster, where an event has none.")] = "",
    rules: Annotated[
        Path | None,
        typer.Option(envvar="CLASSIFIER_RULES", help="A folder of own rule packs, above the shipped ones."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            envvar="CORRELATOR_POLICY",
            help="A file or folder of own policies, above the shipped ones; --follow asks it.",
        ),
    ] = None,
    knative: Annotated[
        Path, typer.Option(help="Folder with the Trigger manifests, or a file that kustomize rendered.")
    ] = Path("knative"),
    follow: Annotated[
        bool, typer.Option("--follow", help="Play them in simulated time: which tickets would be opened, and why.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Say of each observation what it is, what happens to it, why, what nearly matched, and what would be sent.

    With --follow, say what would become of all of them together: which tickets would be opened, held, grouped, closed
    and why, and what each destination would get a day. The exit code is 0 where at least one observation was read.
    """
    import sys

    from shared.events.problem import ProblemsError
    from shared.settings.environment import SettingsError

    path = None if file == "-" else Path(file)
    if path is None and sys.stdin.isatty():
        fail("no events to explain: name a file, or pipe them in", EXAMPLE, code=2)
    try:
        if follow:
            from shared.cli.followed import run as work  # the command's room, only when it runs
        else:
            from shared.cli.explaining import run as work
        good = work(path, cluster=cluster, rules=rules, policy=policy, knative=knative, output=output)
    except (SettingsError, ProblemsError) as error:
        fail(*(str(problem) for problem in error.problems))
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror or error}")
    if not good:
        raise typer.Exit(1)
