"""All commands by name."""

import typer

from shared.cli import dead_letters, doctor, episodes, explain, schema, up, validate

app = typer.Typer(
    name="tidings",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Kubernetes and OpenShift events to tickets and SIEM: one problem, one ticket.",
)

app.command("up", epilog=up.EXAMPLE)(up.command)
app.command("explain", epilog=explain.EXAMPLE)(explain.command)
app.command("validate", epilog=validate.EXAMPLE)(validate.command)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.command)
app.command("schema", epilog=schema.EXAMPLE)(schema.command)
app.add_typer(episodes.app, name="episodes")
app.add_typer(dead_letters.app, name="dead-letters")


@app.command("serve", epilog="Example: tidings serve classifier --port 8081")
def _serve(function: str = typer.Argument(help="Name of the function, as classifier.")) -> None:
    """Serve one function on its own port, exactly as its container does (--host, --port, or PORT)."""
    # Reached only through the help: `tidings serve …` itself never comes here (shared/cli/__main__.py).
    from shared.runtime.serve import main

    raise typer.Exit(main([function]))
