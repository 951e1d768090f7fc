"""The socket of the embedded system's one port."""

import socket


def listening_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises OSError, OverflowError."""
    # Its protocol is named, or asyncio leaves Nagle's algorithm on for what it accepts: 40 ms for each answer.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except BaseException:
        listening.close()
        raise
    return listening
