"""Where `tidings` begins: `serve` without the command line's libraries, all else with them."""

import sys


def main() -> None:
    """Run the command and exit with its code: 0 fine, 1 the answer is no, 2 wrong usage."""
    if len(sys.argv) > 1 and sys.argv[1] == "serve":
        # A function's cold start must not pay for typer and rich.
        from shared.runtime.serve import main as serve

        sys.exit(serve(sys.argv[2:]))
    from shared.cli.app import app

    app()


if __name__ == "__main__":
    main()
