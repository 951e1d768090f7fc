"""Run one stand-in alone: `python -m shared.local.standins servicenow --port 0 --database FILE`."""

import argparse
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from shared.local.standins import elastic, glpi, qradar, servicenow, splunk, webhook
from shared.local.standins.faults import Faults, parse_rules

_APPS: dict[str, Callable[[str, Faults], Callable[[Any, Any, Any], Awaitable[None]]]] = {
    "qradar": lambda database, faults: qradar.new_app(database, faults=faults),
    "glpi": lambda database, faults: glpi.new_app(database, faults=faults),
    "servicenow": lambda database, faults: servicenow.new_app(database, faults=faults),
    "splunk": lambda database, faults: splunk.new_app(database, faults=faults),
    "elastic": lambda database, faults: elastic.new_app(database, faults=faults),
    "webhook": lambda database, faults: webhook.new_app(database, faults=faults),
}


def main() -> None:
    """Serve until a signal comes; the first line printed ends with the address."""
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
        print(f"{options.name} stand-in: http://{address[0]}:{address[1]}", flush=True)  # noqa: T201 -- its output
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
