"""Where `tidings` begins: `serve` without the command line's libraries, all else with them."""

import os
import sys
from typing import TYPE_CHECKING

from shared.start import loading

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from shared.runtime.asgi import App
    from shared.runtime.edge import Edge


def publish() -> None:
    """Run `tidings publish` by the name under which an image is asked for it."""
    sys.argv[1:1] = ["publish"]
    main()


def main() -> None:
    """Run the command and exit with its code: 0 fine, 1 the answer is no, 2 wrong usage."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] == ["serve"]:  # a function's cold start must not pay for typer and rich
            loading.begin()
            from shared.runtime.serve import main as serve

            sys.exit(serve(arguments[1:], consuming=_consuming))
        from shared.cli.commands import COMMANDS, build

        completing = "_TIDINGS_COMPLETE" in os.environ
        command = build(COMMANDS if completing else arguments)
        loading.end()
        command(prog_name="tidings")
    except KeyboardInterrupt:
        sys.exit(1)  # Ctrl-C before a command was at work: there is nothing to say
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").lower() == "debug":
            raise
        what = f"{type(error).__name__}: {error}".replace("\n", " ")
        sys.exit(f"tidings: a mistake in Tidings itself: {what} (LOG_LEVEL=debug shows where)")


def _consuming(app: "App", edge: "Edge", options: "Namespace", environ: "Mapping[str, str]") -> "App":
    from shared.local.consuming import around  # buses and the broker's rules, only where --source is given

    return around(app, edge, options, environ)


if __name__ == "__main__":
    main()
