"""Who is asking: Basic, OAuth bearer tokens, API keys; and the hourly rate limit."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from shared.local.standins.basic import credentials
from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.servicenow.store import Database

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program with an account. `itil` may write incidents, `itil_admin` may close them."""

    name: str
    password: str
    roles: tuple[str, ...] = ("itil",)


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth application; `user` is whom it acts for with the client_credentials grant."""

    id: str
    secret: str
    user: str


USERS = (
    User(
        "tidings",
        "tidings",
        ("itil", "evt_mgmt_integration", "sn_si.basic", "sn_ti_observable.write", "sn_change_writer"),
    ),
    User("viewer", "viewer", ("snc_read_only",)),
)
CLIENTS = (Client("tidings-client", "tidings-secret", "tidings"),)
TOKENS = {"tidings-token": "tidings"}
API_KEYS = {"tidings-api-key": "tidings"}
"""Whom a bearer token and a REST API key stand for; neither is taken in the other's place."""


def error(status: int, message: str, detail: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """Return ServiceNow's error envelope."""
    return json_response(status, {"error": {"message": message, "detail": detail}, "status": "failure"}, headers)


class Access:
    """Accounts and issued tokens of one instance."""

    def __init__(
        self, database: Database, users: tuple[User, ...], clients: tuple[Client, ...], tokens: Mapping[str, str]
    ) -> None:
        self._database = database
        self._users = {user.name: user for user in users}
        self._clients = {client.id: client for client in clients}
        self._tokens = dict(tokens)

    def authenticate(self, request: Request) -> User | Response:
        """Return the user of a request, or the 401."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name = ""
        if request.headers.get("x-sn-apikey"):
            name = API_KEYS.get(request.headers["x-sn-apikey"], "")
        elif scheme.lower() == "bearer":
            name = self._tokens.get(value) or self._database.token_user("token", value, time.time())
        elif scheme.lower() == "basic":
            name = self._basic(value)
        user = self._users.get(name)
        if user is not None:
            return user
        return error(
            401,
            "User Not Authenticated",
            "Required to provide Auth information",
            {"WWW-Authenticate": 'BASIC realm="Service-now"'},
        )

    def issue(self, request: Request, seconds: int) -> Response:
        """Answer `POST /oauth_token.do`: a form with client_credentials, password or refresh_token."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _refused("invalid_request")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not client_id and scheme.lower() == "basic":
            client_id, client_secret = credentials(value) or ("", "")
        client = self._clients.get(client_id)
        if client is None or not secrets.compare_digest(client.secret.encode(), client_secret.encode()):
            return _refused("invalid_client")
        match form.get("grant_type", ""):
            case "client_credentials":
                name = client.user
            case "password":
                name = self._checked(form.get("username", ""), form.get("password", ""))
            case "refresh_token":
                name = self._database.token_user("refresh", form.get("refresh_token", ""), time.time())
            case _:
                return _refused("unsupported_grant_type")
        if not name:
            return _refused("access_denied")
        token, refresh = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        self._database.save_token(token, refresh, name, time.time() + seconds)
        answer = {"access_token": token, "scope": "useraccount", "token_type": "Bearer", "expires_in": seconds}
        if form["grant_type"] != "client_credentials":
            answer["refresh_token"] = refresh
        return json_response(200, answer)

    def _basic(self, value: str) -> str:
        given = credentials(value)
        return self._checked(*given) if given else ""

    def _checked(self, name: str, password: str) -> str:
        user = self._users.get(name)
        fits = user is not None and secrets.compare_digest(user.password.encode(), password.encode())
        return name if fits else ""


class RateLimit:
    """Requests per clock hour, for everybody together."""

    def __init__(self) -> None:
        self._window = 0
        self._used = 0

    def spend(self, limit: int) -> tuple[dict[str, str], Response | None]:
        """Count one request; return the headers of every answer, and the 429 where there was one too many."""
        now = int(time.time())
        window = now - now % _HOUR
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Reset": str(window + _HOUR),
            "X-RateLimit-Rule": "Tidings stand-in",
        }
        if self._used <= limit:
            return headers, None
        headers["Retry-After"] = str(window + _HOUR - now)
        detail = f"Rate limit of {limit} requests per hour for Table API exceeded"
        return headers, error(429, "Rate limit exceeded", detail, headers)


def _refused(code: str) -> Response:
    return json_response(401, {"error": code, "error_description": code})
