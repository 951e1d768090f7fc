"""All commands by name; only the room of the one that runs is imported."""

import importlib
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

COMMANDS: dict[str, str] = {
    "up": "Run the whole system in one process on one port, with stand-ins for what is not configured.",
    "explain": "Say what would become of events, and why. Sends nothing.",
    "validate": "Check rules and their tests, mappings, Triggers and settings: all errors at once.",
    "triggers": "Show which event types and categories go where, and what goes nowhere.",
    "doctor": "Check each configured system: reach, credentials, rights, fields.",
    "episodes": "List, show or close episodes: what is and was wrong in the clusters.",
    "state": "Export or import what a store keeps: for backups, and to move to another store.",
    "dead-letters": "List, show, retry or discard what no try could deliver.",
    "trail": "Show what led to a ticket, by which rule, who was told and answered; verify what is archived.",
    "archive": "Keep what a bus holds for years in a folder or in S3: export, seal, list, erase, expire.",
    "replay": "Hand events of a bus or an archive, or dead letters, to the broker or to one destination again.",
    "publish": "The same as replay: without --from, what a group of the bus has not had yet.",
    "bus": "Make the topics of the bus, or say what they hold.",
    "schema": "Print the JSON Schema of rules, mappings, settings or events.",
    "serve": "Serve one function on its own port, exactly as its container does.",
}
"""Names and what `tidings --help` says of them."""

_MODULES = {"publish": "replay"}
"""Names that are a second one of a command."""

_SERVE = "Example: tidings serve classifier --port 8081; or from a bus: tidings serve webhook --source nats"
_EXAMPLE = "Example: kubectl get events -A -o json | tidings explain"


def _version(wanted: bool) -> None:
    if wanted:
        from shared.telemetry.metrics import installed_version  # only where somebody asks

        typer.echo(f"tidings {installed_version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take what belongs to no command."""


def build(wanted: Iterable[str]) -> typer.Typer:
    """Return the command with all names in its help, of which those that are wanted can be run."""
    chosen = set(wanted)
    app = typer.Typer(
        name="tidings",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Kubernetes and OpenShift events to tickets and SIEM: one problem, one ticket.",
        epilog=_EXAMPLE,
        callback=_options,
    )
    for name, about in COMMANDS.items():
        if name == "serve":
            app.command("serve", help=about, epilog=_SERVE)(_serve)
        elif name in chosen:
            _add(app, name)
        else:
            app.command(name, help=about)(_not_chosen)
    return app


def _add(app: typer.Typer, name: str) -> None:
    module = importlib.import_module(f"shared.cli.{_MODULES.get(name, name).replace('-', '_')}")
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name)
    else:
        command: Callable[..., None] = module.command
        app.command(name, epilog=module.EXAMPLE)(command)


def _not_chosen() -> None:
    """Stand in for a command in the list of all of them."""
    raise RuntimeError("a command that was not built was called")


def _serve(function: str = typer.Argument(help="Name of the function, as classifier.")) -> None:
    """Serve one function on its own port, as its container does (--host, --port, PORT); --source: also from a bus."""
    # Reached only through the help: `tidings serve …` itself never comes here (shared/cli/__main__.py).
    from shared.runtime.serve import main

    raise typer.Exit(main([function]))
