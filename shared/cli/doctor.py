"""`tidings doctor`: each configured system in one line; or which signals the cluster's audit policy lets through."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, fail, print_rows, waiting

EXAMPLE = (
    "Example: SPLUNK_HEC_URL=https://splunk.example:8088 SPLUNK_TOKEN_FILE=token tidings doctor; "
    "or: tidings doctor --audit-policy WriteRequestBodies"
)


def command(
    knative: Annotated[
        Path, typer.Option(help="Folder with the Trigger and service manifests, or a file that kustomize rendered.")
    ] = Path("knative"),
    audit_policy: Annotated[
        str,
        typer.Option(
            metavar="FILE|PROFILE|-",
            help="Say instead which signals an audit policy lets through: a Policy, OpenShift's apiserver/cluster, "
            "or the name of one of its profiles, as WriteRequestBodies.",
        ),
    ] = "",
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Look at the cluster of this kubeconfig instead: is Knative there, is each manifest, ready and as in "
            "its file, are the dead letters empty, and do events flow?",
        ),
    ] = None,
    probe: Annotated[
        float,
        typer.Option(
            min=0,
            max=600,
            metavar="SECONDS",
            help="With --kubeconfig: send a tick through the broker and wait so long for it; 0 sends none.",
        ),
    ] = 60.0,
    output: OutputOption = Output.table,
) -> None:
    """Check each system that the settings name (environment and `.env`); nothing is sent or changed but a probe."""
    if audit_policy:
        _check_policy(audit_policy, output)
        return
    import asyncio
    import logging

    logging.getLogger("tidings.destinations").setLevel(logging.ERROR)  # the rows say what does not answer
    if kubeconfig is not None:
        _check_cluster(kubeconfig, knative, probe, output)
        return
    from shared.cli.diagnosis import diagnose  # the command's room, only when it runs

    with waiting("asking each system") as shown:
        rows = asyncio.run(diagnose(knative, lambda names: shown(f"asking {', '.join(names)}")))
    print_rows(rows, ("system", "state", "finding"), output)
    if any(row["state"] == "bad" for row in rows):
        raise typer.Exit(1)


def _check_cluster(kubeconfig: Path, knative: Path, probe: float, output: Output) -> None:
    for path, option in ((kubeconfig, "--kubeconfig"), (knative, "--knative")):
        if not path.exists():
            fail(f"{option}: there is no {path}", code=2)
    import asyncio

    from shared.cli.cluster_flow import Flow
    from shared.cli.cluster_state import examine  # needs none of the systems, and they do not need it
    from shared.cli.configured import effective
    from shared.local.broker.loader import load_topology
    from shared.local.broker.topology import DEFAULT_NAMESPACE
    from shared.runtime.registry import components
    from shared.settings.environment import SettingsError

    try:
        environ = effective()
        wanted = [name.replace("_", "-") for name in components(environ)]
    except SettingsError as error:
        fail(*error.problems)
    with waiting("asking the cluster"):
        topology = load_topology(knative, wanted)
        flow = Flow(topology, topology.namespace or DEFAULT_NAMESPACE, probe)
        rows = asyncio.run(examine(kubeconfig, knative, wanted, flow, environ))
    print_rows(rows, ("system", "state", "finding"), output)
    if any(row["state"] == "bad" for row in rows):
        raise typer.Exit(1)


def _check_policy(wanted: str, output: Output) -> None:
    from shared.cli.audit_policy import COLUMNS, rows  # needs none of the systems, and they do not need it

    found = rows(wanted)
    if isinstance(found, tuple):
        fail(*found)
    print_rows(found, COLUMNS, output)
    if any(row["seen"] != "yes" for row in found):
        raise typer.Exit(1)
