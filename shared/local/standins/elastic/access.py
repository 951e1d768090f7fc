"""Who may do what: API keys and users with privileges on indices, as Elasticsearch has them."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from shared.local.standins.basic import credentials
from shared.local.standins.frame import Request, Response, json_response

_IMPLIED: Final = {
    "all": frozenset({"create_doc", "auto_configure", "read", "view_index_metadata", "manage"}),
    "write": frozenset({"create_doc"}),
}


@dataclass(frozen=True, slots=True)
class Account:
    """An API key (`id` and `secret`) or a user (`id` is the name); `monitor` lets it see `/` and templates."""

    id: str
    secret: str
    user: bool = False
    indices: tuple[str, ...] = ("logs-*",)
    privileges: tuple[str, ...] = ("create_doc", "auto_configure", "view_index_metadata")
    monitor: bool = True

    @property
    def encoded(self) -> str:
        """Return it as its header has it: base64 of `id:secret`."""
        return base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()

    def may(self, privilege: str, index: str) -> bool:
        """Return True where the account has the privilege on the index."""
        held = set(self.privileges).union(*(_IMPLIED.get(name, frozenset()) for name in self.privileges))
        return privilege in held and any(fnmatchcase(index, pattern) for pattern in self.indices)


ACCOUNTS: Final = (
    Account("tidings", "tidings-api-key"),
    Account("elastic", "changeme", user=True, indices=("*",), privileges=("all",)),
    Account("write-only", "write-only-api-key", privileges=("create_doc",), monitor=False),
    Account("elsewhere", "elsewhere-api-key", indices=("metrics-*",)),
)


def created(name: str, asked: Any) -> Account:
    """Return the API key that a request to make one asks for, with a secret of its own."""
    roles = asked.get("role_descriptors", {}) if isinstance(asked, dict) else {}
    indices = [one for role in roles.values() for one in role.get("index", ())]
    return Account(
        name,
        secrets.token_urlsafe(16),
        indices=tuple(pattern for one in indices for pattern in one.get("names", ())),
        privileges=tuple(privilege for one in indices for privilege in one.get("privileges", ())),
        monitor=any("monitor" in role.get("cluster", ()) for role in roles.values()),
    )


def restored(kept: dict[str, Any]) -> Account:
    """Return a key as `dataclasses.asdict` wrote it."""
    lists = {name: tuple(told) for name, told in kept.items() if isinstance(told, list)}
    made: dict[str, Any] = kept | lists
    return Account(**made)


def authenticate(request: Request, accounts: Sequence[Account]) -> Account | Response:
    """Return the account of a request, or 401 as the original words it."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"apikey", "basic"}:
        return _refused(f"missing authentication credentials for REST request [{request.path}]")
    pair = credentials(value.strip())
    if pair is None:
        return _refused("unable to authenticate with provided credentials")
    name, secret = pair
    for account in accounts:
        if account.user == (scheme.lower() == "basic") and account.id == name:
            if secrets.compare_digest(account.secret.encode(), secret.encode()):
                return account
            break
    return _refused(f"unable to authenticate with provided credentials for REST request [{request.path}]")


def error(status: int, kind: str, reason: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer in the form in which both products tell of an error."""
    cause = {"type": kind, "reason": reason}
    return json_response(status, {"error": {"root_cause": [cause], **cause}, "status": status}, headers)


def forbidden(action: str, account: Account) -> Response:
    """Return what somebody is told who may not."""
    return error(403, "security_exception", f"action [{action}] is unauthorized for [{account.id}]")


def _refused(reason: str) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="security", charset="UTF-8", ApiKey'}
    return error(401, "security_exception", reason, challenge)
