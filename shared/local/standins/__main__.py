"""Run one stand-in alone: `python -m shared.local.standins servicenow --port 0 --database FILE`."""

import argparse
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from shared.local.standins import elastic, glpi, qradar, servicenow, splunk, webhook
from shared.local.standins.faults import Faults, parse_rules
from shared.local.substitutes import SUBSTITUTES, OwnPort

_APPS: dict[str, Callable[[str, Faults], Callable[[Any, Any, Any], Awaitable[None]]]] = {
    "qradar": lambda database, faults: qradar.new_app(database, faults=faults),
    "glpi": lambda database, faults: glpi.new_app(database, faults=faults),
    "servicenow": lambda database, faults: servicenow.new_app(database, faults=faults),
    "splunk": lambda database, faults: splunk.new_app(database, faults=faults),
    "elastic": lambda database, faults: elastic.new_app(database, faults=faults),
    "webhook": lambda database, faults: webhook.new_app(database, faults=faults),
}


def dotenv(name: str, app: object, url: str) -> list[str]:
    """Return the lines of a `.env` that lead Tidings to it."""
    place = app.address if isinstance(app, OwnPort) else url
    return [f"{setting}={value}" for setting, value in SUBSTITUTES[name].settings(place).items()]


def main() -> None:
    """Serve until a signal comes; the first line printed ends with the address, the others are for a `.env`."""
    parser = argparse.ArgumentParser(prog="python -m shared.local.standins", description=__doc__)
    parser.add_argument("name", choices=sorted(_APPS))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--database", default=":memory:", help="file that keeps the state")
    parser.add_argument("--faults", default="[]", help="JSON list of fault rules")
    options = parser.parse_args()
    try:
        faults = Faults(parse_rules(options.faults.encode()))
    except ValueError as error:
        parser.error(f"--faults: {error}")
    app = _APPS[options.name](options.database, faults)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    with socket.create_server((options.host, options.port)) as listener:
        address = listener.getsockname()
        url = f"http://{address[0]}:{address[1]}"
        print(f"{options.name} stand-in: {url}")  # noqa: T201 -- its output
        print(*dotenv(options.name, app, url), sep="\n", flush=True)  # noqa: T201 -- the same
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
