"""TLS of our own port: a certificate for it, and where senders are told by theirs, who signs those.

A client's certificate is asked for, and verified where there is one, but not demanded: probes have none. Whether who
sends must have one is the gate's to say (AUTH=mtls): what it says is in the scope (shared/runtime/gathered.py).
"""

import contextlib
import os
import ssl
from collections.abc import Callable, Mapping

from shared.settings.environment import SettingsError

CERT, KEY, CLIENT_CA = "TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"


def server_context(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return the context of our port, None where it is plain. Raises SettingsError for files that cannot serve."""
    cert, key, client_ca = (environ.get(name, "") for name in (CERT, KEY, CLIENT_CA))
    if not cert:
        orphans = [name for name, value in ((KEY, key), (CLIENT_CA, client_ca)) if value]
        if orphans:
            raise SettingsError([f"{CERT} is not set: {' and '.join(orphans)} cannot do without it"])
        return None
    context = _built(cert, key, client_ca)
    _follow(context, cert, key, client_ca)
    return context


def _built(cert: str, key: str, client_ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(CERT, cert, lambda: context.load_cert_chain(cert, key or None, password=_no_password))
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        _load(CLIENT_CA, client_ca, lambda: context.load_verify_locations(cafile=client_ca))
    return context


def _load(name: str, path: str, load: Callable[[], object]) -> None:
    try:
        load()
    except ssl.SSLError:
        raise SettingsError([f"{name}: {path} holds nothing that fits: it must be PEM, and a key must fit"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError([f"{name}: {path} cannot be used ({reason})"]) from None


def _no_password() -> str:
    """Ask nobody on a terminal for a key's password. Raises ValueError."""
    raise ValueError("its key has a password")


def _follow(context: ssl.SSLContext, *files: str) -> None:
    """Take renewed files at the next handshake; those that do not fit together yet are tried again at the next one."""
    taken, current = _stamps(*files), context

    def renew(tls: ssl.SSLObject, *_: object) -> None:
        nonlocal taken, current
        with contextlib.suppress(OSError, SettingsError):
            there = _stamps(*files)
            if there != taken:
                current = _built(*files)
                taken = there
        if current is not context:
            tls.context = current

    context.sni_callback = renew  # it comes first in each handshake, with a name or without one


def _stamps(*paths: str) -> list[tuple[int, int]]:
    return [(status.st_mtime_ns, status.st_ino) for path in paths if path and (status := os.stat(path))]  # noqa: PTH116
